"""Transports around a real one, to observe, hold, fail or change single calls: ``service(options, transport=...)``.

They can be put around each other: ``Held(Recorded(real(face, options)), methods.TXN)``. ``which`` selects calls: the
name of a method (``"Txn"``), a ``Method`` (as several have the name ``Txn``), a function of the ``Call``, or None for
all. What waits here blocks a thread in the blocking face and a task in asyncio; so a blocking client must make
a call that is held in another thread than the test's (``face.begin``).
"""

from __future__ import annotations

import asyncio
import threading
from inspect import isawaitable

from etcd_factory.errors import ConnectionFailedError
from etcd_factory.options import ClientOptions
from etcd_factory.testing import Call
from etcd_factory.testing.borrowed import Borrowed
from etcd_factory.testing.scripted_stream import Waiter
from etcd_factory.wire.methods import Method

BOUND = 30  # seconds that nothing here takes


def real(face, options):
    """The transport that a service of this face makes from these options."""
    return face.service._transport(ClientOptions.of(options))


def selects(which, method, call):
    """Whether ``which`` means this call."""
    if which is None:
        return True
    if isinstance(which, Method):
        return method is which
    return call.method == which if isinstance(which, str) else which(call)


class Wrapped:
    """A transport that passes everything on: the base of those below, and of a test's own."""

    def __init__(self, transport):
        self.inner = transport

    async def unary(self, host, method, request, timeout, metadata):
        return await self.inner.unary(host, method, request, timeout, metadata)

    async def stream(self, host, method, metadata, request=None):
        return await self.inner.stream(host, method, metadata, request)

    async def close(self):
        await self.inner.close()

    def apart(self):
        return Borrowed(self)

    def forget(self):
        return self.inner.forget()


class WrappedStream:
    """A stream that passes everything on."""

    def __init__(self, stream):
        self.inner = stream

    def send(self, message):
        self.inner.send(message)

    async def receive(self):
        return await self.inner.receive()

    async def close(self):
        await self.inner.close()


class Selecting(Wrapped):
    """Does something to the calls that ``which`` selects, and passes the others on.

    Subclasses override ``answer`` and ``opened``.
    """

    def __init__(self, transport, which=None):
        super().__init__(transport)
        self._which = which

    async def unary(self, host, method, request, timeout, metadata):
        call = Call(host, method.service, method.name, request, timeout, metadata)

        async def send():
            return await self.inner.unary(host, method, request, timeout, metadata)

        return await (self.answer(call, send) if selects(self._which, method, call) else send())

    async def stream(self, host, method, metadata, request=None):
        call = Call(host, method.service, method.name, request, None, metadata)
        stream = await self.inner.stream(host, method, metadata, request)
        return self.opened(call, stream) if selects(self._which, method, call) else stream

    async def answer(self, call, send):
        """Return the reply to a call; ``await send()`` sends it."""
        return await send()

    def opened(self, call, stream):
        """Return the stream that the client gets for one that was opened."""
        return stream


# --- observing


class Recorded(Selecting):
    """Records calls, replies and streams.

    ``calls`` has unary calls as they begin, ``replies`` pairs of a call and its reply or error, ``streams`` the streams
    with their ``call``, and what was ``sent`` and ``received`` on them.
    """

    def __init__(self, transport, which=None):
        super().__init__(transport, which)
        self.calls, self.replies, self.streams = [], [], []
        self._changed = threading.Condition()

    def names(self):
        """The names of the methods that were called, in order."""
        return [call.method for call in self.calls]

    def requests(self, method):
        """The requests of one method, by its name."""
        return [call.request for call in self.calls if call.method == method]

    async def until(self, condition):
        """Wait until the condition holds; it is checked again whenever something is recorded."""

        def wait():
            with self._changed:
                return self._changed.wait_for(condition, BOUND)

        assert await asyncio.to_thread(wait), f"not within {BOUND} s; the calls were: {self.calls}"

    def record(self, records, item):
        with self._changed:
            records.append(item)
            self._changed.notify_all()

    async def answer(self, call, send):
        self.record(self.calls, call)
        try:
            reply = await send()
        except Exception as error:
            self.record(self.replies, (call, error))
            raise
        self.record(self.replies, (call, reply))
        return reply

    def opened(self, call, stream):
        recorded = RecordedStream(stream, call, self.record)
        self.record(self.streams, recorded)
        return recorded


class RecordedStream(WrappedStream):
    """A stream whose messages are recorded."""

    def __init__(self, stream, call, record):
        super().__init__(stream)
        self.call, self.sent, self.received, self._record = call, [], [], record

    def send(self, message):
        self._record(self.sent, message)
        super().send(message)

    async def receive(self):
        message = await super().receive()
        if message is not None:
            self._record(self.received, message)
        return message


# --- holding


