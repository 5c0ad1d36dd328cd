"""The runtime on threads: whatever waits blocks its thread and never suspends."""

from __future__ import annotations

import _thread
import os
import random
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

from etcd_factory.compat import Self
from etcd_factory.core import ports
from etcd_factory.core.face import Face, Sync, finish
from etcd_factory.errors import DeadlineExceededError

from . import dns
from .files import AtomicFile
from .waiters import Bell, Seat, Waiters

T = TypeVar("T")

FEW = 8  # threads up to which a lock each costs no more than a bell


class Promise(Generic[T]):
    """A value that one thread sets and others wait for."""

    def __init__(self) -> None:
        self._waiters = Waiters()
        self._values: list[T] = []

    def set(self, value: T) -> None:
        """Wake all waiters with the value."""
        self._values.append(value)
        self._waiters.wake()

    async def wait(self, timeout: float | None = None) -> T:
        """Return the value once it is set."""
        if not self._waiters.wait(lambda: self._values, timeout):
            raise DeadlineExceededError("another caller did not finish in time")
        return self._values[0]


class Signal:
    """A flag that one thread sets and others wait for."""

    def __init__(self) -> None:
        self._waiters = Waiters()
        self._is_set = False

    def set(self) -> None:
        """Set it, and wake all waiters."""
        self._is_set = True
        self._waiters.wake()

    def clear(self) -> None:
        """Let others wait again."""
        self._is_set = False

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._is_set

    async def wait(self, timeout: float | None = None) -> bool:
        """Return whether it was set in time."""
        return self._waiters.wait(self.is_set, timeout)


class Gate:
    """Opened once, for whom many threads wait: each at a lock of its own, as one for all would let them queue again.

    Beyond the first few they wait at a bell, which the kernel rings for all at once: 8 µs for each of 256 threads, most
    of it the switch to it; 19 µs with a lock for each, or with a ``Condition`` or an ``Event`` for all.
    """

    def __init__(self) -> None:
        self._is_open, self._waiting = False, deque[threading.Lock]()
        self._bells: dict[None, Bell] = {}  # one at most; a dictionary for its ``setdefault``, which is atomic

    def open(self) -> None:
        """Wake all waiters, and let all who come pass."""
        self._is_open = True
        while self._waiting:
            self._waiting.popleft().release()
        for bell in [*self._bells.values()]:  # another thread may hang one up just now
            bell.ring()

    def wait(self, timeout: float | None = None) -> Awaitable[bool]:
        """Return whether it was opened in time."""
        return self._wait(timeout)

    async def _wait(self, timeout: float | None) -> bool:
        bell = self._bell() if timeout is None and len(self._waiting) >= FEW else None
        if bell is not None:
            return self._is_open or bell.wait()
        mine = threading.Lock()
        mine.acquire()
        self._waiting.append(mine)  # before it is looked at: whoever opens it meanwhile sees one of both
        return self._is_open or mine.acquire(timeout=-1 if timeout is None else max(0.0, timeout))

    def _bell(self) -> Bell | None:
        """Return the bell; None where there is no poll, as on Windows, or too many files are open."""
        with suppress(OSError):
            if hasattr(select, "poll"):  # looked up late: gevent replaces it
                return self._bells.get(None) or self._bells.setdefault(None, Bell(*os.pipe()))
        return None


