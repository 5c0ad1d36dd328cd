"""The ports that need no connection, on threads: each blocks its thread and returns."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

from etcd_factory.core.face import Sync, finish
from etcd_factory.errors import DeadlineExceededError

from . import dns

T = TypeVar("T")


class Promise:
    """A value that one thread sets and others wait for."""

    def __init__(self) -> None:
        self._future: Future[Any] = Future()

    def set(self, value: Any) -> None:
        """Give the value to all who wait."""
        self._future.set_result(value)

    async def wait(self, timeout: float | None = None) -> Any:
        """The value, when it is there."""
        try:
            return self._future.result(timeout)
        except Late:
            raise DeadlineExceededError("another caller did not finish in time") from None


class Signal:
    """A flag that one thread raises and others wait for."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.set, self.clear, self.is_set = self._event.set, self._event.clear, self._event.is_set

    async def wait(self, timeout: float | None = None) -> bool:
        """Whether it was raised in time."""
        return self._event.wait(timeout)


class Mailbox:
    """A bounded queue from one who never waits to one who does."""

    def __init__(self, size: int) -> None:
        self._size, self._items = size, deque[Any]()
        self._change = threading.Condition()
        self._closed = False

    def put(self, item: Any, *, always: bool = False) -> bool:
        """Add an item; false if the box is full, unless ``always``, or closed."""
        with self._change:
            if self._closed or (len(self._items) >= self._size and not always):
                return False
            self._items.append(item)
            self._change.notify_all()
            return True

    def close(self) -> None:
        """Take no more; what is in it can still be taken out."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    async def get(self, timeout: float | None = None) -> Any:
        """The next item, when there is one; None once the box is closed and empty, or at the end of ``timeout``."""
        with self._change:
            self._change.wait_for(lambda: self._items or self._closed, timeout)
            return self._items.popleft() if self._items else None


class Task:
    """A coroutine run to its end in a thread of its own."""

    def __init__(self, body: Coroutine[Any, Any, Any], name: str) -> None:
        self._thread = threading.Thread(target=finish, args=(body,), name=name, daemon=True)
        self._thread.start()

    async def join(self, timeout: float) -> bool:
        """Whether it has ended in time; one that asks for itself is told yes, since it is about to."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True


class ThreadRuntime:
    """The ports that need no connection."""

    face = Sync
    era = 0
    now = staticmethod(time.monotonic)
    finish = staticmethod(finish)
    promise = Promise
    signal = Signal
    mailbox = Mailbox
    spawn = Task

    async def lookup(self, domain: str, secure: bool, timeout: float) -> list[dns.Address]:
        """The names and ports that DNS has for a domain's etcd."""
        return dns.lookup(dns.record(domain, secure=secure), timeout)

    async def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        time.sleep(seconds)  # noqa: ASYNC251

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """What ``body`` gives; it runs in a thread of its own, and is left behind there if it takes longer."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(body())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="etcd_factory bounded", daemon=True).start()
        try:
            return future.result(seconds)
        except Late:
            if future.done():
                raise
            raise TimeoutError(f"not done within {seconds} s") from None

    async def aside(self, body: Callable[[], T]) -> T:
        """What ``body`` gives."""
        return body()

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of all, each in a thread."""
        from concurrent.futures import ThreadPoolExecutor  # with queue and its kin, for this alone

        tasks = list(bodies)
        with ThreadPoolExecutor(max(1, len(tasks)), "etcd_factory gather") as pool:
            return [task.result() for task in [pool.submit(finish, body) for body in tasks]]
