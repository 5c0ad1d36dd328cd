"""What a watch has received and its user has not read yet, and how it reaches the user's handlers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Literal

from etcd_factory import model
from etcd_factory.core.arguments import count
from etcd_factory.core.background import Background
from etcd_factory.core.call.hooks import around, timed
from etcd_factory.core.face import Sync
from etcd_factory.core.handlers import Handler, call_handler, checked
from etcd_factory.core.ports import Keep, Mailbox, Seat
from etcd_factory.errors import ClientClosedError, WatchOverflowError, choice, copied
from etcd_factory.model import Event

from .dispatcher import Dispatcher, Turn
from .state import WatchEntry

log = logging.getLogger("etcd_factory.watch")

WatchEvent = Literal["connecting", "connected", "disconnected", "put", "delete", "data", "progress", "end", "error"]

EVENTS = ("connecting", "connected", "disconnected", "put", "delete", "data", "progress", "end", "error")
FINAL = ("error", "end")  # the events of a watch that is over
SHOWN = {event: f"{event!r} of a watch" for event in EVENTS}  # as what goes wrong in a handler is logged

BUFFER = 100_000  # events that may wait to be read
IN_A_TURN = 16  # items after which a watch lets others have the thread
GRACE = 0.01  # seconds before handlers are called: those of create().on(...).on(...) are all to be there

Handlers = dict[str, list[Handler]]
Item = tuple[str, Any]  # an event of the watch and its argument: of "data" an iterator over whole revisions


MakeSeat = Callable[[], Seat | None]


def no_seat() -> None:
    """Stand in for a seat: the caller just waits."""


class EventQueue:
    """The events of one watch: ``put`` and ``add`` never wait, ``take`` does, unless there are handlers.

    ``ready`` has the events that were taken together and not returned yet, ``over`` is set when the watch has ended.
    """

    __slots__ = (
        *("_runtime", "_background", "_box", "_size", "_added", "_handlers", "_has_handlers", "_dispatcher", "_from"),
        *("_closed", "_batch", "ready", "taken", "over", "turn", "__weakref__"),
    )

    def __init__(self, background: Background[Any], size: int, handlers: Handlers | None = None) -> None:
        self._runtime, self._background = background.runtime, background
        self._box: Mailbox[Item] = self._runtime.mailbox(size)
        self._size, self._added = size, 0
        self._handlers = handlers or {}
        self._has_handlers = self._closed = False
        self._dispatcher: Dispatcher | None = None
        self._from = 0.0  # when handlers may be called
        self.ready: Iterator[Event] = iter(())
        self._batch = self.ready
        self.taken, self.over, self.turn = 0, False, Turn.NONE

    # --- what arrives

    def put(self, count: int, events: Iterator[Event], *, always: bool = False) -> bool:
        """Queue events of whole revisions; returns False if it is closed. Raises ``WatchOverflowError``."""
        if not (always or self._fits(count)):
            raise WatchOverflowError(f"more than {self._size} events wait to be read")
        self._added += count
        return not count or self.add("data", self._timed(count, events))

    def _fits(self, count: int) -> bool:
        return self._added - self.taken + count <= self._size

    def _timed(self, count: int, events: Iterator[Event]) -> Iterator[Event]:
        hooks = self._background.client.hooks
        return timed(hooks, self._runtime.now, events, count) if hooks else events

    def keeping(self, entry: WatchEntry, moves_to: int, count: int, events: Iterator[Event]) -> Keep | None:
        """Return what makes events those that are returned next, and moves their watch on; None if they do not fit.

        Both is done at once, for an interrupt: CPython looks for one only where something is called.
        """
        if not self._fits(count):
            return None
        ready = chain(self.ready, self._timed(count, events))  # others may have been kept just before

        def keep(done: Callable[[], object]) -> bool:
            self.ready = self._batch = ready
            self._added += count
            entry.next, entry.reached, entry.fragments = moves_to, True, ()
            done()
            return True

        return keep

    def add(self, event: str, value: object) -> bool:
        """Queue an event of another kind; False if the queue is closed."""
        is_open = self._box.put((event, value), always=True)
        if self._dispatcher is not None:
            self._dispatcher.schedule(self)
        return is_open

    def fail(self, error: Exception | None) -> None:
        """Queue an error, and nothing after it; a copy, since others may raise it too."""
        self.add("error", error and copied(error))
        self.close()

    def close(self) -> None:
        """Queue nothing more."""
        self._box.close()
        self._closed = True
        if self._dispatcher is not None:
            self._dispatcher.schedule(self)

    # --- handlers

    def on(self, event: WatchEvent, handler: Handler) -> None:
        """Add a handler; ``TypeError`` if it cannot be called in this face."""
        name, found = choice(event, EVENTS, "event of a watch"), checked(handler, self._runtime.face)
        self._handlers.setdefault(name, []).append(found)

    @property
    def has_handlers(self) -> bool:
        """Whether there were handlers from the beginning."""
        return bool(self._handlers)

    def start(self) -> bool:
        """Call the handlers from now on; False if that has begun before."""
        if self._has_handlers:
            return False
        self._has_handlers, self._from = True, self._runtime.now() + GRACE
        if self._runtime.face is Sync:
            self._dispatcher = self._background.get(Dispatcher)
            self._dispatcher.schedule(self)
        else:
            self._runtime.spawn(self._dispatch(), "etcd_factory watcher")
        return True

    async def _dispatch(self) -> None:
        """Call the handlers until the watch ends, in a task of its own."""
        await self._runtime.sleep(GRACE)
        while (item := await self._box.get()) is not None:
            await self._handle(item)
        await self._call("end")

    async def dispatch(self) -> None:
        """Call the handlers for what waits, on a thread that calls those of other watches too."""
        if (early := self._from - self._runtime.now()) > 0:
            await self._runtime.sleep(early)
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
        hooks = self._background.client.hooks if event == "data" else ()
        if hooks:
            with around(hooks, model.activity.Callback(self, len(value))) as failures:
                await self._call_all(event, value, failures)
        else:
            await self._call_all(event, value, [])
        self.taken += len(value) if event == "data" else 0

    async def _call_all(self, event: str, value: Any, failures: list[BaseException]) -> None:
        for name, args in calls(event, value):
            if name in self._handlers:
                await self._call(name, *args, failures=failures)

    async def _call(self, event: str, *args: object, failures: list[BaseException] | None = None) -> None:
        for handler in self._handlers.get(event, ()):
            if self.over and event not in FINAL:
                return
            error = await call_handler(self._runtime.face, log, SHOWN[event], handler, *args)
            if error is not None and failures is not None:
                failures.append(error)

    # --- reading

    async def take(self, timeout: float | None = None, seat: MakeSeat = no_seat) -> Event | None:
        """Return the next event, None after the last one or after ``timeout``; raises what ended the watch.

        ``seat`` returns a new one to wait on, if the caller may read the stream itself.
        """
        if self._has_handlers:
            raise TypeError("a watcher with handlers cannot be iterated over")
        end = None if timeout is None else self._runtime.now() + timeout
        while not self.over:
            for found in self.ready:
                self.taken += 1
                return found
            sitting = seat()
            item = await self._box.get(None if end is None else max(0.0, end - self._runtime.now()), sitting)
            if item is None:
                if sitting is not None and sitting.is_filled:
                    continue
                self.over = timeout is None
                return None
            event, value = item
            if event == "error":
                raise value
            if event == "data":
                self._batch = self.ready = iter(value)
            elif event == "progress":
                return value  # type: ignore[no-any-return]
        return None

    async def take_revision(self, seat: MakeSeat = no_seat) -> list[Event]:
        """Return the next events that belong together; none after the last ones."""
        while (first := await self.take(seat=seat)) is not None:
            if first.type == "progress":
                continue
            found = [first]
            for event in self.ready:
                if event.revision != first.revision and not event.resync:
                    self.ready = chain((event,), self._batch)  # not the old ``ready``: chains of chains are slow
                    break
                found.append(event)
                self.taken += 1
            return found
        return []


def buffer_size(size: object) -> int:
    """Return how many events may wait to be read, at least 1."""
    if (found := count(size, "a buffer")) < 1:
        raise ValueError(f"a buffer must hold at least 1 event, not {found}")
    return found


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
