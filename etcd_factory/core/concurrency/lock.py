"""Locks across processes: first come, first served, held as long as a lease is kept alive."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from typing_extensions import Self

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, Bound, F, Sync, opener, operation
from etcd_factory.core.lease.lease import Lease
from etcd_factory.core.op import Text
from etcd_factory.core.ports import value_of
from etcd_factory.errors import LockFailedError, suggestion

from .queue import QueueEntry, drop
from .shared_lease import entry_factory

TTL = 30


class Lock(Bound[F]):
    """A lock of that name: ``with etcd.lock("name"): ...``; in asyncio ``async with``.

    Each that wants it makes a ``Lock`` of its own. Go's ``concurrency.Mutex`` and ``etcdctl lock`` share it.
    """

    def __init__(self, view: View, name: Text, new: Callable[[], QueueEntry]) -> None:
        self._run, self._name, self._new = view, name, new
        self._place: QueueEntry | None = None
        self._lost: list[Callable[[Lock[F]], Any]] = []

    @property
    def held(self) -> bool:
        """Whether it is surely held: got, not released, and its lease not lost."""
        return self._place is not None and self._place.is_first and self._place.alive

    @property
    def key(self) -> bytes:
        """The holder's key, named as this service names keys; ``LockFailedError`` if the lock is not held.

        ``etcd.if_(lock.key, "create", "==", lock.fencing_token).then(...)`` writes only while the lock is held.
        """
        return self._own().key

    @property
    def fencing_token(self) -> int:
        """A number that grows from holder to holder: what is guarded can refuse one that is smaller than it has seen.

        It is the create revision of the holder's key; ``LockFailedError`` if the lock is not held.
        """
        return self._own().revision

    def _own(self) -> QueueEntry:
        place = self._place
        if place is None or not self.held:
            raise LockFailedError(f"the lock {self._name!r} is not held")
        return place

    @opener
    async def acquire(self, timeout: float | None = None) -> Lock[F]:
        """Wait for one's turn, for ever or so many seconds; 0 tries once. Gives the lock.

        ``LockFailedError`` if it was not got in time, or its lease was lost while waiting: then nothing is left behind.
        """
        return await self._acquire(timeout)

    async def _acquire(self, timeout: float | None = None) -> Lock[F]:
        if self._place is not None:
            raise LockFailedError(f"the lock {self._name!r} is in use by this object; make another one to wait for it")
        io = self._run.client.io
        place = self._place = self._new()
        try:
            await place.enter(b"")
            if not await place.wait(None if timeout is None else io.now() + timeout):
                raise LockFailedError(f"the lock {self._name!r} is held by another; waited {timeout} s for it")
        except BaseException:
            if self._place is place:
                self._place = None
            await drop(place, self._name)
            raise
        place.listen(partial(self._tell, place))
        return self

    @operation
    async def release(self) -> None:
        """Let the next one have it; ``LockFailedError`` if it is not in use."""
        place, self._place = self._place, None
        if place is None:
            raise LockFailedError(f"the lock {self._name!r} is not held")
        await place.leave()

    @operation
    async def do(self, function: Callable[[], Any]) -> Any:
        """What ``function()`` gives, called while the lock is held; in asyncio it may be ``async``."""
        await self._enter()
        try:
            return await value_of(function()) if self._run.client.io.face is Async else function()
        finally:
            await self._exit()

    def on(self, event: str, handler: Callable[[Lock[F]], Any]) -> Self:
        """Call ``handler(lock)`` in the background if the lock is ``lost`` while it is held; gives the lock."""
        if event != "lost":
            raise ValueError(f"a lock has no event {event!r}{suggestion(str(event), ['lost'])}; it has: lost")
        self._lost.append(handler)
        return self

    async def _tell(self, place: QueueEntry) -> None:
        if self._place is place:
            for handler in self._lost:
                await value_of(handler(self)) if self._run.client.io.face is Async else handler(self)

    async def _enter(self) -> None:
        if not self.held:
            await self._acquire()

    async def _exit(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            await drop(place, self._name)

    def __enter__(self: Lock[Sync]) -> Lock[Sync]:
        self._run.finish(self._enter())
        return self

    def __exit__(self: Lock[Sync], *error: object) -> None:
        self._run.finish(self._exit())

    async def __aenter__(self: Lock[Async]) -> Lock[Async]:
        await self._enter()
        return self

    async def __aexit__(self: Lock[Async], *error: object) -> None:
        await self._exit()


class Locks(Bound[F]):
    """The part of a service that has locks."""

    __slots__ = ()

    _run: View

    def lock(self, name: Text, ttl: int | None = None, *, lease: Lease[F] | None = None) -> Lock[F]:
        """A lock of that name, lost ``ttl`` seconds (30) after the last sign of life. No I/O: ``acquire`` or enter it.

        With ``lease``, which has its own ttl, it is held under that one, as others may be. To release the lock then
        deletes its key only, and the lease stays; if the lease ends, all that is held under it is lost. A lease has one
        place in the queue of a name: one who is to wait beside it needs another.
        """
        return Lock(self._run, name, entry_factory(self._run, name, ttl, TTL, lease))
