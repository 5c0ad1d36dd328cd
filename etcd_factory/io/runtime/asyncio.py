"""The runtime on asyncio."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import weakref
from asyncio import get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import suppress
from math import inf
from typing import Any, Generic, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from etcd_factory.compat import mark_waiting
from etcd_factory.core import ports
from etcd_factory.core.face import Async, Face, settle
from etcd_factory.errors import DeadlineExceededError

from . import dns
from .files import AtomicFile

T = TypeVar("T")

mark_waiting()


NO_LOOP = (
    "no running event loop: an asyncio client needs asyncio's; with trio, call a blocking ETCDService in "
    "trio.to_thread.run_sync(), or run this call with trio-asyncio"
)


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop. Raises ``RuntimeError`` if there is none, as in trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(NO_LOOP) from None


class Promise(Generic[T]):
    """A value that one task sets and others wait for."""

    def __init__(self) -> None:
        self._future: Future[T] = Future()  # of no loop: a client may be used in several at once

    def set(self, value: T) -> None:
        """Wake all waiters with the value."""
        self._future.set_result(value)

    async def wait(self, timeout: float | None = None) -> T:
        """Return the value once it is set."""
        waiting = asyncio.wrap_future(self._future)  # never cancelled: that would cancel the promise
        done, _ = await asyncio.wait([waiting], timeout=timeout)
        if not done:
            raise DeadlineExceededError("another caller did not finish in time")
        return waiting.result()


async def is_set(event: asyncio.Event, timeout: float | None) -> bool:
    """Return whether the event was set in time."""
    return await done_in_time(asyncio.ensure_future(event.wait()), timeout)


async def done_in_time(task: asyncio.Future[Any], timeout: float | None) -> bool:
    """Return whether a task of the caller's own ended in time; it is cancelled if not.

    Never ``wait_for``: before Python 3.12 it loses a cancellation that comes together with the result.
    """
    try:
        done, _ = await asyncio.wait([task], timeout=timeout)
        return bool(done)
    finally:
        task.cancel()


class Signal:
    """A flag that one task sets and others wait for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake all waiters."""
        self._event.set()

    def clear(self) -> None:
        """Let others wait again."""
        self._event.clear()

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._event.is_set()

    async def wait(self, timeout: float | None = None) -> bool:
        """Return whether it was set in time."""
        return await (self._event.wait() if timeout is None else is_set(self._event, timeout))


class Deadlines:
    """The deadlines of those who wait in one event loop, with one timer for the earliest.

    A timer for each of them would cost more than all else about a call that is merged with others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._waiting: dict[asyncio.Future[bool], float] = {}
        self._next = inf  # when the timer fires; one that comes too early does nothing
        self._timer: asyncio.TimerHandle | None = None

    def add(self, future: asyncio.Future[bool], timeout: float) -> None:
        """Set a future to False in so many seconds, unless it is removed before."""
        deadline = self._waiting[future] = future.get_loop().time() + timeout
        if deadline < self._next:
            self._arm(future.get_loop(), deadline)

    def remove(self, future: asyncio.Future[bool]) -> None:
        """Forget a future."""
        self._waiting.pop(future, None)

    def _arm(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next, self._timer = deadline, loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        loop, self._next, self._timer = self._loop(), inf, None
        assert loop is not None  # it runs
        now = loop.time()
        for future in [one for one, deadline in self._waiting.items() if deadline <= now]:
            self.remove(future)
            if not future.done():
                future.set_result(False)
        if self._waiting:
            self._arm(loop, min(self._waiting.values()))


_deadlines: WeakKeyDictionary[asyncio.AbstractEventLoop, Deadlines] = WeakKeyDictionary()


def deadlines_of(loop: asyncio.AbstractEventLoop) -> Deadlines:
    """Return the deadlines of a loop."""
    found = _deadlines.get(loop)
    if found is None:
        for other in [ref() for ref in _deadlines.keyrefs()]:  # at once: loops of other threads come and go
            if other is not None and other.is_closed():  # and would be held by a timer that is left
                _deadlines.pop(other, None)
        found = _deadlines[loop] = Deadlines(loop)
    return found


async def in_time(future: asyncio.Future[bool], timeout: float) -> bool:
    """Return what a future is set to, False if that is not in time."""
    deadlines = deadlines_of(future.get_loop())
    deadlines.add(future, timeout)
    try:
        return await future
    finally:
        deadlines.remove(future)


class Gate:
    """Opened once, for whom many tasks wait."""

    __slots__ = ("_is_open", "_waiting")

    def __init__(self) -> None:
        self._is_open = False
        self._waiting: list[asyncio.Future[bool]] = []  # a call of list[...] takes three times as long

    def open(self) -> None:
        """Wake all waiters, and let all who come pass."""
        self._is_open = True
        for future in self._waiting:
            if not future.done():
                future.set_result(True)

    def wait(self, timeout: float | None = None) -> Awaitable[bool]:
        """Return whether it was opened in time."""
        future: asyncio.Future[bool] = get_running_loop().create_future()
        if self._is_open:
            future.set_result(True)
            return future
        self._waiting.append(future)
        return future if timeout is None else in_time(future, timeout)


class Seat(Protocol):
    """Takes messages of a stream for a task that waits for a mailbox."""

    is_filled: bool

    def sit(self, wake: Callable[[], object]) -> None:
        """Take messages from now on: at once what is there, else ``wake`` is called."""

    def rise(self) -> None:
        """Take no more."""


class Mailbox(Generic[T]):
    """A bounded queue; the producer never waits."""

    def __init__(self, size: int) -> None:
        self._size, self._items = size, deque[T]()
        self._waiting: set[asyncio.Future[bool]] = set()  # an asyncio.Event would take twice as long
        self._closed = False

    def put(self, item: T, *, always: bool = False) -> bool:
        """Add an item; returns False if the box is closed, or full and not ``always``."""
        if self._closed or (len(self._items) >= self._size and not always):
            return False
        self._items.append(item)
        self._wake()
        return True

    def close(self) -> None:
        """Refuse further items; those in it can still be taken."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(True)

    async def get(self, timeout: float | None = None, seat: ports.Seat | None = None) -> T | None:
        """Return the next item; None once the box is closed and empty or the seat filled, or after ``timeout`` s."""
        if seat is not None and not self._items:
            return await self._get_sitting(timeout, cast("Seat", seat))
        while not (self._items or self._closed):
            if not await self._change(timeout):
                return None
        return self._items.popleft() if self._items else None

    async def _get_sitting(self, timeout: float | None, seat: Seat) -> T | None:
        seat.sit(self._wake)
        try:
            while not (self._items or self._closed or seat.is_filled):
                if not await self._change(timeout):
                    return None
        finally:
            seat.rise()
        return None if seat.is_filled or not self._items else self._items.popleft()

    async def _change(self, timeout: float | None) -> bool:
        """Return whether something came in time."""
        future: asyncio.Future[bool] = get_running_loop().create_future()
        self._waiting.add(future)
        try:
            return await (future if timeout is None else in_time(future, timeout))
        finally:
            self._waiting.discard(future)


_running: set[asyncio.Task[Any]] = set()  # event loops hold their tasks only weakly


class Task:
    """A coroutine run to its end in a task of its own."""

    def __init__(self, body: Coroutine[Any, Any, object], name: str) -> None:
        self._task = asyncio.get_running_loop().create_task(body, name=name)
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)

    async def join(self, timeout: float) -> bool:
        """Return whether it ended in time; True if it waits for itself, since it is about to end."""
        if self._task is not asyncio.current_task():
            await asyncio.wait([self._task], timeout=timeout)
            return self._task.done()
        return True


class AsyncioRuntime:
    """Time, waiting and background work on asyncio."""

    face: Face = Async
    now = staticmethod(time.monotonic)
    random = staticmethod(random.random)
    lock = threading.Lock  # a client may be used in several loops, of several threads
    signal = Signal
    gate = Gate
    promise = Promise
    mailbox = Mailbox
    spawn = Task
    file = AtomicFile

    def scope(self) -> object:
        """Return the running event loop."""
        return running_loop()

    def is_over(self, scope: object) -> bool:
        """Whether an event loop is closed."""
        return isinstance(scope, asyncio.AbstractEventLoop) and scope.is_closed()

    def finalize(self, scopes: Iterable[Any], body: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Begin to run ``body`` in each event loop."""
        for loop in scopes:
            with suppress(RuntimeError):  # it ended meanwhile
                loop.call_soon_threadsafe(lambda: Task(body(), "etcd_factory close"))

    async def lookup(self, domain: str, secure: bool, timeout: float) -> list[dns.Address]:
        """Return the names and ports of a domain's etcd from DNS SRV records."""
        return await dns.lookup_async(dns.record(domain, secure=secure), timeout)

    async def sleep(self, seconds: float) -> None:
        """Pause this task."""
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """Return what ``body`` returns; it is cancelled if it takes longer."""
        task = asyncio.ensure_future(settle(body()))
        if not await done_in_time(task, seconds):
            raise TimeoutError(f"not done within {seconds} s")
        return task.result()

    async def aside(self, body: Callable[[], T]) -> T:
        """Return what ``body`` returns, run in a thread."""
        return await asyncio.to_thread(body)

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run coroutines concurrently, each in a task."""
        return await asyncio.gather(*bodies)
