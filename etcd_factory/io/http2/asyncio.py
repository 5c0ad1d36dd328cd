"""The transport on asyncio: in each event loop one connection to a host, and no task for a call."""

from __future__ import annotations

import asyncio
import threading
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial
from time import monotonic
from weakref import WeakKeyDictionary

from attrs import evolve

from etcd_factory.core.call.unclosed import warn
from etcd_factory.core.ports import Metadata, Prepare, Q, R
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime.asyncio import running_loop
from etcd_factory.options import ClientOptions
from etcd_factory.site import caller
from etcd_factory.wire.methods import Method

from .asyncio_pool import Pool, pools
from .calls import REFUSALS, framed
from .exchange import Exchange
from .keepalive import UNREAD
from .protocol import AsyncioCall, H2Protocol
from .task_seat import Seat, StreamCall


class Stream(Exchange[StreamCall, Q, R]):
    """Messages in both directions; with a ``request`` only responses."""

    def __init__(self, protocol: H2Protocol, call: StreamCall, method: Method[Q, R], host: str) -> None:
        super().__init__(protocol, call, method, host)
        self._protocol = protocol

    async def receive(self) -> R | None:
        """Return the next message, None if the stream was ended."""
        while not (self._call.messages or self._call.is_done):
            await self._protocol.news(self._call)
        return self.take()

    def seat(self, prepare: Prepare[R]) -> Seat:
        """Return what takes messages of this stream for a task that waits for a mailbox."""
        return Seat(self._protocol, self._call, partial(self.keep, prepare))

    async def close(self) -> None:
        """End the stream."""
        self._call.is_done = True
        self.end()
        self._call.wake()


class AsyncioTransport:
    """Connections on asyncio. Nothing belongs to an event loop before the first call there."""

    def __init__(self, options: ClientOptions) -> None:
        self._options, self._site = options, caller()
        self._pools: WeakKeyDictionary[AbstractEventLoop, Pool] = WeakKeyDictionary()
        self._last: tuple[Callable[[], AbstractEventLoop | None], Pool | None] = (no_loop, None)
        self._lock, self._closed = threading.Lock(), False

    def _enter(self) -> Pool:
        """Return the connections of the running loop, remembered for the next call."""
        loop = running_loop()
        known, pool = self._last
        if pool is not None and known() is loop:
            return pool
        with self._lock:  # loops of other threads may enter too
            if self._closed:
                raise ClientClosedError
            pool = self._pools.get(loop)
            if pool is None:
                for other in [one for one in self._pools if one.is_closed()]:
                    del self._pools[other]
                pool = self._pools[loop] = pools.enter(loop, self._options)
        self._last = weakref.ref(loop), pool
        return pool

    async def _connection(self, pool: Pool, host: str, start: float, deadline: float) -> H2Protocol:
        """Return a connection that may be used."""
        protocol = pool.protocols.get(host)
        if protocol is not None and protocol.liveness.heard < start - UNREAD:
            await protocol.look()
        if protocol is None or protocol.liveness.trusted < start or protocol.is_paused:
            protocol = await pool.connect(host, deadline)
        return protocol

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host."""
        start, pool, data = monotonic(), self._enter(), framed(method.serialize(request))
        deadline, refusals = start + timeout, 0
        while True:
            protocol = await self._connection(pool, host, start, deadline)
            call = AsyncioCall(protocol.endpoint, self, start, deadline)
            protocol.start(call, protocol.blocks.get(method, timeout, metadata), data, True)
            try:
                await protocol.news(call)
            except BaseException:
                protocol.cancel(call)
                raise
            if call.error is None:
                return method.decode(call.messages[0] if call.messages else None, host)
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
        protocol = await self._connection(pool, host, start, start + self._options.timeout)
        call = StreamCall(protocol.endpoint, self, start)
        data = b"" if request is None else framed(method.serialize(request))
        protocol.start(call, protocol.blocks.get(method, None, metadata), data, request is not None)
        return Stream(protocol, call, method, host)

    def apart(self) -> AsyncioTransport:
        """Return a transport with connections of its own."""
        return AsyncioTransport(evolve(self._options, share=False))

    async def close(self) -> None:
        """End all calls of this loop, and the connections that no other client uses; other loops ended with theirs."""
        with self._lock:
            self._closed = True
        pool = self._drop().get(asyncio.get_running_loop())
        if pool is not None:
            await pool.leave(self)

    _warn = staticmethod(warn)  # at interpreter exit modules are gone before their objects

    def __del__(self) -> None:
        if any(pool.protocols and not loop.is_closed() for loop, pool in self._pools.items()):
            self._warn(self._options.hosts, self._site)

    def forget(self) -> object:
        """Drop all connections without touching them."""
        lock, self._lock = self._lock, threading.Lock()  # another thread may have held it
        return lock, self._drop()

    def _drop(self) -> dict[AbstractEventLoop, Pool]:
        left, self._pools, self._last = dict(self._pools), WeakKeyDictionary(), (no_loop, None)
        return left


def no_loop() -> None:
    """Stand in for the loop of a client that has not been used yet."""
