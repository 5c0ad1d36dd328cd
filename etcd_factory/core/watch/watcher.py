"""A running watch: its place on the stream, and what it has received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from etcd_factory.core.bound import operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.ports import Keep, Seat
from etcd_factory.errors import WatchOverflowError
from etcd_factory.model import Event, KeyValue
from etcd_factory.wire import replies
from etcd_factory.wire.values import event_reader

from .event_queue import BUFFER, EventQueue, Handlers
from .reader import EventReader
from .state import WatchEntry
from .stream import State
from .subscription import Subscription

if TYPE_CHECKING:
    from etcd_factory.wire import messages as m

WANTED: dict[tuple[str, ...], tuple[str, ...]] = {  # by the filters that etcd applies
    (): ("put", "delete"),
    ("NODELETE",): ("put",),
    ("NOPUT",): ("delete",),
}

KINDS = ("put", "delete")  # by etcd's numbers


class Watcher(Subscription[F], EventReader[F]):
    """A running watch: iterate over it, or register handlers. Every event is delivered once, in order.

    It resumes after the last revision seen, on any host, for ever. ``cancel()`` it, or use it as a context manager. In
    a forked child it is the parent's: using it raises ``ClientClosedError``, and no handler is called.
    """

    __slots__ = ("_events", "_known", "_progress", "_read", "_wanted")

    def __init__(
        self,
        view: View,
        fields: Mapping[str, Any],
        buffer: int = BUFFER,
        handlers: Handlers | None = None,
        *,
        progress: bool = False,
        resync: bool = False,
        own: bool = False,
    ) -> None:
        super().__init__(view, fields, resync=resync, own=own)
        self._events = EventQueue(self._background, buffer, handlers)
        self._wanted = WANTED[tuple(fields.get("filters", ()))]
        self._read = event_reader(self._skip, previous=bool(fields.get("prev_kv")))
        self._progress = progress
        self._known: set[bytes] = set()

    def __repr__(self) -> str:
        error = self._stream.error
        state = f"disconnected: {error}" if error else "running"
        state = "ended" if self._over or self._events.over else "of the parent process" if self.inherited else state
        return f"<Watcher {state} of {self._run}>"

    @property
    def subject(self) -> object:
        """What stands for the watch, and does not keep it alive."""
        return self._events

    # --- hooks of the subscription

    async def open(self, start: int) -> None:
        """Begin, and wait until the server has confirmed it."""
        if self._events.has_handlers:
            self._start_dispatching()
        if self._resync:
            reply = await self.read(keys_only=True)
            self._known = set(replies.key_bytes(reply, self._skip))
            start = start or reply.header.revision + 1
        await super().open(start)

    def on_state(self, state: State, error: Exception | None = None) -> None:
        """Queue an event of that name."""
        self._events.add(state, error)

    def on_events(self, events: Sequence[m.Event]) -> bool:
        """Queue events for the reader, for whom each is made a value when it is read."""
        events = self._chosen(events)
        try:
            return self._events.put(len(events), map(self._read, events))
        except WatchOverflowError as error:
            self._fail(error)
            return False

    def _seat(self) -> Seat | None:
        return self._stream.seat(self)

    def keeping(self, entry: WatchEntry, events: Sequence[m.Event]) -> Keep | None:
        """Return what keeps events for the reader, who is waiting for them; None if they do not fit."""
        moves_to = events[-1].kv.mod_revision + 1 if events else entry.next
        chosen = self._chosen(events)
        return self._events.keeping(entry, moves_to, len(chosen), map(self._read, chosen))

    def _chosen(self, events: Sequence[m.Event]) -> Sequence[m.Event]:
        """Return the events that are wanted: with resync the server sends both kinds."""
        if not self._resync:
            return events
        self._note(events)
        return [event for event in events if KINDS[event.type] in self._wanted]

    def on_progress(self, revision: int, *, requested: bool = False) -> None:
        """Queue a progress mark, if requested."""
        if self._progress or requested:
            self._events.add("progress", Event("progress", KeyValue(b""), revision))

    def on_end(self, error: Exception | None) -> None:
        """Queue the error, and nothing after it."""
        self._events.fail(error)

    def on_resync(self, reply: m.RangeResponse) -> None:
        """Queue the whole range as puts, and deletes for the keys that are gone."""
        revision, found = reply.header.revision, replies.kvs(reply, self._skip)
        gone = self._known.difference([kv.key for kv in found])
        self._known = {kv.key for kv in found}
        deletes = [Event("delete", KeyValue(key, mod_revision=revision), revision, resync=True) for key in sorted(gone)]
        puts = [Event("put", kv, kv.mod_revision, resync=True) for kv in found]
        events = [event for event in chain(deletes, puts) if event.type in self._wanted]
        self._events.put(len(events), iter(events), always=True)

    def _note(self, events: Sequence[m.Event]) -> None:
        for event in events:  # to know after a compaction which keys were deleted
            (self._known.discard if event.type else self._known.add)(event.kv.key[self._skip :])

    # --- what the user does

    @operation
    async def request_progress(self) -> None:
        """Ask the server for a ``progress`` mark: all events before its revision have been delivered then.

        It is an event of the type ``progress``, whether or not the watch was begun with ``progress()``. Does not wait
        for it. etcd sends none while a watch of this client is behind: it is asked again until the mark comes. Before
        3.4.25 and 3.5.8 the mark may come before the events that it speaks of.
        """
        self._check_owner()
        self._stream.request_progress(self.id)

    async def end(self) -> None:
        """End the watch; idempotent."""
        self._events.over = True
        await super().end()
        self._events.close()

    def interrupt(self) -> None:
        """Wake the reader, who then ends the watch."""
        self._over = self._events.over = True
        self._events.close()

    def forget(self) -> object:
        """Leave the watch to the parent, with the events that wait to be read."""
        left, self._events = self._events, EventQueue(self._background, 0)
        return left, super().forget()


AnyWatcher: TypeAlias = Watcher[Any]  # in the core, which only uses coroutines of it
