"""The transport on asyncio: in each event loop one connection to a host, and no task for a call."""

from __future__ import annotations

import asyncio
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Generic
from weakref import WeakKeyDictionary

from etcd_factory.core.call.unclosed import warn
from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime.asyncio import running_loop
from etcd_factory.options import ClientOptions
from etcd_factory.site import caller
from etcd_factory.wire.methods import Method

from .asyncio_pool import Pool, pools
from .calls import PREFIX_SIZE, framed
from .protocol import AsyncioCall, H2Protocol

UNREAD = 0.001  # seconds without a response after which the event loop may not have read the end of the connection yet
SILENCE = 0.5  # seconds without a response on a stream that is closed, after which its connection is doubted
REFUSALS = 3  # times that a call which the server has certainly not processed is sent again at once


class Stream(Generic[Q, R]):
    """Messages in both directions; with a ``request`` only responses."""

    def __init__(self, protocol: H2Protocol, call: AsyncioCall, method: Method[Q, R], host: str) -> None:
        self._protocol, self._call, self._method, self._host = protocol, call, method, host
        self._asked = 0.0

    def send(self, message: Q) -> None:
        """Queue a message; etcd answers each."""
        if self._asked <= self._protocol.liveness.heard:
            self._asked = monotonic()
        self._protocol.send(self._call, framed(self._method.serialize(message)))

    async def receive(self) -> R | None:
        """Return the next message, None if the stream was ended."""
        call, protocol = self._call, self._protocol
        while not call.messages:
            if call.error is not None:
                raise call.error
            if call.is_done:
                return None
            await protocol.news(call)
        data = call.messages.popleft()
        protocol.taken(call, PREFIX_SIZE + len(data))
        return self._method.decode(data, self._host)

    async def close(self) -> None:
        """End the stream."""
        self._call.is_done = True
        if self._asked and monotonic() - self._asked > SILENCE:
            self._protocol.doubt(self._asked)
        self._protocol.cancel(self._call)
        self._call.wake()


class AsyncioTransport:
    """Connections on asyncio. Nothing belongs to an event loop before the first call there."""

    def __init__(self, options: ClientOptions) -> None:
        self._options, self._site = options, caller()
        self._pools: WeakKeyDictionary[AbstractEventLoop, Pool] = WeakKeyDictionary()
        self._last: tuple[Callable[[], AbstractEventLoop | None], Pool | None] = (no_loop, None)
        self._closed = False

    def _enter(self) -> Pool:
        """Return the connections of the running loop, remembered for the next call."""
        loop = running_loop()
        known, pool = self._last
        if pool is not None and known() is loop:
            return pool
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
        call = AsyncioCall(protocol.endpoint, self, start, inf)
        call.refill = False
        data = b"" if request is None else framed(method.serialize(request))
        protocol.start(call, protocol.blocks.get(method, None, metadata), data, request is not None)
        return Stream(protocol, call, method, host)

    async def close(self) -> None:
        """End all calls of this loop, and the connections that no other client uses; other loops ended with theirs."""
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
        return self._drop()

    def _drop(self) -> dict[AbstractEventLoop, Pool]:
        left, self._pools, self._last = dict(self._pools), WeakKeyDictionary(), (no_loop, None)
        return left


def no_loop() -> None:
    """Stand in for the loop of a client that has not been used yet."""
