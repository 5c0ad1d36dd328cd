"""A running watch: its events reach the user by iteration or through handlers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from etcd_factory.compat import Self
from etcd_factory.core.bound import operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync, finish
from etcd_factory.core.handlers import Handler, call_handler, checked
from etcd_factory.core.ports import Mailbox
from etcd_factory.errors import ClientClosedError, WatchOverflowError, choice
from etcd_factory.model import Event, KeyValue
from etcd_factory.wire import replies
from etcd_factory.wire.values import event_reader

from .dispatcher import Dispatcher, Turn
from .stream import State
from .subscription import Subscription, log

if TYPE_CHECKING:
    from etcd_factory.wire import messages as m

WatchEvent = Literal["connecting", "connected", "disconnected", "put", "delete", "data", "progress", "end", "error"]

EVENTS = ("connecting", "connected", "disconnected", "put", "delete", "data", "progress", "end", "error")
FINAL = ("error", "end")  # the events of a watch that is over

WANTED: dict[tuple[str, ...], tuple[str, ...]] = {  # by the filters that etcd applies
    (): ("put", "delete"),
    ("NODELETE",): ("put",),
    ("NOPUT",): ("delete",),
}

KINDS = ("put", "delete")  # by etcd's numbers
BUFFER = 100_000  # events that may wait to be read
IN_A_TURN = 16  # items after which a watch lets others have the thread
GRACE = 0.01  # seconds before handlers are called: those of create().on(...).on(...) are all to be there

Handlers = dict[str, list[Handler]]
Item = tuple[str, Any]  # an event of the watch and its argument: of "data" an iterator


class Watcher(Subscription[F]):
    """A running watch: iterate over it, or register handlers. Every event is delivered once, in order.

    It resumes after the last revision seen, on any host, for ever. ``cancel()`` it, or use it as a context manager. In
    a forked child it is the parent's: using it raises ``ClientClosedError``, and no handler is called.
    """

    __slots__ = (
        *("_wanted", "_read", "_box", "_ready", "_buffer", "_added", "_taken", "_progress", "_handlers", "_known"),
        *("_has_handlers", "_dispatcher", "_from", "_closed", "turn"),
    )

    def __init__(
        self,
        view: View,
        fields: Mapping[str, Any],
        buffer: int = BUFFER,
        handlers: Handlers | None = None,
        *,
        progress: bool = False,
        resync: bool = False,
    ) -> None:
        super().__init__(view, fields, resync=resync)
        self._wanted = WANTED[tuple(fields.get("filters", ()))]
        self._read = event_reader(self._skip, previous=bool(fields.get("prev_kv")))
        self._box: Mailbox[Item] = self._runtime.mailbox(buffer)
        self._ready: Iterator[Event] = iter(())
        self._buffer, self._added, self._taken = buffer, 0, 0
        self._progress, self._handlers = progress, handlers or {}
        self._known: set[bytes] = set()
        self._has_handlers = self._closed = False
        self._dispatcher: Dispatcher | None = None
        self._from = 0.0  # when handlers may be called
        self.turn = Turn.NONE

    def __repr__(self) -> str:
        state = f"disconnected: {self._error}" if self._stream.error else "running"
        state = "ended" if self._over else "of the parent process" if self.inherited else state
        return f"<Watcher {state} of {self._run}>"

    # --- hooks of the subscription

    async def open(self, start: int) -> None:
        """Begin, and wait until the server has confirmed it."""
        if self._handlers:
            self._start_dispatching()
        if self._resync:
            reply = await self.read(keys_only=True)
            self._known = set(replies.key_bytes(reply, self._skip))
            start = start or reply.header.revision + 1
        await super().open(start)

    def on_state(self, state: State, error: Exception | None = None) -> None:
        """Queue an event of that name."""
        self._add(state, error)

    def on_events(self, events: Sequence[m.Event]) -> bool:
        """Queue events for the reader, for whom each is made a value when it is read."""
        if self._resync:  # the server sends both kinds
            self._note(events)
            events = [event for event in events if KINDS[event.type] in self._wanted]
        return self._put(len(events), map(self._read, events))

    def on_progress(self, revision: int) -> None:
        """Queue a progress mark, if requested."""
        if self._progress:
            self._add("progress", Event("progress", KeyValue(b""), revision))

    def on_end(self, error: Exception | None) -> None:
        """Queue the error, and nothing after it."""
        self._add("error", error)
        self._close()

    def on_resync(self, reply: m.RangeResponse) -> None:
        """Queue the whole range as puts, and deletes for the keys that are gone."""
        revision, found = reply.header.revision, replies.kvs(reply, self._skip)
        gone = self._known.difference([kv.key for kv in found])
        deletes = [KeyValue(key, mod_revision=revision) for key in sorted(gone)]
        self._known = {kv.key for kv in found}
        for kind, events in (
            ("delete", [Event("delete", kv, revision, resync=True) for kv in deletes]),
            ("put", [Event("put", kv, kv.mod_revision, resync=True) for kv in found]),
        ):
            if kind in self._wanted:
                self._put(len(events), iter(events), always=True)

    def _put(self, count: int, events: Iterator[Event], *, always: bool = False) -> bool:
        if self._added - self._taken + count > self._buffer and not always:
            self._fail(WatchOverflowError(f"more than {self._buffer} events wait to be read"))
            return False
        self._added += count
        return not count or self._add("data", events)

    def _add(self, event: str, value: object) -> bool:
        is_open = self._box.put((event, value), always=True)
        if self._dispatcher is not None:
            self._dispatcher.schedule(self)
        return is_open

    def _close(self) -> None:
        self._box.close()
        self._closed = True
        if self._dispatcher is not None:
            self._dispatcher.schedule(self)

    def _note(self, events: Sequence[m.Event]) -> None:
        for event in events:  # to know after a compaction which keys were deleted
            (self._known.discard if event.type else self._known.add)(event.kv.key[self._skip :])

    # --- what the user does

    def on(self, event: WatchEvent, handler: Handler) -> Self:
        """Call ``handler`` for an event, one call after another, independent of other watches; returns the watcher.

        ``put`` and ``delete`` pass the ``Event``, ``data`` a list of those that came together, ``progress`` the mark,
        ``disconnected`` and ``error`` the error, ``connecting``, ``connected`` and ``end`` nothing. A handler may use
        the client, and in asyncio be ``async``; what it raises is logged. A watcher with handlers cannot be iterated
        over. A handler that must not miss the first event is registered on the builder: ``watch().on(...).create()``.
        """
        self._check_owner()
        name, found = choice(event, EVENTS, "event of a watch"), checked(handler, self._runtime.face)
        self._handlers.setdefault(name, []).append(found)
        self._start_dispatching()
        return self

    @operation
    async def cancel(self) -> None:
        """End the watch: iteration stops, and of the handlers only those of ``end`` are called. Idempotent."""
        await self.end()

    async def end(self) -> None:
        """End the watch; idempotent."""
        await super().end()
        self._close()

    def interrupt(self) -> None:
        """Wake the reader, who then ends the watch."""
        self._over = True
        self._close()

    def forget(self) -> object:
        """Leave the watch to the parent, with the events that wait to be read."""
        left, self._box = self._box, self._runtime.mailbox(0)
        self._ready, self._dispatcher = iter(()), None
        return left, super().forget()

    def _check_owner(self) -> None:
        if self.inherited:
            raise ClientClosedError("a watch belongs to the process that began it; begin a new one in a forked child")

    def _start_dispatching(self) -> None:
        if self._has_handlers:
            return
        self._has_handlers, self._from = True, self._runtime.now() + GRACE
        self.keep()
        if self._runtime.face is Sync:
            self._dispatcher = self._background.get(Dispatcher)
            self._dispatcher.schedule(self)
        else:
            self._runtime.spawn(self._dispatch(), "etcd_factory watcher")

    async def _dispatch(self) -> None:
        """Call the handlers until the watch ends, in a task of its own."""
        await self._runtime.sleep(GRACE)
        while (item := await self._box.get()) is not None:
            await self._handle(item)
        await self._call("end")

    async def dispatch(self) -> None:
        """Call the handlers for what waits, on a thread that calls those of other watches too."""
        await self._runtime.sleep(max(0.0, self._from - self._runtime.now()))
        for _ in range(IN_A_TURN):
            closed = self._closed  # before it is looked whether something is there
            item = await self._box.get(0)
            if item is None:
                if closed and self._dispatcher is not None:
                    self._dispatcher = None
                    await self._call("end")
                return
            await self._handle(item)
        if self._dispatcher is not None:
            self._dispatcher.schedule(self)

    async def _handle(self, item: Item) -> None:
        event, value = listed(item)
        if event == "error" and "error" not in self._handlers:
            log_unhandled(value)
        for name, args in calls(event, value):
            await self._call(name, *args)
        self._taken += len(value) if event == "data" else 0

    async def _call(self, event: str, *args: object) -> None:
        for handler in self._handlers.get(event, ()):
            if self._over and event not in FINAL:
                return
            await call_handler(self._runtime.face, log, f"{event!r} of a watch", handler, *args)

    async def take(self, timeout: float | None = None) -> Event | None:
        """Return the next event, None after the last one or after ``timeout``; raises what ended the watch."""
        self._check_owner()
        if self._has_handlers:
            raise TypeError("a watcher with handlers cannot be iterated over")
        end = None if timeout is None else self._runtime.now() + timeout
        while not self._over:
            for found in self._ready:
                self._taken += 1
                return found
            item = await self._box.get(None if end is None else max(0.0, end - self._runtime.now()))
            if item is None:
                self._over = timeout is None
                return None
            event, value = item
            if event == "error":
                raise value
            if event == "data":
                self._ready = iter(value)
            elif event == "progress":
                return value  # type: ignore[no-any-return]
        return None

    async def _exit(self, error: BaseException | None) -> None:
        del error
        await self.end()

    def __iter__(self: Watcher[Sync]) -> Watcher[Sync]:
        if self.face is not Sync:
            raise TypeError("a watcher of an asyncio client: iterate with 'async for'")
        return self

    def __next__(self: Watcher[Sync]) -> Event:
        if not self._over:  # the usual way, in as few steps as possible
            for found in self._ready:
                self._taken += 1
                return found
        event = finish(self.take())
        if event is None:
            raise StopIteration
        return event

    def __aiter__(self: Watcher[Async]) -> Watcher[Async]:
        if self.face is not Async:
            raise TypeError("a watcher of a blocking client: iterate with 'for'")
        return self

    async def __anext__(self: Watcher[Async]) -> Event:
        if not self._over:  # the usual way, in as few steps as possible
            for found in self._ready:
                self._taken += 1
                return found
        event = await self.take()
        if event is None:
            raise StopAsyncIteration
        return event


AnyWatcher: TypeAlias = Watcher[Any]  # in the core, which only uses coroutines of it


def log_unhandled(error: Exception) -> None:
    """Log the error of a watch that has no handler for it; that its client was closed is no news."""
    if not isinstance(error, ClientClosedError):
        log.warning("a watch ended, and has no handler for 'error': %s", error)


def listed(item: Item) -> Item:
    """Return an item with all its events, where it has any."""
    event, value = item
    return event, [*value] if event == "data" else value


def calls(event: str, value: Any) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield the handlers to call for one event of the watch, and their arguments."""
    if event != "data":
        yield event, (() if value is None else (value,))
        return
    for one in value:
        yield one.type, (one,)
    yield event, (value,)
