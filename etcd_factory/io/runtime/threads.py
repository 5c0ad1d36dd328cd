"""The runtime on threads: whatever waits blocks its thread and never suspends."""

from __future__ import annotations

import _thread
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from typing_extensions import Self

from etcd_factory.core.face import Face, Sync, finish
from etcd_factory.errors import DeadlineExceededError

from . import dns
from .files import AtomicFile

T = TypeVar("T")


class Promise(Generic[T]):
    """A value that one thread sets and others wait for."""

    def __init__(self) -> None:
        self._future: Future[T] = Future()

    def set(self, value: T) -> None:
        """Wake all waiters with the value."""
        self._future.set_result(value)

    async def wait(self, timeout: float | None = None) -> T:
        """Return the value once it is set."""
        try:
            return self._future.result(timeout)
        except FutureTimeoutError:
            raise DeadlineExceededError("another caller did not finish in time") from None


class Signal:
    """A flag that one thread sets and others wait for."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.set, self.clear, self.is_set = self._event.set, self._event.clear, self._event.is_set

    async def wait(self, timeout: float | None = None) -> bool:
        """Return whether it was set in time."""
        return self._event.wait(timeout)


class Gate:
    """Opened once, for whom many threads wait: each at a lock of its own, as one for all would let them queue again."""

    def __init__(self) -> None:
        self._is_open, self._waiting = False, deque[threading.Lock]()

    def open(self) -> None:
        """Wake all waiters, and let all who come pass."""
        self._is_open = True
        while self._waiting:
            self._waiting.popleft().release()

    def wait(self, timeout: float | None = None) -> Awaitable[bool]:
        """Return whether it was opened in time."""
        return self._wait(timeout)

    async def _wait(self, timeout: float | None) -> bool:
        mine = threading.Lock()
        mine.acquire()
        self._waiting.append(mine)  # before it is looked at: whoever opens it meanwhile sees one of both
        return self._is_open or mine.acquire(timeout=-1 if timeout is None else timeout)


class Mailbox(Generic[T]):
    """A bounded queue; the producer never waits."""

    def __init__(self, size: int) -> None:
        self._size, self._items = size, deque[T]()
        self._change = threading.Condition()
        self._closed = False

    def put(self, item: T, *, always: bool = False) -> bool:
        """Add an item; returns False if the box is closed, or full and not ``always``."""
        with self._change:
            if self._closed or (len(self._items) >= self._size and not always):
                return False
            self._items.append(item)
            self._change.notify_all()
            return True

    def close(self) -> None:
        """Refuse further items; those in it can still be taken."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    async def get(self, timeout: float | None = None) -> T | None:
        """Return the next item; None once the box is closed and empty, or after ``timeout`` seconds."""
        with self._change:
            self._change.wait_for(lambda: self._items or self._closed, timeout)
            return self._items.popleft() if self._items else None


class Call(Generic[T]):
    """A function that is called in a thread of its own."""

    def __init__(self, body: Callable[[], T]) -> None:
        self._body = body
        self.future: Future[T] = Future()

    def start(self, name: str) -> Self:
        """Call it; where the interpreter shuts down and starts no more threads, in the caller's."""
        try:
            threading.Thread(target=self.run, name=name, daemon=True).start()
        except RuntimeError:
            self.run()
        return self

    def run(self) -> None:
        """Call it here."""
        try:
            self.future.set_result(self._body())
        except BaseException as error:
            self.future.set_exception(error)


class Task:
    """A coroutine run to its end in a thread of its own."""

    def __init__(self, body: Coroutine[Any, Any, object], name: str) -> None:
        self._thread = threading.Thread(target=finish, args=(body,), name=name, daemon=True)
        self._thread.start()

    async def join(self, timeout: float) -> bool:
        """Return whether it ended in time; True if it waits for itself, since it is about to end."""
        if self._thread is not threading.current_thread():
            self._thread.join(0 if sys.is_finalizing() else timeout)  # then it is frozen, and never ends
            return not self._thread.is_alive()
        return True


class ThreadRuntime:
    """Time, waiting and background work on threads."""

    face: Face = Sync
    now = staticmethod(time.monotonic)
    random = staticmethod(random.random)
    lock = threading.Lock
    signal = Signal
    gate = Gate
    promise = Promise
    mailbox = Mailbox
    spawn = Task
    file = AtomicFile

    def scope(self) -> object:
        """Return one object for all threads."""
        return self

    def is_over(self, scope: object) -> bool:
        """Return False: threads go on as long as the process."""
        del scope
        return False

    def finalize(self, scopes: Iterable[object], body: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Begin to run ``body``; not in a ``Thread``, whose start takes locks."""
        del scopes
        with suppress(RuntimeError):  # the interpreter shuts down
            _thread.start_new_thread(finish, (body(),))

    async def lookup(self, domain: str, secure: bool, timeout: float) -> list[dns.Address]:
        """Return the names and ports of a domain's etcd from DNS SRV records."""
        return dns.lookup(dns.record(domain, secure=secure), timeout)

    async def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        time.sleep(seconds)  # noqa: ASYNC251

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """Return what ``body`` returns; it runs in a thread of its own, and keeps running there if it takes longer."""
        future = Call(body).start("etcd_factory bounded").future
        try:
            return future.result(seconds)
        except FutureTimeoutError:
            if future.done():
                raise
            raise TimeoutError(f"not done within {seconds} s") from None

    async def aside(self, body: Callable[[], T]) -> T:
        """Return what ``body`` returns."""
        return body()

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run coroutines concurrently, each in a thread."""
        calls = [Call(partial(finish, body)) for body in bodies]
        for call in calls[1:]:
            call.start("etcd_factory gather")
        for call in calls[:1]:
            call.run()
        wait([call.future for call in calls])
        return [call.future.result() for call in calls]