class Held(Selecting):
    """While it is held, calls wait before they are sent, or with ``replies`` after they were answered.

    Messages on streams wait on their way to the client. It starts released.
    """

    def __init__(self, transport, which=None, *, replies=False):
        super().__init__(transport, which)
        self._replies, self._gate = replies, Gate()

    def hold(self, calls=None):
        """Let calls wait from now on; with ``calls`` only so many."""
        self._gate.shut(calls)

    def release(self):
        """Let everything pass that waits, and what comes."""
        self._gate.open()

    async def arrived(self):
        """Wait for the next call, reply or message at the place where calls are held, whether it passes or not."""
        assert await asyncio.to_thread(self._gate.arrivals.acquire, timeout=BOUND), "nothing arrived"

    async def answer(self, call, send):
        if not self._replies:
            await self._gate.passed()
            return await send()
        try:
            return await send()
        finally:
            await self._gate.passed()

    def opened(self, call, stream):
        return HeldStream(stream, self._gate)

    async def close(self):
        self.release()
        await super().close()


class HeldStream(WrappedStream):
    """A stream whose messages wait at a gate; closing it ends the wait."""

    def __init__(self, stream, gate):
        super().__init__(stream)
        self._gate, self._closed = gate, False

    async def receive(self):
        message = await super().receive()
        await self._gate.passed(unless=lambda: self._closed)
        return None if self._closed else message

    async def close(self):
        self._closed = True
        self._gate.wake()
        await super().close()


class Gate:
    """Lets callers pass while it is open; while it is shut they wait, each in the way of its face."""

    def __init__(self):
        self.arrivals = threading.Semaphore(0)
        self._guard, self._waiters = threading.Lock(), []
        self._generation, self._left = 0, 0  # how many more callers wait; None: all

    def shut(self, calls=None):
        with self._guard:
            self._left = calls

    def open(self):
        with self._guard:
            self._left, self._generation = 0, self._generation + 1
        self.wake()

    def wake(self):
        """Let those who wait look again."""
        with self._guard:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.wake()

    async def passed(self, unless=lambda: False):
        """Wait while it is shut, unless the condition holds."""
        with self._guard:
            is_held, generation = self._left != 0, self._generation
            if self._left:
                self._left -= 1
        self.arrivals.release()
        while is_held and not unless():
            waiter = Waiter()
            with self._guard:
                is_held = generation == self._generation
                self._waiters.append(waiter)
            if is_held and not unless():
                assert await waiter.wait(BOUND), "nothing released the gate"


# --- failing and changing


class Failing(Selecting):
    """Fails calls: those from the ``nth`` on, ``times`` of them, counted from 1.

    The call is not sent, or with ``after`` it is sent and answered, and its ``reply`` is lost. ``meanwhile`` is called
    in between; in asyncio it may be a coroutine function. ``error`` is raised as it is; by default it says honestly
    whether the call left. ``failed`` counts the failures.
    """

    def __init__(self, transport, which=None, error=None, *, nth=1, times=1, after=False, meanwhile=None):
        super().__init__(transport, which)
        self.failed, self.reply = 0, None
        self._error, self._after, self._meanwhile = error, after, meanwhile
        self._numbers, self._count, self._guard = range(nth, nth + times), 0, threading.Lock()

    async def answer(self, call, send):
        with self._guard:
            self._count += 1
            is_failing = self._count in self._numbers
            self.failed += is_failing
        if not is_failing:
            return await send()
        if self._after:
            self.reply = await send()
        if self._meanwhile is not None:
            done = self._meanwhile()
            if isawaitable(done):
                await done
        raise self._error or broken(sent=self._after)


class Breaking(Selecting):
    """Breaks the first ``streams`` streams after ``messages`` received messages; ``opened_streams`` counts all."""

    def __init__(self, transport, which=None, error=None, *, messages=0, streams=1):
        super().__init__(transport, which)
        self.opened_streams = 0
        self._error, self._messages, self._streams = error, messages, streams

    def opened(self, call, stream):
        self.opened_streams += 1
        if self.opened_streams > self._streams:
            return stream
        return BreakingStream(stream, self._messages, self._error or broken(sent=True))


class BreakingStream(WrappedStream):
    """A stream that breaks after so many messages."""

    def __init__(self, stream, messages, error):
        super().__init__(stream)
        self._left, self._error = messages, error

    async def receive(self):
        if not self._left:
            raise self._error
        self._left -= 1
        return await super().receive()


class Altered(Selecting):
    """Changes replies, and messages that are received on streams: ``change(reply)`` returns another or raises."""

    def __init__(self, transport, which, change):
        super().__init__(transport, which)
        self._change = change

    async def answer(self, call, send):
        return self._change(await send())

    def opened(self, call, stream):
        return AlteredStream(stream, self._change)


class AlteredStream(WrappedStream):
    """A stream whose received messages are changed; None ends it."""

    def __init__(self, stream, change):
        super().__init__(stream)
        self._change = change

    async def receive(self):
        message = await super().receive()
        return None if message is None else self._change(message)


def broken(*, sent):
    """The error of a connection that broke."""
    error = ConnectionFailedError("the test broke the connection")
    error.sent = sent
    return error
