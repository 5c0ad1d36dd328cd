"""The runtime on threads: whatever waits blocks its thread and never suspends."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Generic, TypeVar

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


class Task:
    """A coroutine run to its end in a thread of its own."""

    def __init__(self, body: Coroutine[Any, Any, object], name: str) -> None:
        self._thread = threading.Thread(target=finish, args=(body,), name=name, daemon=True)
        self._thread.start()

    async def join(self, timeout: float) -> bool:
        """Return whether it ended in time; True if it waits for itself, since it is about to end."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True


class ThreadRuntime:
    """Time, waiting and background work on threads."""

    face: Face = Sync
    now = staticmethod(time.monotonic)
    random = staticmethod(random.random)
    lock = threading.Lock
    signal = Signal
    promise = Promise
    mailbox = Mailbox
    spawn = Task
    file = AtomicFile

    def scope(self) -> object:
        """Return one object for all threads."""
        return self

    async def lookup(self, domain: str, secure: bool, timeout: float) -> list[dns.Address]:
        """Return the names and ports of a domain's etcd from DNS SRV records."""
        return dns.lookup(dns.record(domain, secure=secure), timeout)

    async def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        time.sleep(seconds)  # noqa: ASYNC251

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """Return what ``body`` returns; it runs in a thread of its own, and keeps running there if it takes longer."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(body())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="etcd_factory bounded", daemon=True).start()
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
        from concurrent.futures import ThreadPoolExecutor  # loads queue and more, for this alone

        tasks = list(bodies)
        with ThreadPoolExecutor(max(1, len(tasks)), "etcd_factory gather") as pool:
            return [task.result() for task in [pool.submit(finish, body) for body in tasks]]
