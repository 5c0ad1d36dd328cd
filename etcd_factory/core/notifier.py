"""Telling what changed to functions, one call after another, apart from who noticed it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakSet

from .call.client import Client
from .handlers import call
from .mirror.store import merged

log = logging.getLogger("etcd_factory.mirror")

MOST = 100_000  # changes that wait to be told; beyond, several become one


Merge = Callable[[Iterable[Any]], list[Any]]


class ChangeNotifier:
    """Changes on their way to functions, each the arguments of a call. Nobody who adds one waits.

    Where too many wait, ``merge`` makes fewer of them: a slow function is told less often, but never wrong.
    """

    def __init__(
        self,
        client: Client,
        what: str = "'change' of a mirror",
        merge: Merge = merged,
        most: int | None = None,
        log: logging.Logger = log,
    ) -> None:
        self._io, self._guard = client.io, client.guard()
        self._what, self._merge, self._log = what, merge, log
        self._most = MOST if most is None else most
        self._handlers: list[Callable[..., Any]] = []
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._limit = self._most
        self._signal = self._io.signal()
        self._over = False

    def on(self, handler: Callable[..., Any]) -> None:
        """Call it with each change from now on."""
        with self._guard:
            self._handlers.append(handler)
            first = len(self._handlers) == 1
        if first:
            self._io.keep("changes", Notifiers).add(self)
            self._io.spawn(self._run(), "etcd_factory changes")

    @property
    def wanted(self) -> bool:
        """Whether there is anyone to tell."""
        return bool(self._handlers)

    def add(self, changes: Iterable[tuple[Any, ...]]) -> None:
        """Tell these, if there is anyone to tell."""
        if not self._handlers:
            return
        with self._guard:
            self._waiting.extend(changes)
            if len(self._waiting) > self._limit:
                self._waiting = deque(self._merge(self._waiting))
                self._limit = max(self._most, 2 * len(self._waiting))
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
                    await call(self._io, self._log, self._what, handler, *change)

    def _next(self) -> tuple[Any, ...] | None:
        with self._guard:
            return self._waiting.popleft() if self._waiting else None


class Notifiers:
    """All that tell changes for a client; they end with it. ``client.io.keep`` has one, in asyncio for each loop."""

    def __init__(self) -> None:
        self._open: WeakSet[ChangeNotifier] = WeakSet()

    def add(self, one: ChangeNotifier) -> None:
        """It tells until the client is closed."""
        self._open.add(one)

    async def close(self) -> None:
        """End them."""
        for one in list(self._open):
            one.close()
