"""Watches as a state machine without I/O: answers and broken connections in, requests and deliveries out.

One stream carries all watches of a client. Each has an id of our own, never 0: a server before 3.5.5 that refuses a
watch says so under id 0. Answers to create requests come in the order of the requests, so the one that stands first in
``_asked`` is meant, whatever id the server has for it (before 3.4 it chose its own).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from attrs import define, frozen

from etcd_factory.errors import Code, CompactedError, EtcdError, FutureRevisionError, error_of

BROADCAST = -1  # the id of progress that holds for all watches of a stream


@define(eq=False)
class WatchEntry:
    """One watch: what was asked, and the revision that it goes on from; 0 until the server has said where it begins."""

    id: int
    fields: Mapping[str, Any]
    next: int = 0
    reached: bool = False  # the store has been at ``next - 1``: where it is not now, it lags or went back
    renewals: int = 0
    server_id: int | None = None
    parts: tuple[Any, ...] = ()


@frozen
class WatchOutput:
    """Something for one watch: created, events, progress or an error that ends it.

    ``stray`` is none of them: the server has a watch under this id that nobody wants. Nor is ``behind``: the member
    has not got as far as the watch has seen.
    """

    id: int
    kind: str
    revision: int = 0
    events: tuple[Any, ...] = ()
    error: EtcdError | None = None
    state: WatchEntry | None = None


class WatchMux:
    """All watches of one stream."""

    def __init__(self) -> None:
        self.watches: dict[int, WatchEntry] = {}
        self._last = 0
        self._asked: deque[int] = deque()
        self._by_server: dict[int, int] = {}

    def add(self, fields: Mapping[str, Any], start: int) -> WatchEntry:
        """A new watch, from revision ``start``; 0 means from now on."""
        self._last += 1
        state = self.watches[self._last] = WatchEntry(self._last, fields, start)
        return state

    def create(self, state: WatchEntry) -> Mapping[str, Any]:
        """What to ask the server for a watch."""
        self._asked.append(state.id)
        return {**state.fields, "watch_id": state.id, "start_revision": state.next}

    def remove(self, id: int) -> int | None:  # noqa: A002
        """Forget a watch; the server's id for it, if it has to be cancelled there."""
        state = self.watches.pop(id, None)
        if state is not None and state.server_id is not None:
            self._by_server.pop(state.server_id, None)
        return state.server_id if state else None

    def connected(self) -> list[Mapping[str, Any]]:
        """A new stream: what to ask for, each watch from behind the last revision that was seen."""
        self._asked.clear()
        self._by_server.clear()
        for state in self.watches.values():
            state.server_id, state.parts = None, ()
        return [self.create(state) for state in self.watches.values()]

    def received(self, reply: Any) -> list[WatchOutput]:
        """What an answer means, and for whom."""
        if reply.created:
            return self._created(reply)
        if reply.watch_id == BROADCAST:
            return [out for state in list(self.watches.values()) for out in self._progress(state, reply)]
        state = self.watches.get(self._by_server.get(reply.watch_id, 0))
        if state is None:  # cancelled by us, and the server did not know yet
            return []
        if reply.canceled:
            return self._ended(state, reply)
        return self._events(state, reply) if reply.events or reply.fragment else self._progress(state, reply)

    def _created(self, reply: Any) -> list[WatchOutput]:
        state = self.watches.get(self._asked.popleft()) if self._asked else None
        if reply.canceled:
            return self._ended(state, reply) if state else []
        if state is None:  # given up before it was confirmed
            return [WatchOutput(reply.watch_id, "stray")]
        state.renewals, state.server_id = 0, reply.watch_id
        self._by_server[reply.watch_id] = state.id
        here = reply.header.revision
        created = [WatchOutput(state.id, "created", here)]
        if state.reached and here + 1 < state.next:
            return [*created, WatchOutput(state.id, "behind", here, state=state)]
        state.next = state.next or here + 1
        state.reached = state.reached or here + 1 >= state.next
        return created

    def _events(self, state: WatchEntry, reply: Any) -> list[WatchOutput]:
        state.parts += tuple(reply.events)
        if reply.fragment:
            return []
        fresh = tuple(event for event in state.parts if event.kv.mod_revision >= state.next)
        state.parts = ()
        if not fresh:
            return []
        state.next, state.reached = fresh[-1].kv.mod_revision + 1, True
        return [WatchOutput(state.id, "events", reply.header.revision, fresh)]

    def _progress(self, state: WatchEntry, reply: Any) -> list[WatchOutput]:
        if state.server_id is None or state.parts:
            return []
        state.next, state.reached = max(state.next, reply.header.revision + 1), True
        return [WatchOutput(state.id, "progress", reply.header.revision)]

    def _ended(self, state: WatchEntry, reply: Any) -> list[WatchOutput]:
        self.remove(state.id)
        return [WatchOutput(state.id, "error", reply.header.revision, error=reason(reply), state=state)]


def reason(reply: Any) -> EtcdError:
    """Why the server ended a watch."""
    if reply.compact_revision:
        return CompactedError(compact_revision=reply.compact_revision)
    if not reply.cancel_reason:  # Go's client reads it so
        return FutureRevisionError("required revision is a future revision")
    return error_of(Code.FAILED_PRECONDITION, reply.cancel_reason)
