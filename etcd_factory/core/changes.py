"""Telling what changed to functions, one call after another, apart from who noticed it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .client import Client
from .handlers import call
from .held import Change, merged

log = logging.getLogger("etcd_factory.mirror")

MOST = 100_000  # changes that wait to be told; beyond, those of one key are told as one


class Changes:
    """Changes on their way to functions. Nobody who adds one waits; a slow function gets fewer of them, never a gap."""

    def __init__(self, client: Client) -> None:
        self._io, self._guard = client.io, client.guard()
        self._handlers: list[Callable[..., Any]] = []
        self._waiting: deque[Change] = deque()
        self._limit = MOST
        self._signal = self._io.signal()
        self._over = False

    def on(self, handler: Callable[..., Any]) -> None:
        """Call it with each change from now on."""
        self._handlers.append(handler)
        if len(self._handlers) == 1:
            self._io.spawn(self._run(), "etcd_factory mirror")

    @property
    def wanted(self) -> bool:
        """Whether there is anyone to tell."""
        return bool(self._handlers)

    def add(self, changes: Iterable[Change]) -> None:
        """Tell these."""
        with self._guard:
            self._waiting.extend(change for change in changes if change[0] != change[1])
            if len(self._waiting) > self._limit:
                self._waiting = deque(merged(self._waiting))
                self._limit = max(MOST, 2 * len(self._waiting))
        self._signal.set()

    def close(self) -> None:
        """Tell no more."""
        self._over = True
        self._signal.set()

    async def _run(self) -> None:
        while not self._over:
            await self._signal.wait()
            self._signal.clear()
            while not self._over and (change := self._next()) is not None:
                for handler in tuple(self._handlers):
                    await call(self._io, log, "'change' of a mirror", handler, *change)

    def _next(self) -> Change | None:
        with self._guard:
            return self._waiting.popleft() if self._waiting else None
