"""The ports that need no connection, on asyncio."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from etcd_factory.core.face import Async
from etcd_factory.core.ports import value_of
from etcd_factory.errors import DeadlineExceededError

from . import dns

T = TypeVar("T")


class Promise:
    """A value that one task sets and others wait for."""

    def __init__(self) -> None:
        self._future: Future[Any] = Future()  # of no loop: a client may be used in several at once

    def set(self, value: Any) -> None:
        """Give the value to all who wait."""
        self._future.set_result(value)

    async def wait(self, timeout: float | None = None) -> Any:
        """The value, when it is there."""
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._future)), timeout)
        except asyncio.TimeoutError:
            raise DeadlineExceededError("another caller did not finish in time") from None


async def happened(event: asyncio.Event, timeout: float | None) -> bool:
    """Whether the event was set in time.

    Not with ``wait_for``: before Python 3.12 it forgets a cancellation that comes together with the event.
    """
    waiting = asyncio.ensure_future(event.wait())
    try:
        done, _ = await asyncio.wait([waiting], timeout=timeout)
        return bool(done)
    finally:
        waiting.cancel()


class Signal:
    """A flag that one task raises and others wait for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.set, self.clear, self.is_set = self._event.set, self._event.clear, self._event.is_set

    async def wait(self, timeout: float | None = None) -> bool:
        """Whether it was raised in time."""
        return await (self._event.wait() if timeout is None else happened(self._event, timeout))


class Mailbox:
    """A bounded queue from one who never waits to one who does."""

    def __init__(self, size: int) -> None:
        self._size, self._items = size, deque[Any]()
        self._change = asyncio.Event()
        self._closed = False

    def put(self, item: Any, *, always: bool = False) -> bool:
        """Add an item; false if the box is full, unless ``always``, or closed."""
        if self._closed or (len(self._items) >= self._size and not always):
            return False
        self._items.append(item)
        self._change.set()
        return True

    def close(self) -> None:
        """Take no more; what is in it can still be taken out."""
        self._closed = True
        self._change.set()

    async def get(self, timeout: float | None = None) -> Any:
        """The next item, when there is one; None once the box is closed and empty, or at the end of ``timeout``."""
        while not self._items and not self._closed:
            self._change.clear()
            if not await (self._change.wait() if timeout is None else happened(self._change, timeout)):
                return None
        return self._items.popleft() if self._items else None


class Task:
    """A coroutine run to its end in a task of its own."""

    def __init__(self, body: Coroutine[Any, Any, Any], name: str) -> None:
        self._task = asyncio.get_running_loop().create_task(body, name=name)

    async def join(self, timeout: float) -> bool:
        """Whether it has ended in time; one that asks for itself is told yes, since it is about to."""
        if self._task is not asyncio.current_task():
            await asyncio.wait([self._task], timeout=timeout)
            return self._task.done()
        return True


def awaited(body: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """The coroutine itself, for its caller to await."""
    return body


class AsyncioRuntime:
    """The ports that need no connection."""

    face = Async
    era = 0
    now = staticmethod(time.monotonic)
    finish = staticmethod(awaited)
    promise = Promise
    signal = Signal
    mailbox = Mailbox
    spawn = Task

    async def lookup(self, domain: str, secure: bool, timeout: float) -> list[dns.Address]:
        """The names and ports that DNS has for a domain's etcd."""
        return await dns.lookup_async(dns.record(domain, secure=secure), timeout)

    async def sleep(self, seconds: float) -> None:
        """Pause this task."""
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """What ``body`` gives; it is cancelled if it takes longer."""
        try:
            return await asyncio.wait_for(value_of(body()), seconds)
        except asyncio.TimeoutError as error:
            raise TimeoutError(str(error) or f"not done within {seconds} s") from None

    async def aside(self, body: Callable[[], T]) -> T:
        """What ``body`` gives, run in a thread."""
        return await asyncio.to_thread(body)

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of all, each in a task."""
        return await asyncio.gather(*bodies)
