"""The last changes of a mirror, so that the past can be read and late watchers told."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from etcd_factory.errors import CompactedError, FutureRevisionError
from etcd_factory.model import Event, KeyValue

SIZE = 2_048  # revisions, as many as Go's cache keeps


class History:
    """The events of the last ``size`` revisions that changed something; the state of ``floor`` is the oldest known."""

    __slots__ = ("_events", "_last", "_revisions", "_size", "floor")

    def __init__(self, size: int) -> None:
        self._size, self._revisions = size, 0
        self._events: deque[Event] = deque()
        self._last = self.floor = 0

    def restart(self, revision: int) -> None:
        """Forget all: what was between is not known."""
        self._events.clear()
        self._revisions, self._last, self.floor = 0, 0, revision

    def add(self, events: Iterable[Event]) -> None:
        """Add events in the order of their revisions."""
        for event in events:
            if event.revision != self._last:
                self._last, self._revisions = event.revision, self._revisions + 1
            self._events.append(event)
        while self._revisions > self._size:
            self._drop_first()

    def _drop_first(self) -> None:
        self.floor, self._revisions = self._events[0].revision, self._revisions - 1
        while self._events and self._events[0].revision == self.floor:
            self._events.popleft()

    def since(self, revision: int) -> list[Event]:
        """Return the events of this revision and later ones. Raises ``CompactedError`` if they are not all kept."""
        if revision <= self.floor:
            raise self._compacted(revision, self.floor + 1)
        found: list[Event] = []
        for event in reversed(self._events):
            if event.revision < revision:
                break
            found.append(event)
        return found[::-1]

    def undo(self, found: dict[bytes, KeyValue], revision: int, present: int) -> None:
        """Turn the state of the present revision into that of another.

        Raises ``CompactedError`` if that is not known any more, ``FutureRevisionError`` if it is not known yet.
        """
        if revision > present:
            raise FutureRevisionError(f"the mirror is at revision {present}; wait({revision}) waits for {revision}")
        if revision < self.floor:
            raise self._compacted(revision, self.floor)
        for event in reversed(self._events):
            if event.revision <= revision:
                return
            if event.previous is None:
                found.pop(event.kv.key, None)
            else:
                found[event.kv.key] = event.previous

    def _compacted(self, revision: int, first: int) -> CompactedError:
        kept = f"the mirror knows revisions from {first} on, not {revision}; history= says how many it keeps"
        return CompactedError(kept, compact_revision=first)
