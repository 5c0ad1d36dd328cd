"""Watches: what a server sends on a stream of them (server/storage/mvcc/watchable_store.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from math import inf
from typing import Protocol

from attrs import define

from etcd_factory.errors import EtcdError
from etcd_factory.wire import messages as m

from .spans import Span, span_of
from .store import Change, Store

ALL = -1  # the id of a message that is for no watch, or for all
PUT, DELETE = 0, 1


@define
class Watcher:
    """One watch; ``last`` is when something was sent to it."""

    id: int
    span: Span
    start: int
    skipped: frozenset[int]
    previous: bool
    progress: bool
    last: float

    def event(self, change: Change, store: Store) -> m.Event:
        """Return a change as this watch is sent it; compacted previous values are left out."""
        old = change.previous if self.previous else None
        known = old if old and change.kv.mod_revision - 1 >= store.compacted else None
        return m.Event(type=DELETE if change.is_delete else PUT, kv=change.kv, prev_kv=known)

    def events(self, revision: int, changes: Sequence[Change], store: Store) -> list[m.Event]:
        """Return those of the changes of a revision that this watch is sent."""
        if revision < self.start:
            return []
        kept = (change for change in changes if change.kv.key in self.span)
        return [self.event(change, store) for change in kept if change.is_delete not in self.skipped]


class Server(Protocol):
    """What the watches need of their server."""

    store: Store

    def now(self) -> float:
        """Return the time of the fake's clock."""
        ...

    def header(self, revision: int | None = None) -> m.ResponseHeader:
        """Return the header of a response, by default with the current revision."""
        ...


class WatchStream:
    """The server's side of one stream of watches; ``send`` takes what goes to the client."""

    def __init__(
        self,
        server: Server,
        send: Callable[[m.WatchResponse], None],
        permit: Callable[[m.WatchCreateRequest], None],
    ) -> None:
        self._server, self._send, self._permit = server, send, permit
        self._watchers: dict[int, Watcher] = {}
        self._ids = count()

    def __len__(self) -> int:
        return len(self._watchers)

    def receive(self, request: m.WatchRequest) -> None:
        """Take a message of the client."""
        kind = request.WhichOneof("request_union")
        if kind == "create_request":
            self._create(request.create_request)
        elif kind == "cancel_request":
            self._cancel(request.cancel_request.watch_id)
        else:
            self._send(m.WatchResponse(header=self._server.header(), watch_id=ALL))

    def notify(self, revision: int, changes: Sequence[Change]) -> None:
        """Send the changes of a revision to the watches."""
        for watcher in self._watchers.values():
            if events := watcher.events(revision, changes, self._server.store):
                self._tell(watcher, revision, events)

    def report(self, interval: float) -> None:
        """Send the revision to those that want it and were sent nothing for so many seconds."""
        now = self._server.now()
        for watcher in self._watchers.values():
            if watcher.progress and watcher.last + interval <= now:
                self._tell(watcher, self._server.store.revision, [])

    def next_report(self, interval: float) -> float:
        """Return when the next watch is due for a report."""
        waiting = (one.last for one in tuple(self._watchers.values()) if one.progress)
        return min(waiting, default=inf) + interval

    def _tell(self, watcher: Watcher, revision: int, events: Sequence[m.Event]) -> None:
        watcher.last = self._server.now()
        self._send(m.WatchResponse(header=self._server.header(revision), watch_id=watcher.id, events=events))

    def _create(self, request: m.WatchCreateRequest) -> None:
        if reason := self._refusal(request):
            header = self._server.header()
            refusal = m.WatchResponse(header=header, watch_id=ALL, created=True, canceled=True, cancel_reason=reason)
            return self._send(refusal)
        watcher = self._watcher(request)
        self._send(m.WatchResponse(header=self._server.header(), watch_id=watcher.id, created=True))
        store = self._server.store
        if watcher.start < store.compacted:
            header, compacted = self._server.header(0), store.compacted
            return self._send(
                m.WatchResponse(header=header, watch_id=watcher.id, canceled=True, compact_revision=compacted)
            )
        self._watchers[watcher.id] = watcher
        if missed := [*self._missed(watcher)]:
            self._tell(watcher, store.revision, missed)
        return None

    def _missed(self, watcher: Watcher) -> Iterator[m.Event]:
        """Yield the events since the watch's start."""
        for revision, changes in self._server.store.changes(watcher.start):
            yield from watcher.events(revision, changes, self._server.store)

    def _refusal(self, request: m.WatchCreateRequest) -> str:
        """Return why a watch is refused, an empty text if it is not."""
        try:
            self._permit(request)
        except EtcdError as error:
            name = error.code.value.title().replace("_", "")
            return f"rpc error: code = {name} desc = {error.message}"
        if request.range_end not in (b"", b"\0") and request.key >= request.range_end:
            return "mvcc: watcher range is empty"
        if request.watch_id in self._watchers and request.watch_id:
            return "mvcc: duplicate watch ID provided on the WatchStream"
        return ""

    def _watcher(self, request: m.WatchCreateRequest) -> Watcher:
        unused = (id for id in self._ids if id not in self._watchers)  # noqa: A001
        return Watcher(
            request.watch_id or next(unused),
            span_of(request.key or b"\0", request.range_end),
            request.start_revision or self._server.store.revision + 1,
            frozenset(request.filters),
            request.prev_kv,
            request.progress_notify,
            self._server.now(),
        )

    def _cancel(self, id: int) -> None:  # noqa: A002
        if self._watchers.pop(id, None) is not None:
            self._send(m.WatchResponse(header=self._server.header(), watch_id=id, canceled=True))
