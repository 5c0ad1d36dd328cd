"""Watches as a state machine without I/O: responses and broken streams in, requests and outputs out.

One stream carries all watches of a client. Each has an id of ours, never 0: a server before 3.5.5 that refuses a watch
says so under id 0. Responses to create requests come in the order of the requests, so one always belongs to the first
in ``_requested``, whatever id the server gives it (before 3.4 it chose its own).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import define

from etcd_factory.errors import Code, CompactedError, EtcdError, FutureRevisionError, error_of

if TYPE_CHECKING:
    from etcd_factory.wire.messages import Event, WatchResponse

BROADCAST = -1  # the watch id of progress that is for all watches of a stream

Kind = Literal["created", "events", "progress", "error", "closed", "stray", "behind"]


@define(eq=False)
class WatchEntry:
    """One watch: its request, and the revision to resume at; 0 until the server has said where it starts."""

    id: int
    fields: Mapping[str, Any]
    next: int = 0
    reached: bool = False  # the store has been at ``next - 1``: if it is behind that now, it lags or was rolled back
    confirmed: bool = False
    token_renewals: int = 0
    server_id: int | None = None
    asks: bool = False  # for a progress mark
    fragments: Sequence[Event] = ()


@define  # made for each response: frozen ones take three times as long
class WatchOutput:
    """What a response means for one watch: created, events, progress, or an error that ends it.

    Two are for the stream itself: ``stray``, the server has a watch under this id that nobody wants; ``behind``, the
    member has not reached the revision that the watch has seen.
    """

    id: int
    kind: Kind
    revision: int = 0
    events: Sequence[Event] = ()
    error: Exception | None = None
    entry: WatchEntry | None = None
    requested: bool = False  # a progress mark that was asked for


class WatchMux:
    """All watches of one stream."""

    def __init__(self) -> None:
        self.watches: dict[int, WatchEntry] = {}
        self._last = 0
        self._requested: deque[int] = deque()
        self._by_server: dict[int, int] = {}

    def add(self, fields: Mapping[str, Any], start: int) -> WatchEntry:
        """Add a watch from revision ``start``; 0 means from now on."""
        self._last += 1
        entry = self.watches[self._last] = WatchEntry(self._last, fields, start)
        return entry

    def create(self, entry: WatchEntry) -> Mapping[str, Any]:
        """Return the create request of a watch."""
        self._requested.append(entry.id)
        return {**entry.fields, "watch_id": entry.id, "start_revision": entry.next}

    def remove(self, id: int) -> int | None:  # noqa: A002
        """Forget a watch; returns the server's id for it if it must be cancelled there."""
        entry = self.watches.pop(id, None)
        if entry is not None and entry.server_id is not None:
            self._by_server.pop(entry.server_id, None)
        return entry.server_id if entry else None

    def ask(self, id: int) -> bool:  # noqa: A002
        """Note that a watch asks for a progress mark; returns whether there is such a watch."""
        entry = self.watches.get(id)
        if entry is not None:
            entry.asks = True
        return entry is not None

    @property
    def asks(self) -> bool:
        """Whether a watch waits for a mark that it asked for."""
        return any(entry.asks for entry in list(self.watches.values()))

    def reconnected(self) -> list[Mapping[str, Any]]:
        """Return the create requests for a new stream: each watch resumes after the last revision it has seen."""
        self._requested.clear()
        self._by_server.clear()
        for entry in self.watches.values():
            entry.server_id, entry.fragments = None, ()
        return [self.create(entry) for entry in self.watches.values()]

    def received(self, reply: WatchResponse) -> list[WatchOutput]:
        """Return what a response means, and for which watches."""
        if reply.created:
            return self._created(reply)
        if reply.watch_id == BROADCAST:
            return [output for entry in list(self.watches.values()) for output in self._answered(entry, reply)]
        entry = self.watches.get(self._by_server.get(reply.watch_id, 0))
        if entry is None:  # cancelled by us, and the server did not know yet
            return []
        if reply.canceled:
            return self._ended(entry, reply)
        return self._events(entry, reply) if reply.events or reply.fragment else self._progress(entry, reply)

    def _created(self, reply: WatchResponse) -> list[WatchOutput]:
        entry = self.watches.get(self._requested.popleft()) if self._requested else None
        if reply.canceled:
            return self._ended(entry, reply) if entry else []
        if entry is None:  # removed before it was confirmed
            return [WatchOutput(reply.watch_id, "stray")]
        entry.token_renewals, entry.server_id, entry.confirmed = 0, reply.watch_id, True
        self._by_server[reply.watch_id] = entry.id
        here = reply.header.revision
        created = [WatchOutput(entry.id, "created", here)]
        if entry.reached and here + 1 < entry.next:
            return [*created, WatchOutput(entry.id, "behind", here, entry=entry)]
        entry.next = entry.next or here + 1
        entry.reached = entry.reached or here + 1 >= entry.next
        return created

    def events_of(self, reply: WatchResponse) -> WatchEntry | None:
        """Return the watch if a response is nothing but events of it."""
        if reply.created or reply.canceled or not (reply.events or reply.fragment):
            return None
        return self.watches.get(self._by_server.get(reply.watch_id, 0))

    def _events(self, entry: WatchEntry, reply: WatchResponse) -> list[WatchOutput]:
        found = joined(entry, reply)
        if reply.fragment:
            entry.fragments = found
            return []
        entry.fragments = ()
        new = unseen(entry, found)
        if not new:
            return []
        entry.next, entry.reached = new[-1].kv.mod_revision + 1, True
        return [WatchOutput(entry.id, "events", reply.header.revision, new)]

    def _progress(self, entry: WatchEntry, reply: WatchResponse) -> list[WatchOutput]:
        if entry.server_id is None or entry.fragments or reply.header.revision < entry.next - 1:
            return []  # servers before 3.5.22 and 3.6.2 send marks from before the start revision
        entry.next, entry.reached = max(entry.next, reply.header.revision + 1), True
        requested, entry.asks = entry.asks, False
        return [WatchOutput(entry.id, "progress", reply.header.revision, requested=requested)]

    def _answered(self, entry: WatchEntry, reply: WatchResponse) -> list[WatchOutput]:
        """Take a mark for all watches, which some have asked for.

        It moves no watch on: before 3.4.25 and 3.5.8 it may come before events of revisions before it (etcd#15220).
        """
        asks, behind = entry.asks, reply.header.revision < entry.next - 1
        if not asks or behind or entry.server_id is None or entry.fragments:
            return []
        entry.asks = False
        return [WatchOutput(entry.id, "progress", reply.header.revision, requested=True)]

    def _ended(self, entry: WatchEntry, reply: WatchResponse) -> list[WatchOutput]:
        self.remove(entry.id)
        return [WatchOutput(entry.id, "error", reply.header.revision, error=cancel_reason(reply), entry=entry)]


def joined(entry: WatchEntry, reply: WatchResponse) -> Sequence[Event]:
    """Return the events of a response, after those of the fragments before it."""
    return [*entry.fragments, *reply.events] if reply.fragment or entry.fragments else reply.events


def unseen(entry: WatchEntry, events: Sequence[Event]) -> Sequence[Event]:
    """Return those that the watch has not seen."""
    if events and events[0].kv.mod_revision < entry.next:  # they come in the order of their revisions
        return [event for event in events if event.kv.mod_revision >= entry.next]
    return events


def cancel_reason(reply: WatchResponse) -> EtcdError:
    """Return why the server ended a watch."""
    if reply.compact_revision:
        return CompactedError(compact_revision=reply.compact_revision)
    if not reply.cancel_reason:  # as in Go's client
        return FutureRevisionError("required revision is a future revision")
    return error_of(Code.FAILED_PRECONDITION, reply.cancel_reason)
