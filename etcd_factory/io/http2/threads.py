"""The transport on threads: whoever waits for an answer reads the socket, and there is no other thread."""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic

from attrs import evolve

from etcd_factory.core.call.unclosed import warn
from etcd_factory.core.ports import Metadata, Prepare, Q, R
from etcd_factory.errors import ClientClosedError, DeadlineExceededError
from etcd_factory.options import ClientOptions
from etcd_factory.site import caller
from etcd_factory.wire.methods import Method

from .calls import REFUSALS, framed
from .exchange import Exchange
from .keepalive import UNREAD
from .line import Line
from .thread_call import ThreadCall
from .thread_seat import Seat, StreamCall
from .threads_pool import Key, Pool, pools


class Stream(Exchange[StreamCall, Q, R]):
    """Messages in both directions; with a ``request`` only responses."""

    def __init__(self, line: Line, call: StreamCall, method: Method[Q, R], host: str) -> None:
        super().__init__(line, call, method, host)
        self._line = line

    async def receive(self) -> R | None:
        """Return the next message, None if the stream was ended."""
        call = self._call
        call.is_awaited = True
        self._line.news(call)
        while not call.leave_news():
            self._line.news(call)
        return self.take()

    def seat(self, prepare: Prepare[R]) -> Seat:
        """Return what lets a thread read this stream while it waits for a mailbox."""
        return Seat(self._line, self._call, partial(self.keep, prepare))

    async def close(self) -> None:
        """End the stream."""
        self.end()


class ThreadTransport:
    """Connections of a blocking client, opened at the first call."""

    def __init__(self, options: ClientOptions) -> None:
        self._options, self._site = options, caller()
        self._pool: Pool | None = None
        self._lock, self._closed = threading.Lock(), False

    def _enter(self) -> Pool:
        if self._pool is not None:
            return self._pool
        with self._lock:
            if self._closed:
                raise ClientClosedError
            if self._pool is None:
                self._pool = pools.enter(self._options)
            return self._pool

    def _line(self, pool: Pool, key: Key, start: float, deadline: float) -> Line:
        """Return a connection that may be used."""
        line = pool.lines.get(key)
        if line is not None and line.liveness.heard < start - UNREAD:
            line.look()
        if line is None or line.liveness.trusted < start:
            line = pool.connect(key, deadline)
        return line

    def _start(self, line: Line, call: ThreadCall, block: bytes, data: bytes, *, end: bool) -> None:
        """Begin a call; an interrupt may leave the connection in any state."""
        try:
            line.start(call, block, data, end)
        except BaseException:
            line.abandon("the thread that began a call was interrupted")
            raise

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host."""
        start, pool, data = monotonic(), self._enter(), framed(method.serialize(request))
        deadline, refusals = start + timeout, 0
        while True:
            line = self._line(pool, (host, False), start, deadline)
            call = ThreadCall(line.endpoint, self, start, deadline)
            self._start(line, call, line.blocks.get(method, timeout, metadata), data, end=True)
            try:
                line.news(call)
            except BaseException:
                line.cancel(call)
                raise
            if call.error is None:
                return method.decode(call.messages[0] if call.messages else None, host)
            if isinstance(call.error, DeadlineExceededError):
                pool.doubt(host, start)
            refusals += 1
            if self._closed:  # meanwhile; nothing is sent again
                raise ClientClosedError from call.error
            if refusals > REFUSALS or not call.is_refused or monotonic() >= deadline:
                raise call.error

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream to one host."""
        start, pool = monotonic(), self._enter()
        line = self._line(pool, (host, True), start, start + self._options.timeout)
        call = StreamCall(line.endpoint, self, start)
        data = b"" if request is None else framed(method.serialize(request))
        self._start(line, call, line.blocks.get(method, None, metadata), data, end=request is not None)
        return Stream(line, call, method, host)

    def apart(self) -> ThreadTransport:
        """Return a transport with connections of its own."""
        return ThreadTransport(evolve(self._options, share=False))

    async def close(self) -> None:
        """End all calls, and the connections that no other client uses."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.leave(self)

    _warn = staticmethod(warn)  # at interpreter exit modules are gone before their objects

    def __del__(self) -> None:
        if self._pool is not None and self._pool.lines:
            self._warn(self._options.hosts, self._site)

    def forget(self) -> object:
        """Drop all connections without touching them."""
        left = self._pool, self._lock
        self._pool, self._lock = None, threading.Lock()
        return left
