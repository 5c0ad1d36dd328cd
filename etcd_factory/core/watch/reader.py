"""What the user of a watch does: iterate over its events, or register handlers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, overload

from etcd_factory.compat import Self
from etcd_factory.core.arguments import seconds
from etcd_factory.core.bound import Scoped, operation
from etcd_factory.core.face import Async, F, Sync, finish
from etcd_factory.core.handlers import Handler
from etcd_factory.core.ports import Seat
from etcd_factory.errors import ClientClosedError
from etcd_factory.model import Event

from .event_queue import EventQueue, WatchEvent


class EventReader(Scoped[F]):
    """A watch: iterate over it, or register handlers."""

    __slots__ = ()  # as others have bases with slots too

    if TYPE_CHECKING:
        _events: EventQueue
        inherited: bool  # by a forked child, in which it must not be used

    @abstractmethod
    def keep(self) -> None:
        """Go on even if the user drops it: there are handlers."""

    @abstractmethod
    async def end(self) -> None:
        """End the watch; idempotent."""

    def _seat(self) -> Seat | None:
        """Return what lets the waiting thread or task read the stream itself; None if it just waits."""
        return None

    def on(self, event: WatchEvent, handler: Handler) -> Self:
        """Call ``handler`` for an event, one call after another, independent of other watches; returns the watcher.

        ``put`` and ``delete`` pass the ``Event``, ``data`` a list of those that came together, ``progress`` the mark,
        ``disconnected`` and ``error`` the error, ``connecting``, ``connected`` and ``end`` nothing. A handler may use
        the client, and in asyncio be ``async``; what it raises is logged. A watcher with handlers cannot be iterated
        over. A handler that must not miss the first event is registered on the builder: ``watch().on(...).create()``.
        """
        self._check_owner()
        self._events.on(event, handler)
        self._start_dispatching()
        return self

    def _start_dispatching(self) -> None:
        if self._events.start():
            self.keep()

    @operation
    async def cancel(self) -> None:
        """End the watch: iteration stops, and of the handlers only those of ``end`` are called. Idempotent."""
        await self.end()

    async def _exit(self, error: BaseException | None) -> None:
        del error
        await self.end()

    def _check_owner(self) -> None:
        if self.inherited:
            raise ClientClosedError("a watch belongs to the process that began it; begin a new one in a forked child")

    @operation
    async def take(self, timeout: float | None = None) -> Event | None:
        """Return the next event, None after the last one or after ``timeout`` seconds; raises what ended the watch."""
        return await self.received(None if timeout is None else seconds(timeout))

    async def received(self, timeout: float | None = None) -> Event | None:
        """Return the same, in the core, which only uses coroutines."""
        self._check_owner()
        return await self._events.take(timeout, self._seat)

    @overload
    def revisions(self: EventReader[Sync]) -> Iterator[list[Event]]: ...
    @overload
    def revisions(self: EventReader[Async]) -> AsyncIterator[list[Event]]: ...
    def revisions(self) -> Any:
        """Iterate over revisions: each time a list of all events of one, as the transaction made them; never a part.

        After a compaction the differences that were found, marked ``resync``, come as one list. Marks are left out.
        """
        return self._iterate() if self.face is Async else iter(self._next_revision, [])

    def _next_revision(self) -> list[Event]:
        self._check_owner()
        return finish(self._events.take_revision(self._seat))

    async def _iterate(self) -> AsyncIterator[list[Event]]:
        self._check_owner()
        while found := await self._events.take_revision():
            yield found

    def __iter__(self: EventReader[Sync]) -> EventReader[Sync]:
        if self.face is not Sync:
            raise TypeError("a watcher of an asyncio client: iterate with 'async for'")
        return self

    def __next__(self: EventReader[Sync]) -> Event:
        events = self._events
        if not events.over:  # the usual way, in as few steps as possible
            for found in events.ready:
                events.taken += 1
                return found
        event = finish(self.received())
        if event is None:
            raise StopIteration
        return event

    def __aiter__(self: EventReader[Async]) -> EventReader[Async]:
        if self.face is not Async:
            raise TypeError("a watcher of a blocking client: iterate with 'for'")
        return self

    async def __anext__(self: EventReader[Async]) -> Event:
        events = self._events
        if not events.over:  # the usual way, in as few steps as possible
            for found in events.ready:
                events.taken += 1
                return found
        event = await self.received()
        if event is None:
            raise StopAsyncIteration
        return event
