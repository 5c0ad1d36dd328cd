"""Elections: one of several contenders leads, until it resigns or its lease is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Literal

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, Value, to_bytes, to_value
from etcd_factory.core.bound import Bound, Scoped, opener, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync, finish
from etcd_factory.core.lease.lease import Lease
from etcd_factory.core.watch.watcher import AnyWatcher
from etcd_factory.errors import CompactedError, LockFailedError, NotLeaderError, choice
from etcd_factory.model import KeyValue
from etcd_factory.model.ranges import prefix_end

from .queue import QueueEntry, first_entry, leave_and_log
from .shared_lease import entry_factory

TTL = 60
EVENTS = ("lost",)


class Election(Bound[F]):
    """An election of that name, shared with Go's ``concurrency.Election`` and ``etcdctl elect``."""

    _run: View

    def __init__(self, view: View, name: Text, new: Callable[[], QueueEntry]) -> None:
        self._run, self._name, self._new = view, name, new
        self._prefix = to_bytes(name, "an election's name") + b"/"

    def __repr__(self) -> str:
        return f"<Election {self._name!r} of {self._run}>"

    @opener
    async def campaign(self, value: Value = "", timeout: float | None = None) -> Leadership[F]:
        """Wait until elected, and return the leadership; ``value`` is what the others then see.

        Raises ``LockFailedError`` if that does not happen within ``timeout`` seconds, or the lease is lost while
        waiting: then nothing is left behind.
        """
        data, runtime = to_value(value), self._run.client.runtime
        entry = self._new()
        try:
            await entry.enter(data)
            if not await entry.wait(None if timeout is None else runtime.now() + timeout):
                raise LockFailedError(f"another leads {self._name!r}; waited {timeout} s")
        except BaseException:
            await leave_and_log(entry, self._name)
            raise
        return Leadership(self._run, entry, self._name)

    @operation
    async def leader(self) -> str | None:
        """Return the leader's value as text, None if nobody leads."""
        found = await self._leader()
        return None if found is None else found.text

    @operation
    async def leader_kv(self) -> KeyValue | None:
        """Return the leader's key with its value, revisions and lease, None if nobody leads."""
        return await self._leader()

    async def _leader(self) -> KeyValue | None:
        found = await self._run.execute(first_entry(self._prefix).op())
        return found.kvs[0] if found.kvs else None

    def observe(self) -> Observer[F]:
        """Iterate over the leaders' values as text, for ever: the present one, each new leader, each new value."""
        return Observer(self._run, self._prefix)


class Leadership(Scoped[F]):
    """Leading, until ``resign()``, the end of its block, or the loss of its lease."""

    _run: View

    def __init__(self, view: View, entry: QueueEntry, name: Text) -> None:
        self._run, self._entry, self._name = view, entry, name
        self._over = False

    def __repr__(self) -> str:
        return f"<Leadership of {self._name!r} {'alive' if self.alive else 'lost or resigned'}>"

    @property
    def alive(self) -> bool:
        """Whether it certainly still leads."""
        return not self._over and self._entry.alive

    @property
    def key(self) -> bytes:
        """The leader's key, relative to this service's namespace.

        ``etcd.if_(leadership.key, "create", "==", leadership.fencing_token).then(...)`` writes only while it leads.
        """
        return self._entry.key

    @property
    def fencing_token(self) -> int:
        """A number that grows from leader to leader: the create revision of its key."""
        return self._entry.revision

    @operation
    async def proclaim(self, value: Value) -> None:
        """Change the value that the others see. Raises ``NotLeaderError`` if it no longer leads."""
        if not await self._entry.set_value(to_value(value)) or self._over:
            raise NotLeaderError(f"{self._name!r} is led by another")

    @operation
    async def resign(self) -> None:
        """Stop leading; idempotent."""
        self._over = True
        await self._entry.leave()

    def on(self, event: Literal["lost"], handler: Callable[[Leadership[F]], object]) -> Self:
        """Call ``handler(leadership)`` in the background if it is ``lost``; returns the leadership."""
        choice(event, EVENTS, "event of a leadership")
        self._entry.listen(partial(handler, self))
        return self

    async def _exit(self, error: BaseException | None) -> None:
        del error
        self._over = True
        await leave_and_log(self._entry, self._name)


class Observer(Bound[F]):
    """Iterates over the values of leaders."""

    _run: View

    def __init__(self, view: View, prefix: bytes) -> None:
        self._run, self._prefix = view, prefix
        self._leader: KeyValue | None = None
        self._watcher: AnyWatcher | None = None

    def __repr__(self) -> str:
        return f"<Observer {self._prefix[:-1]!r} of {self._run}>"

    async def next(self) -> str:
        """Return the next value."""
        while True:
            try:
                found = await (self._follow() if self._leader else self._find())
            except CompactedError:
                found = None
            if found is not None:
                return found.text
            await self.close()

    async def _find(self) -> KeyValue | None:
        """Return the present leader; if there is none, wait until somebody contends."""
        found = await self._run.execute(first_entry(self._prefix).op())
        if found.kvs:
            leader = found.kvs[0]
            self._leader = leader
            await self._watch(leader.key, b"", found.revision + 1)
            return leader
        watcher = await self._watch(self._prefix, prefix_end(self._prefix), found.revision + 1)
        await watcher.take()
        return None

    async def _follow(self) -> KeyValue | None:
        """Return the leader's next value, None when it no longer leads."""
        assert self._watcher is not None
        event = await self._watcher.take()
        return event.kv if event is not None and event.type == "put" else None

    async def _watch(self, key: bytes, end: bytes, start: int) -> AnyWatcher:
        self._watcher = AnyWatcher(self._run, {"key": key, "range_end": end})
        await self._watcher.open(start)
        return self._watcher

    async def close(self) -> None:
        """End the watch."""
        watcher, self._watcher, self._leader = self._watcher, None, None
        if watcher is not None:
            await watcher.end()

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
        """Return an election of that name; a leader is lost ``ttl`` seconds (60) after its last sign of life. No I/O.

        With ``lease``, which has its own ttl, one contends under that lease: resigning then deletes only the leader's
        key, and the lease stays. A lease that leads already, as after a restart, leads at once:
        ``lease=etcd.lease_of(id)``.
        """
        return Election(self._run, name, entry_factory(self._run, name, ttl, TTL, lease))
