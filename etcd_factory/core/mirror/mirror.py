"""A range kept in memory: loaded once, kept current by one watch without a gap, read without the network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from itertools import count as counter
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from attrs import define, evolve

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, count, seconds, to_bytes
from etcd_factory.core.bound import operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F, Face, Sync
from etcd_factory.core.kv.builders import GetAll
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.core.op import Fields, Op, Pages, message
from etcd_factory.core.watch.event_queue import BUFFER, buffer_size
from etcd_factory.core.watch.stream import State
from etcd_factory.core.watch.subscription import Subscription
from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    choice,
    copied,
)
from etcd_factory.model import KeyValue
from etcd_factory.model.ranges import KeyRange, prefix_range

from .conditions import ConditionWaiters
from .fresh_read import FreshRead, result
from .local_watch import LocalWatcher, LocalWatches
from .read_index import ReadIndex
from .reads import Get, Held, get_all, inside
from .snapshot import MirrorSnapshot
from .store import Change, KeyValueStore, changes_of, merged

if TYPE_CHECKING:
    from etcd_factory.wire.messages import Event, RangeResponse

T = TypeVar("T")

log = logging.getLogger("etcd_factory.mirror")

EVENTS = ("change",)
LARGE = 10_000  # keys from which on its watch has a stream of its own, to hold up no other
CLOSED = "this mirror is closed; create a new one"


class Mirror(Subscription[F], KeyValueStore):
    """A prefix in memory: a read-only mapping from keys to ``KeyValue``s, read without the network.

    It holds a state that the store has had, at ``revision``, and follows every change after it, whatever is restarted
    or compacted. Iterating, ``copy()`` and ``items()`` see the state of one moment, never part of a transaction.
    ``close()`` it, or use it as a context manager.

    In a forked child it begins again when it is read there first: in the blocking face the range is read before that
    returns, and what that raises is raised; in asyncio that happens in the background, and ``connected`` is False until
    it is done. From then on its handlers are called in the child too, first with what changed since the fork.
    """

    __slots__ = (
        *(*KeyValueStore.SLOTS, "_notifier", "_prefix", "_read_index", "_waiters", "_connected"),
        "_watches",
        "_fresh",
    )

    def __init__(self, view: View, prefix: bytes, history: int = 0) -> None:
        start, end = prefix_range(prefix)
        client, self._prefix = view.client, prefix
        super().__init__(view, {"key": start, "range_end": end}, resync=True)
        KeyValueStore.__init__(self, client.runtime.lock(), self._skip, history)
        self._notifier: ChangeNotifier[Change] = ChangeNotifier(client.background, "'change' of a mirror", merged, log)
        self._waiters = ConditionWaiters(client.runtime)
        self._read_index = ReadIndex(view, self._reached)
        self._fresh = Fresh(view.face, self)
        self._watches = LocalWatches(client.runtime)
        self._connected = False

    @property
    def connected(self) -> bool:
        """Whether it follows etcd at the moment; while it does not, what it holds may be old."""
        if self.inherited:
            with suppress(EtcdError):
                self.renew()
        return self._connected

    # --- hooks of the subscription

    async def load(self) -> None:
        """Read the range, and follow it from there on."""
        try:
            reply = await self.read()
            self.on_resync(reply)
            if len(self._found) >= LARGE:
                self.move_apart()
            await self.open(reply.header.revision + 1)
        except EtcdError as error:
            error.operation = f"mirror the prefix {self._prefix!r}"
            raise

    def on_resync(self, reply: RangeResponse) -> None:
        """Replace what is held."""
        revision = reply.header.revision
        events = self._fill(reply.kvs, revision, compare=self._compares)
        self._watches.resync(events, revision, self.fills)
        self.on_changes(changes_of(events))

    def on_events(self, events: Sequence[Event]) -> bool:
        """Apply events."""
        applied = self._apply(events)
        self._watches.deliver(applied)
        self.on_changes(changes_of(applied) if self.wants_changes() else [])
        return True

    def wants_changes(self) -> bool:
        """Return whether the differences are needed after the range was read again."""
        return self._notifier.wanted

    def _compares(self) -> bool:
        return self.wants_changes() or bool(self._watches)

    def on_changes(self, changes: list[Change]) -> None:
        """Notify handlers, and whoever waits for a revision."""
        self._notifier.add(changes)
        self._waiters.wake()

    def on_progress(self, revision: int, *, requested: bool = False) -> None:
        """Advance the revision."""
        del requested
        with self._lock:
            self._revision = max(self._revision, revision)
        self._waiters.wake()

    def on_state(self, state: State, error: Exception | None = None) -> None:
        """Note whether the watch is connected."""
        self._connected = state == "connected"
        self._watches.report(state, error)

    def survives(self, error: Exception | None) -> bool:
        """Resync after any error, once the watch was confirmed."""
        if not self._confirmed:
            return super().survives(error)
        log.warning("reading the mirrored prefix %r again: %s", self._prefix, error)
        return True

    def on_end(self, error: Exception | None) -> None:
        """Stop notifying, and raise the error in whoever waits."""
        self._connected = False
        self._notifier.close()
        error = error or ClientClosedError(CLOSED)
        self._watches.end(error)
        self._waiters.end(error)

    def forget(self) -> object:
        """Leave the watch to the parent, and its locks, which other threads may have held."""
        left, self._lock = self._lock, self._runtime.lock()
        self._waiters.forget()
        self._read_index.forget()
        self._connected = False
        return left, self._watches.forget(), super().forget()

    # --- what the user does

    @overload  # type: ignore[override]  # a Mapping's get() returns a value or a default
    def get(self, key: Text, *, fresh: Literal[False] = False) -> Get[Sync]: ...
    @overload
    def get(self, key: Text, *, fresh: Literal[True]) -> Get[F]: ...
    def get(self, key: Text, *, fresh: bool = False) -> Get[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read one key as the service does: ``mirror.get("k").string()``; without the network, not awaited in asyncio.

        With ``fresh=True`` it is a linearizable read, awaited in asyncio: it returns the value when it is called, or a
        later one. One request to etcd serves all callers who wait when it is sent.
        """
        name = to_bytes(key)
        return Get(self._fresh if fresh else Held(self), {"key": name})

    def get_all(self) -> GetAll[Sync]:
        """Read many keys, as on a service: ``mirror.get_all().prefix("p").limit(5).strings()``; not awaited in asyncio.

        In the order of the keys, all of one moment. ``revision(n)`` reads the past, as ``at(n)`` does. Raises
        ``ValueError`` for a range that the mirror does not hold.
        """
        return get_all(self, self._prefix, self.at)

    def at(self, revision: int) -> MirrorSnapshot:
        """Return what it held at a revision of the store, as a mapping that never changes, without the network.

        Raises ``CompactedError`` for one that is longer ago than its ``history``, or before it read its range;
        ``FutureRevisionError`` for one that it has not reached, for which ``wait()`` waits. Keys that came and went in
        revisions that ``wait()`` has passed without their events appear in these once the events arrive.
        """
        wanted = count(revision, "a revision")
        return MirrorSnapshot(self._runtime.lock(), self._prefix, self.past(wanted), wanted)

    def watch(
        self, prefix: Text | None = None, start_revision: int | None = None, *, buffer: int = BUFFER
    ) -> LocalWatcher[F]:
        """Watch what the mirror sees: iterate over the events, or register handlers, as with the service's ``watch()``.

        Without a call to the server, any number of them. ``prefix``: a part of the mirror; the default is all of it.
        With ``start_revision`` also what has happened since then, if its ``history`` has that; else raises
        ``CompactedError``. Every event has the value before. One that leaves more than ``buffer`` events unread ends
        with ``WatchOverflowError``.
        """
        keys, size = self._part(prefix), buffer_size(buffer)
        start = count(start_revision, "a revision") if start_revision is not None else 0
        if self.inherited:
            self.renew()
        with self._lock:
            past = self._history.since(start) if start else []
            most = max(size, len(past))
            watcher: LocalWatcher[F] = LocalWatcher(self._run, self, self._watches, keys, start, most)
            watcher.offer(past)
            watcher.joined(self._applied if start else self._revision, self.fills)
            self._watches.add(watcher)
        if self._over or self._failed:  # looked at last: what ends meanwhile ends the watcher too
            raise ClientClosedError(CLOSED)
        return watcher

    def _part(self, prefix: Text | None) -> KeyRange:
        return (
            inside(prefix_range(to_bytes(prefix, "a prefix")), self._prefix) if prefix else prefix_range(self._prefix)
        )

    async def read_fresh(self, key: bytes, op: Op[T]) -> T:
        """Return the result of a read once the mirror has reached the store's present revision."""
        if self.inherited:
            self.renew()
        if not key.startswith(self._prefix):
            return result(op, self.held(key), 0)
        seen, fills, deadline = self._revision, self.fills, self._runtime.now() + self._run.timeout
        try:
            answer = await self._read_index.ask(key, deadline)
            if seen <= answer.revision <= self._revision:  # the usual way
                found = self._found.get(key)
            else:
                found = await self._caught_up(FreshRead(self, key, seen, fills, answer), answer.revision, deadline)
        except EtcdError as error:  # shared by all who asked together, each of whom gets its own key
            own = copied(error)
            own.operation = f"{op.label} of a mirror"
            raise own from error
        return result(op, found, self.skip)

    async def _caught_up(self, fresh: FreshRead, revision: int, deadline: float) -> Any:
        """Return what is found once the mirror has reached the answer."""
        if not fresh.reached() and not await self._waiters.until(fresh.reached, deadline - self._runtime.now()):
            raise self._late(revision, self._run.timeout)
        return fresh.found

    def _reached(self, revision: int) -> bool:
        return self._revision >= revision

    def _late(self, revision: int, timeout: float) -> DeadlineExceededError:
        here = f"the mirror of {self._prefix!r} is at revision {self._revision}"
        return DeadlineExceededError(f"{here}, and did not reach {revision} within {timeout} s")

    @operation
    async def wait(self, revision: int, timeout: float | None = None) -> None:
        """Wait until all changes up to this revision of the store are seen, in this prefix or elsewhere.

        Raises ``DeadlineExceededError`` after ``timeout`` seconds; the default is the service's timeout.
        """
        wanted, runtime = count(revision, "a revision"), self._runtime
        if self.inherited:
            self.renew()
        bound = self._run.timeout if timeout is None else seconds(timeout)
        deadline = runtime.now() + bound
        for turn in counter(1):  # a change in the range wakes at once; only changes elsewhere must be asked for
            step = min(deadline - runtime.now(), self._run.client.backoff(turn))
            if await self._waiters.until(lambda: self._revision >= wanted, step):
                return
            if runtime.now() >= deadline:
                raise self._late(wanted, bound)
            with suppress(ConnectionFailedError, DeadlineExceededError):  # etcd may be back in time
                await self._catch_up(deadline - runtime.now())

    async def _catch_up(self, timeout: float) -> None:
        """Ask whether the range is unchanged; if so, all up to the revision of the response is seen.

        A progress mark of the watch would say the same, but before etcd 3.5.8 it may overtake events
        (etcd-io/etcd#15220). Without a later change, and with as many keys, the range is unchanged.
        """
        with self._lock:
            seen, size = self._revision, len(self._found)
        fields = {**self._range(), "keys_only": True, "limit": 1, "min_mod_revision": seen + 1}
        read: Op[RangeResponse] = Op("get", fields, message)
        reply = await evolve(self._run, timeout=timeout).execute(read)
        with self._lock:
            if self._revision == seen and not reply.kvs and reply.count == size:
                self._revision = max(seen, reply.header.revision)
        self._waiters.wake()

    def on(self, event: Literal["change"], handler: Callable[[KeyValue | None, KeyValue | None], object]) -> Self:
        """Call ``handler(old, new)`` for each ``change`` from now on, one call after another; returns the mirror.

        ``old`` is None for a new key, ``new`` for a deleted one. If more changes wait for a slow handler than memory
        should hold, those of one key become one. What it raises is logged; in asyncio it may be ``async``.
        """
        choice(event, EVENTS, "event of a mirror")
        if self.inherited:
            self.renew()
        self._notifier.on(handler)
        self.keep()
        return self

    @operation
    async def close(self) -> None:
        """Stop following; what it holds can still be read. Idempotent."""
        await self.end()

    async def end(self) -> None:
        """End it; idempotent."""
        await super().end()
        self.on_end(None)

    async def _exit(self, error: BaseException | None) -> None:
        del error
        await self.end()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._prefix!r}: {len(self._found)} keys at revision {self._revision}>"


@define(eq=False)
class Fresh:
    """Runs linearizable reads of a mirror."""

    face: Face
    mirror: Mirror[Any]

    def __str__(self) -> str:
        return repr(self.mirror)

    def execute(self, op: Op[T]) -> Coroutine[Any, Any, T]:
        """Return the result."""
        return self.mirror.read_fresh(op.fields["key"], op)

    def pages(self, fields: Fields) -> Pages:
        """Raise ``TypeError``: a mirror is a mapping."""
        return Held(self.mirror).pages(fields)