class Mailbox(Generic[T]):
    """A bounded queue; the producer never waits."""

    def __init__(self, size: int) -> None:
        self._size, self._items = size, deque[T]()
        self._waiters = Waiters()
        self._lock = threading.Lock()
        self._closed = False

    def put(self, item: T, *, always: bool = False) -> bool:
        """Add an item; returns False if the box is closed, or full and not ``always``."""
        with self._lock:
            if self._closed or (len(self._items) >= self._size and not always):
                return False
            self._items.append(item)
        self._waiters.wake()
        return True

    def close(self) -> None:
        """Refuse further items; those in it can still be taken."""
        with self._lock:
            self._closed = True
        self._waiters.wake()

    async def get(self, timeout: float | None = None, seat: ports.Seat | None = None) -> T | None:
        """Return the next item; None once the box is closed and empty or the seat filled, or after ``timeout`` s."""
        found: list[T] = []
        if seat is None:
            if not self._take(found):  # the usual way, in as few steps as possible
                self._waiters.wait(lambda: self._take(found), timeout)
        else:
            self._waiters.wait(lambda: seat.is_filled or self._take(found), timeout, cast("Seat", seat))
        return found[0] if found else None

    def _take(self, found: list[T]) -> bool:
        """Move the next item there, if there is one; returns whether there is nothing to wait for."""
        is_over = self._closed  # before it looks: what was put before the end is in the box then
        try:
            found.append(self._items.popleft())
        except IndexError:
            return is_over
        return True


def start(run: Callable[[], object], name: str) -> threading.Thread:
    """Run it in a thread, once, also if this is interrupted.

    ``Thread.start`` waits for the new thread, which never begins if an interrupt leaves a lock of that wait held. So
    another thread starts it: interrupts are raised in the main thread alone.
    """
    once = deque([run])
    thread = new_thread(once, name)
    try:
        if threading.get_ident() == threading.main_thread().ident:  # no thread object is made where there is none
            start_elsewhere(thread)
        else:
            thread.start()
    except Exception:
        raise
    except BaseException:  # it may have been started or not
        _thread.start_new_thread(new_thread(once, name).start, ())
        raise
    return thread


def start_elsewhere(thread: threading.Thread) -> None:
    """Let another thread start this one; waits for it."""
    begun: SimpleQueue[RuntimeError | None] = SimpleQueue()

    def begin() -> None:
        try:
            thread.start()
            begun.put(None)
        except RuntimeError as error:  # there are too many
            begun.put(error)

    _thread.start_new_thread(begin, ())
    error = begun.get()
    if error is not None:
        raise error


def new_thread(once: deque[Callable[[], object]], name: str) -> threading.Thread:
    """Return a thread that runs what is there, unless another one has taken it."""

    def run() -> None:
        try:
            body = once.popleft()
        except IndexError:
            return
        body()

    return threading.Thread(target=run, name=name, daemon=True)


class Call(Generic[T]):
    """A function that is called in a thread of its own."""

    def __init__(self, body: Callable[[], T]) -> None:
        self._body, self._error = body, list[BaseException]()
        self._values: list[T] = []
        self.over = Signal()

    def start(self, name: str) -> Self:
        """Call it; where the interpreter shuts down and starts no more threads, in the caller's."""
        try:
            start(self.run, name)
        except RuntimeError:
            self.run()
        return self

    def run(self) -> None:
        """Call it here."""
        try:
            self._values.append(self._body())
        except BaseException as error:
            self._error.append(error)
        finally:
            self.over.set()

    def result(self) -> T:
        """Return what it returned, or raise what it raised, once it is over."""
        for error in self._error:
            raise error
        return self._values[0]


class Task:
    """A coroutine run to its end in a thread of its own."""

    def __init__(self, body: Coroutine[Any, Any, object], name: str) -> None:
        self._body, self._over = body, Signal()
        try:
            self._thread = start(self._run, name)
        except Exception:
            body.close()
            raise

    def _run(self) -> None:
        try:
            finish(self._body)
        finally:
            self._over.set()

    async def join(self, timeout: float) -> bool:
        """Return whether it ended in time; True if it waits for itself, since it is about to end."""
        if self._thread is threading.current_thread():
            return True
        end = time.monotonic() + (0 if sys.is_finalizing() else timeout)  # then it is frozen, and never ends
        if await self._over.wait(end - time.monotonic()):
            self._thread.join(max(0.0, end - time.monotonic()))
        return self._over.is_set()


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
        call = Call(body).start("etcd_factory bounded")
        if not await call.over.wait(seconds):
            raise TimeoutError(f"not done within {seconds} s")
        return call.result()

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
        for call in calls:
            await call.over.wait()
        return [call.result() for call in calls]
