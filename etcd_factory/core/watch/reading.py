"""Events that who waits for them, a thread or a task, takes from the stream itself: no other one is woken first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from etcd_factory.core.ports import Keep

from .state import WatchEntry, WatchMux, joined, unseen

if TYPE_CHECKING:
    from etcd_factory.wire.messages import Event, WatchResponse


class Reading(Protocol):
    """A watch whose user waits for events."""

    id: int

    def keeping(self, entry: WatchEntry, events: Sequence[Event]) -> Keep | None:
        """Return what keeps events for the user and moves the entry on; None if they must be delivered."""
        ...


def prepare(mux: WatchMux, watch: Reading, reply: WatchResponse) -> Keep | None:
    """Return what keeps the events of a response; None if it is something else, or for another watch."""
    entry = mux.events_of(reply)
    if entry is None or entry.id != watch.id:
        return None
    found = joined(entry, reply)
    return partial(keep_fragment, entry, found) if reply.fragment else watch.keeping(entry, unseen(entry, found))


def keep_fragment(entry: WatchEntry, events: Sequence[Event], done: Callable[[], object]) -> bool:
    """Keep the events of a response that goes on; at once, for an interrupt (``EventQueue.keeping``)."""
    entry.fragments = events
    done()
    return False
