"""Watches of what a mirror sees: any number of them, on the one watch that the mirror has at the server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.ports import Runtime
from etcd_factory.core.watch.event_queue import EventQueue
from etcd_factory.core.watch.reader import EventReader
from etcd_factory.core.watch.stream import State
from etcd_factory.core.watch.subscription import Subscription
from etcd_factory.errors import WatchOverflowError
from etcd_factory.model import Event
from etcd_factory.model.ranges import OPEN, KeyRange, describe


class LocalWatcher(EventReader[F]):
    """A watch of a mirror: iterate over it, or register handlers. Every event is delivered once, in order.

    It needs nothing of the server, only its mirror, which goes on as long as a watch of it. What the mirror finds
    changed when it reads its range again, as after a compaction, comes marked ``resync``. ``cancel()`` it, or use it as
    a context manager; it ends with the mirror, by ``ClientClosedError``. In a forked child it is the parent's.
    """

    __slots__ = (
        *("__weakref__", "_events", "_fills", "_next", "_range", "_run", "_source", "_start", "_watches"),
        "inherited",
    )

    def __init__(
        self, run: View, source: Subscription[Any], watches: LocalWatches, keys: KeyRange, start: int, buffer: int
    ) -> None:
        self._source = source  # which its user may have dropped
        self._run, self._watches, self._range = run, watches, keys
        self._start = self._next = start
        self._fills = 0
        self._events = EventQueue(run.client.background, buffer)
        self.inherited = False

    def __repr__(self) -> str:
        state = "ended" if self._events.over else "running"
        return f"<{type(self).__name__} {state} of {describe(self._range)}>"

    def offer(self, events: Iterable[Event], *, always: bool = False) -> None:
        """Take those that it watches; one that is too slow ends with ``WatchOverflowError``."""
        found = [event for event in events if self._wants(event)]
        try:
            self._events.put(len(found), iter(found), always=always)
        except WatchOverflowError as error:
            self._watches.remove(self)
            self._events.fail(error)

    def _wants(self, event: Event) -> bool:
        key, (start, end) = event.kv.key, self._range
        first = self._start if event.resync else self._next
        return event.revision >= first and key >= start and (end == OPEN or key < end)

    def resync(self, events: Iterable[Event], revision: int, fills: int) -> None:
        """Take how the range differed when it was read for the ``fills``-th time, unless this began after that."""
        if fills > self._fills:
            self.offer(events, always=True)
            self.joined(revision, fills)

    def joined(self, revision: int, fills: int) -> None:
        """Take only events after this revision from now on: those before it are known."""
        self._start = 0 if self._start <= revision + 1 else self._start
        self._next, self._fills = max(self._start, revision + 1), fills

    def fail(self, error: Exception) -> None:
        """End by an error."""
        self._events.fail(error)

    def report(self, state: State, error: Exception | None) -> None:
        """Take what became of the mirror's connection."""
        self._events.add(state, error)

    def keep(self) -> None:
        """Go on even if the user drops it, and the mirror."""
        self._watches.keep(self)
        self._source.keep()

    async def end(self) -> None:
        """End it; idempotent."""
        self._watches.remove(self)
        self._events.over = True
        self._events.close()

    def forget(self) -> object:
        """Leave it to the parent in a forked child, with the events that wait to be read."""
        left, self._events = self._events, EventQueue(self._run.client.background, 0)
        self.inherited = True
        return left


class LocalWatches:
    """The watches of one mirror. One that its user drops is gone, unless it has handlers."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._lock = runtime, runtime.lock()
        self._every: WeakSet[LocalWatcher[Any]] = WeakSet()
        self._kept: set[LocalWatcher[Any]] = set()

    def __bool__(self) -> bool:
        return bool(self._every)

    def add(self, watcher: LocalWatcher[Any]) -> None:
        """Let a watcher take what comes."""
        with self._lock:
            self._every.add(watcher)

    def keep(self, watcher: LocalWatcher[Any]) -> None:
        """Hold a watcher until it ends."""
        with self._lock:
            if watcher in self._every:
                self._kept.add(watcher)

    def remove(self, watcher: LocalWatcher[Any]) -> None:
        """Give it nothing more; idempotent."""
        with self._lock:
            self._every.discard(watcher)
            self._kept.discard(watcher)

    def _now(self) -> list[LocalWatcher[Any]]:
        with self._lock:
            return list(self._every)

    def deliver(self, events: list[Event]) -> None:
        """Hand events to all who want them."""
        for watcher in self._now() if events else ():
            watcher.offer(events)

    def resync(self, events: list[Event], revision: int, fills: int) -> None:
        """Hand over how the range differed when it was read again."""
        for watcher in self._now():
            watcher.resync(events, revision, fills)

    def report(self, state: State, error: Exception | None) -> None:
        """Tell all what became of the mirror's connection."""
        for watcher in self._now():
            watcher.report(state, error)

    def end(self, error: Exception) -> None:
        """End all by an error."""
        for watcher in self._now():
            self.remove(watcher)
            watcher.fail(error)

    def forget(self) -> object:
        """Leave all to the parent in a forked child."""
        left = self._lock, self._kept, [(watcher, watcher.forget()) for watcher in list(self._every)]
        self._lock, self._every, self._kept = self._runtime.lock(), WeakSet(), set()
        return left
