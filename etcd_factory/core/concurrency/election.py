"""Elections: one of several leads, until it resigns or its lease is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

from typing_extensions import Self

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, Bound, F, Sync, finish, opener, operation
from etcd_factory.core.lease.lease import Lease
from etcd_factory.core.op import Text, raw, stored
from etcd_factory.core.watch.watcher import Watcher
from etcd_factory.errors import CompactedError, LockFailedError, NotLeaderError, suggestion
from etcd_factory.model import KeyValue
from etcd_factory.model.ranges import prefix_end

from .queue import QueueEntry, drop, queue
from .shared_lease import entry_factory

Value = str | bytes | int | float

TTL = 60


class Election(Bound[F]):
    """An election of that name. Go's ``concurrency.Election`` and ``etcdctl elect`` take part in it too."""

    def __init__(self, view: View, name: Text, new: Callable[[], QueueEntry]) -> None:
        self._run, self._name, self._new = view, name, new
        self._prefix = raw(name, "an election's name") + b"/"

    @opener
    async def campaign(self, value: Value = "", timeout: float | None = None) -> Leadership[F]:
        """Stand for it, and wait until elected; ``value`` is what the others then see.

        ``LockFailedError`` if that does not happen within ``timeout`` seconds, or the lease is lost while waiting: then
        nothing is left behind.
        """
        data, io = stored(value), self._run.client.io
        place = self._new()
        try:
            await place.enter(data)
            if not await place.wait(None if timeout is None else io.now() + timeout):
                raise LockFailedError(f"another leads {self._name!r}; waited {timeout} s to be elected")
        except BaseException:
            await drop(place, self._name)
            raise
        return Leadership(self._run, place, self._name)

    @operation
    async def leader(self) -> str | None:
        """The leader's value as text, None if nobody leads."""
        found = await self._first()
        return None if found is None else found.text

    @operation
    async def leader_kv(self) -> KeyValue | None:
        """The leader's key with its value, revisions and lease, None if nobody leads."""
        return await self._first()

    async def _first(self) -> KeyValue | None:
        found = await self._run.execute(queue(self._prefix).op())
        return found.kvs[0] if found.kvs else None

    def observe(self) -> Observer[F]:
        """The leaders' values as text, one after another, for ever: the one now, each new one, each new value."""
        return Observer(self._run, self._prefix)


class Leadership(Bound[F]):
    """Leading, until ``resign()``, or the end of its block, or its lease is lost."""

    def __init__(self, view: View, place: QueueEntry, name: Text) -> None:
        self._run, self._place, self._name = view, place, name
        self._over = False

    @property
    def alive(self) -> bool:
        """Whether it surely leads still."""
        return not self._over and self._place.alive

    @property
    def key(self) -> bytes:
        """The leader's key, named as this service names keys.

        ``etcd.if_(leadership.key, "create", "==", leadership.fencing_token).then(...)`` writes only while it leads.
        """
        return self._place.key

    @property
    def fencing_token(self) -> int:
        """A number that grows from leader to leader: the create revision of its key."""
        return self._place.revision

    @operation
    async def proclaim(self, value: Value) -> None:
        """Let the others see another value; ``NotLeaderError`` if it leads no more."""
        if not await self._place.say(stored(value)) or self._over:
            raise NotLeaderError(f"{self._name!r} is led by another")

    @operation
    async def resign(self) -> None:
        """Lead no more; twice is fine."""
        self._over = True
        await self._place.leave()

    def on(self, event: str, handler: Callable[[Leadership[F]], Any]) -> Self:
        """Call ``handler(leadership)`` in the background if it is ``lost``; gives the leadership."""
        if event != "lost":
            raise ValueError(f"a leadership has no event {event!r}{suggestion(str(event), ['lost'])}; it has: lost")
        self._place.listen(partial(handler, self))
        return self

    async def _leave(self) -> None:
        self._over = True
        await drop(self._place, self._name)

    def __enter__(self: Leadership[Sync]) -> Leadership[Sync]:
        return self

    def __exit__(self: Leadership[Sync], *error: object) -> None:
        self._run.finish(self._leave())

    async def __aenter__(self: Leadership[Async]) -> Leadership[Async]:
        return self

    async def __aexit__(self: Leadership[Async], *error: object) -> None:
        await self._leave()


class Observer(Bound[F]):
    """Iterates over the values of those who lead."""

    def __init__(self, view: View, prefix: bytes) -> None:
        self._run, self._prefix = view, prefix
        self._leader: KeyValue | None = None
        self._watcher: Watcher[Any] | None = None

    async def next(self) -> str:
        """The next value, when there is one."""
        while True:
            try:
                found = await (self._follow() if self._leader else self._find())
            except CompactedError:
                found = None
            if found is not None:
                return found.text
            await self.close()

    async def _find(self) -> KeyValue | None:
        """The leader now; where nobody leads, wait for somebody to come."""
        found = await self._run.execute(queue(self._prefix).op())
        if found.kvs:
            leader: KeyValue = found.kvs[0]
            self._leader = leader
            await self._watch(leader.key, b"", found.revision + 1)
            return leader
        await self._watch(self._prefix, prefix_end(self._prefix), found.revision + 1)
        assert self._watcher is not None
        await self._watcher.take()
        return None

    async def _follow(self) -> KeyValue | None:
        """The leader's next value, None when it leads no more."""
        assert self._watcher is not None
        event = await self._watcher.take()
        return event.kv if event is not None and event.type == "put" else None

    async def _watch(self, key: bytes, end: bytes, start: int) -> None:
        self._watcher = Watcher[Any](self._run, {"key": key, "range_end": end})
        await self._watcher.open(start)

    async def close(self) -> None:
        """End the watch behind it."""
        watcher, self._watcher, self._leader = self._watcher, None, None
        if watcher is not None:
            await watcher.leave()

    def __iter__(self: Observer[Sync]) -> Iterator[str]:
        try:
            while True:
                yield finish(self.next())
        finally:
            finish(self.close())

    async def __aiter__(self: Observer[Async]) -> AsyncIterator[str]:
        try:
            while True:
                yield await self.next()
        finally:
            await self.close()


class Elections(Bound[F]):
    """The part of a service that has elections."""

    __slots__ = ()

    _run: View

    def election(self, name: Text, ttl: int | None = None, *, lease: Lease[F] | None = None) -> Election[F]:
        """An election of that name; a leader is lost ``ttl`` seconds (60) after its last sign of life. No I/O.

        With ``lease``, which has its own ttl, one stands under that one, beside others: to resign then deletes the
        leader's key only, and the lease stays. A lease that leads already, as after a restart, leads on at once:
        ``lease=etcd.lease_of(id)``.
        """
        return Election(self._run, name, entry_factory(self._run, name, ttl, TTL, lease))
