"""Calling users' functions with changes, one call after another, apart from whoever noticed the change."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakSet

from .background import Background, Closing
from .handlers import Handler, call_handler, checked

LIMIT = 100_000  # changes that may wait; beyond, several are merged into one

C = TypeVar("C", bound=tuple[Any, ...])  # a change: the arguments of a call


class ChangeNotifier(Generic[C]):
    """Changes on their way to handlers. Adding one never waits.

    Where more than ``limit`` wait, ``merge`` turns them into fewer: a slow handler is called less often, never wrongly.
    """

    def __init__(
        self,
        background: Background[Any],
        what: str,
        merge: Callable[[Iterable[C]], list[C]],
        log: logging.Logger,
        limit: int = LIMIT,
    ) -> None:
        self._background, self._runtime = background, background.runtime
        self._what, self._merge, self._log = what, merge, log
        self._lock = self._runtime.lock()
        self._handlers: list[Handler] = []
        self._waiting: deque[C] = deque()
        self._least, self._limit = limit, limit
        self._signal = self._runtime.signal()
        self._closed = self._runs = False
        background.register(self)

    def on(self, handler: Handler) -> None:
        """Call the handler with each change from now on; ``TypeError`` if it cannot be called in this face."""
        checked(handler, self._runtime.face)
        with self._lock:
            self._handlers.append(handler)
        self._start()

    def _start(self) -> None:
        """Call the handlers in the background from now on, if that has not begun yet."""
        with self._lock:
            first, self._runs = not (self._runs or self._closed), True
        if first:
            self._background.get(Notifiers).add(self)
            self._runtime.spawn(self._run(), "etcd_factory changes")

    @property
    def wanted(self) -> bool:
        """Whether there is a handler."""
        return bool(self._handlers)

    def add(self, changes: Iterable[C]) -> None:
        """Queue changes for the handlers, if there are any."""
        if not self._handlers:
            return
        with self._lock:
            self._waiting.extend(changes)
            if len(self._waiting) > self._limit:
                self._waiting = deque(self._merge(self._waiting))
                self._limit = max(self._least, 2 * len(self._waiting))
        if not self._runs:
            self._start()
        self._signal.set()

    def forget(self) -> object:
        """In a forked child call the handlers there, from the next ``add`` on, with the changes that wait first.

        A call that runs at the time of the fork is the parent's.
        """
        left = self._lock, self._signal
        self._lock, self._signal, self._runs = self._runtime.lock(), self._runtime.signal(), False
        return left

    def close(self) -> None:
        """Call no handler any more."""
        self._closed = True
        self._signal.set()

    async def _run(self) -> None:
        while not self._closed:
            await self._signal.wait()
            self._signal.clear()
            while not self._closed and (change := self._next()) is not None:
                for handler in tuple(self._handlers):
                    await call_handler(self._runtime.face, self._log, self._what, handler, *change)

    def _next(self) -> C | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None


class Notifiers:
    """The running notifiers of a client; they end with it."""

    closing: ClassVar = Closing.NOTIFIERS

    def __init__(self, client: object) -> None:
        del client
        self._open: WeakSet[ChangeNotifier[Any]] = WeakSet()

    def add(self, one: ChangeNotifier[Any]) -> None:
        """Let it run until the client is closed."""
        self._open.add(one)

    async def close(self) -> None:
        """Close them all."""
        for one in list(self._open):
            one.close()
