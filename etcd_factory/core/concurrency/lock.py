"""Locks across processes: first come, first served, held as long as a lease is kept alive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, ClassVar, Literal, TypeVar, overload

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text
from etcd_factory.core.bound import Guarded, Scoped, opener, operation, untyped
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, Entered, F, Sync
from etcd_factory.core.handlers import call_handler, called, checked
from etcd_factory.errors import LockFailedError, choice

from .queue import QueueEntry, leave_and_log, log

T = TypeVar("T")

EVENTS = ("lost",)


class NotHeldError(LockFailedError, AttributeError):
    """A lock that is not held has no key: ``create_autospec`` takes it for an attribute that is not there."""


class Lock(Entered, Guarded, Scoped[F]):
    """A lock of that name: ``with etcd.lock("name"): ...``; in asyncio ``async with``.

    Each contender makes a ``Lock`` of its own. It is shared with Go's ``concurrency.Mutex`` and ``etcdctl lock``.
    """

    _awaited: ClassVar = "acquire()"

    _run: View
    _entry: QueueEntry | None = None

    def __init__(self, view: View, name: Text, new: Callable[[], QueueEntry]) -> None:
        self._run, self._name, self._new = view, name, new
        self._on_lost: list[Callable[[Lock[F]], object]] = []

    def __repr__(self) -> str:
        state = "held" if self.held else "waiting" if self._in_use else "not held"
        return f"<Lock {self._name!r} {state}>"

    @property
    def _in_use(self) -> QueueEntry | None:
        """The entry that is waiting or holds. It says itself when it is left: an interrupt may come at any moment."""
        entry = self._entry
        return None if entry is None or entry.is_left else entry

    @property
    def held(self) -> bool:
        """Whether it is certainly held: acquired, not released, and its lease not expired."""
        return self._entry is not None and self._entry.is_first and self._entry.alive

    @property
    def key(self) -> bytes:
        """The holder's key, relative to this service's namespace; raises ``LockFailedError`` if the lock is not held.

        ``etcd.if_(lock.key, "create", "==", lock.fencing_token).then(...)`` writes only while the lock is held.
        """
        return self._held_entry().key

    @property
    def fencing_token(self) -> int:
        """A number that grows from holder to holder; what is guarded can refuse one smaller than it has seen.

        It is the create revision of the holder's key; raises ``LockFailedError`` if the lock is not held.
        """
        return self._held_entry().revision

    def _held_entry(self) -> QueueEntry:
        entry = self._entry
        if entry is not None:
            entry.session.check_owner()
        if entry is None or not self.held:
            why = "it was lost" if entry is not None and entry.is_first else "acquire it, or enter it"
            raise NotHeldError(f"the lock {self._name!r} is not held: {why}")
        return entry

    @opener
    async def acquire(self, timeout: float | None = None) -> Lock[F]:
        """Wait for one's turn, for ever or ``timeout`` seconds; 0 tries once. Returns the lock.

        Raises ``LockFailedError`` if it is not acquired in time, also because etcd does not answer, or its lease is
        lost while waiting: then nothing is left behind.
        """
        return await self._acquire(timeout)

    async def _acquire(self, timeout: float | None = None) -> Lock[F]:
        if self._in_use is not None:
            self._in_use.session.check_owner()
            raise LockFailedError(
                f"this object already uses the lock {self._name!r}; create another one to wait for it"
            )
        entry = self._new()
        try:
            self._entry = entry
            await entry.contend(b"", timeout, f"the lock {self._name!r} was not acquired")
        except BaseException:
            if self._entry is entry and not entry.is_first:  # else it is held, or left
                self._entry = None
            raise
        if self._on_lost:  # else nothing would keep the lock alive
            self._listen(entry)
        return self

    def _listen(self, entry: QueueEntry) -> None:
        """Listen for the loss of an entry."""
        entry.listen(partial(self._notify_lost, entry))

    @operation
    async def release(self) -> None:
        """Let the next contender have it. Raises ``LockFailedError`` if it is not in use."""
        entry = self._in_use
        if entry is None:
            raise LockFailedError(f"the lock {self._name!r} is not held: acquire it, or enter it")
        await entry.leave()

    @overload
    def do(self: Lock[Sync], function: Callable[[], T]) -> T: ...
    @overload
    def do(self: Lock[Async], function: Callable[[], Awaitable[T]]) -> Coroutine[Any, Any, T]: ...
    @overload
    def do(self: Lock[Async], function: Callable[[], T]) -> Coroutine[Any, Any, T]: ...
    @untyped
    @operation
    async def do(self, function: Callable[[], Any]) -> Any:
        """Return what ``function()`` returns, called while the lock is held; in asyncio it may be ``async``."""
        face = self._run.face
        checked(function, face, "what is done under a lock")
        await self._enter()
        try:
            return await called(function, face)
        finally:
            await self._exit(None)

    def on(self, event: Literal["lost"], handler: Callable[[Lock[F]], object]) -> Self:
        """Call ``handler(lock)`` in the background if the lock is ``lost`` while it is held; returns the lock."""
        choice(event, EVENTS, "event of a lock")
        self._on_lost.append(checked(handler, self._run.face))
        if len(self._on_lost) == 1 and self._entry is not None and self._entry.is_first:
            self._listen(self._entry)
        return self

    async def _notify_lost(self, entry: QueueEntry) -> None:
        if self._in_use is entry:
            for handler in self._on_lost:
                await call_handler(self._run.face, log, "a lost lock", handler, self)

    async def _enter(self) -> None:
        if not self.held:
            await self._acquire()

    async def _exit(self, error: BaseException | None) -> None:
        del error
        entry = self._in_use
        if entry is not None:
            await leave_and_log(entry)
            if self._entry is entry:
                self._entry = None
