"""The transport on asyncio: one connection to a host in each event loop, and no task for a call."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import Any, Generic

from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ClientClosedError, EtcdError
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from .calls import Blocks, Call, framed
from .connection import Connection
from .frames import ErrorCode

BUFFER = 1 << 16  # bytes read at once
PATIENCE = 1.0


class AsyncioCall(Call):
    """A call that a task waits for."""

    __slots__ = ("deadline", "timeout", "waiter")

    def __init__(self, endpoint: str, timeout: float, deadline: float) -> None:
        super().__init__(endpoint)
        self.timeout, self.deadline = timeout, deadline
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Wake whoever waits for news."""
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Line(asyncio.BufferedProtocol):
    """A connection on a socket of asyncio's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: str, blocks: Blocks) -> None:
        self._loop, self.endpoint, self.blocks = loop, endpoint, blocks
        self.machine = Connection()
        self._buffer = memoryview(bytearray(BUFFER))
        self._flushing = False
        self._due = inf
        self._timer: asyncio.TimerHandle | None = None
        self.heard = 0.0
        self.transport: Any = None
        self.established: asyncio.Future[None] = loop.create_future()

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        machine = self.machine
        self.heard = time.monotonic()
        news = machine.receive(bytes(self._buffer[:nbytes]))
        for call in news:
            call.wake()
        if not self.established.done() and machine.is_established:
            self.established.set_result(None)
        if machine.has_output and not self._flushing:
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        for call in self.machine.lost(str(exc or "the server closed the connection")):
            call.wake()

    # calls

    def start(self, call: AsyncioCall, block: bytes, data: bytes, end: bool) -> None:
        machine = self.machine
        machine.request(call, block, data, end)
        if call.deadline < self._due:
            self._schedule(call.deadline)
        if not self._flushing:
            if len(machine.streams) == 1:
                self._flush()
            else:
                self._flushing = True
                self._loop.call_soon(self._flush)

    def cancel(self, call: AsyncioCall) -> None:
        self.machine.reset(call)
        self._flush_soon()

    def _flush_soon(self):
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        data = self.machine.take()
        if data:
            self.transport.write(data)

    def _schedule(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        now, nearest, self._timer, self._due = time.monotonic(), inf, None, inf
        for call in list(self.machine.streams.values()):
            if call.deadline <= now:
                self.machine.reset(call)
                call.expire(call.timeout)
                call.wake()
            elif call.deadline < nearest:
                nearest = call.deadline
        if nearest < inf:
            self._schedule(nearest)
        self._flush_soon()


class AsyncioTransport:
    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._lines: dict[str, Line] = {}

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        line = self._lines.get(host)
        if line is None:
            line = await self._connect(host)
        call = AsyncioCall(line.endpoint, timeout, time.monotonic() + timeout)
        call.waiter = line._loop.create_future()
        line.start(call, line.blocks.get(method, timeout, metadata), framed(method.serialize(request)), True)
        try:
            await call.waiter
        except BaseException:
            line.cancel(call)
            raise
        if call.error is not None:
            raise call.error
        return method.decode(call.messages[0] if call.messages else None, host)

    async def _connect(self, host: str) -> Line:
        endpoint = host.partition("://")[2]
        name, _, port = endpoint.rpartition(":")
        loop = asyncio.get_running_loop()
        line = Line(loop, endpoint, Blocks("http", endpoint, "etcd-factory"))
        await loop.create_connection(lambda: line, name, int(port))
        await line.established
        self._lines[host] = line
        return line

    async def close(self) -> None:
        for line in self._lines.values():
            line.transport.close()

    def forget(self) -> object:
        return None
