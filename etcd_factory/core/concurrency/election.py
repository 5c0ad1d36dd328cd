"""Elections: one of several contenders leads, until it resigns or its lease is lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast, overload

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, Value, to_bytes, to_value
from etcd_factory.core.bound import Bound, Guarded, Scoped, opener, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync, finish
from etcd_factory.core.handlers import call_handler, checked
from etcd_factory.core.watch.watcher import AnyWatcher
from etcd_factory.errors import CompactedError, NotLeaderError, choice
from etcd_factory.model import KeyValue
from etcd_factory.model.ranges import prefix_end

from .queue import QueueEntry, first_entry, leave_and_log, log

V = TypeVar("V")

EVENTS = ("lost",)


class Election(Guarded, Bound[F]):
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
        entry = self._new()
        try:
            await entry.contend(to_value(value), timeout, f"the election {self._name!r} was not won")
            return Leadership(self._run, entry, self._name)
        except (Exception, GeneratorExit):
            raise
        except BaseException:  # nobody gets the leadership to resign
            await entry.abandon()
            raise

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

    @overload
    def observe(self, vacant: Literal[False] = False) -> Observer[F, str]: ...
    @overload
    def observe(self, vacant: bool) -> Observer[F, str | None]: ...
    def observe(self, vacant: bool = False) -> Observer[F, Any]:
        """Iterate over the leaders' values as text, for ever: the present one, each new leader, each new value.

        With ``vacant`` also None whenever nobody leads. ``observe().kvs()`` iterates over the leaders' ``KeyValue``.
        Waiting for the next one may be cancelled, and taken up again.
        """
        return Observer(self._run, self._prefix, text, vacant=vacant)


class Leadership(Guarded, Scoped[F]):
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
        self._entry.session.check_owner()
        return self._entry.key

    @property
    def fencing_token(self) -> int:
        """A number that grows from leader to leader: the create revision of its key."""
        self._entry.session.check_owner()
        return self._entry.revision

    @operation
    async def proclaim(self, value: Value) -> None:
        """Change the value that the others see. Raises ``NotLeaderError`` if it no longer leads."""
        self._entry.session.check_owner()
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
        face = self._run.face
        self._entry.listen(partial(call_handler, face, log, "a lost leadership", checked(handler, face), self))
        return self

    async def _exit(self, error: BaseException | None) -> None:
        del error
        self._over = True
        await leave_and_log(self._entry)


class Observer(Guarded, Scoped[F], Generic[F, V]):
    """Iterates over the values of leaders, or what ``kvs()`` says. Its watch ends with it, or with its block."""

    _run: View

    def __init__(self, view: View, prefix: bytes, read: Callable[[KeyValue], V], *, vacant: bool) -> None:
        self._run, self._prefix, self._read, self._vacant = view, prefix, read, vacant
        self._leader: KeyValue | None = None
        self._watcher: AnyWatcher | None = None
        self._told = False  # that nobody leads

    def __repr__(self) -> str:
        return f"<Observer {self._prefix[:-1]!r} of {self._run}>"

    def kvs(self) -> Observer[F, KeyValue]:
        """Iterate over the leaders' keys with their values, which need not be text, revisions and leases."""
        return Observer(self._run, self._prefix, same, vacant=self._vacant)

    async def next(self) -> V:
        """Return the next value."""
        while True:
            found = await self._next()
            if found is not None:
                return self._read(found)
            if self._vacant and self._watcher is not None and not self._told:
                self._told = True
                return cast("V", None)

    async def _next(self) -> KeyValue | None:
        """Return the leader's next value, None if nobody leads, or it is to be looked again."""
        try:
            return await (self._look() if self._watcher is None else self._follow())
        except CompactedError:
            await self._close()
            return None
        except Exception:
            await self._close()  # the next call begins again
            raise

    async def _look(self) -> KeyValue | None:
        """Return the present leader and follow it; if there is none, wait until somebody contends."""
        found = await self._run.execute(first_entry(self._prefix).op())
        leader = found.kvs[0] if found.kvs else None
        key, end = (leader.key, b"") if leader else (self._prefix, prefix_end(self._prefix))
        watcher = AnyWatcher(self._run, {"key": key, "range_end": end})
        await watcher.open(found.revision + 1)
        self._watcher, self._leader, self._told = watcher, leader, leader is None and self._told
        return leader

    async def _follow(self) -> KeyValue | None:
        """Return the leader's next value, None if it leads no longer, or somebody contends."""
        assert self._watcher is not None
        event = await self._watcher.received()
        if self._leader is not None and event is not None and event.type == "put":
            return event.kv
        await self._close()
        return None

    @operation
    async def close(self) -> None:
        """End its watch; the next value begins another one. Idempotent."""
        await self._close()

    async def _close(self) -> None:
        watcher, self._watcher, self._leader = self._watcher, None, None
        if watcher is not None:
            await watcher.end()

    async def _exit(self, error: BaseException | None) -> None:
        del error
        await self._close()

    def __iter__(self: Observer[Sync, V]) -> Observer[Sync, V]:
        if self.face is not Sync:
            raise TypeError("an observer of an asyncio client: iterate with 'async for'")
        return self

    def __next__(self: Observer[Sync, V]) -> V:
        return finish(self.next())

    def __aiter__(self: Observer[Async, V]) -> Observer[Async, V]:
        if self.face is not Async:
            raise TypeError("an observer of a blocking client: iterate with 'for'")
        return self

    async def __anext__(self: Observer[Async, V]) -> V:
        return await self.next()


def text(kv: KeyValue) -> str:
    """Read a leader's value as text."""
    return kv.text


def same(kv: KeyValue) -> KeyValue:
    """Read a leader's key as it is."""
    return kv
