"""The transport on grpcio's asyncio API. Nothing belongs to an event loop before its first call there."""

from __future__ import annotations

import asyncio
import os
import weakref
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar
from weakref import WeakKeyDictionary

from grpc import ChannelConnectivity, aio

from etcd_factory.core.call.unclosed import warn
from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ClientClosedError, EtcdError
from etcd_factory.io.runtime.asyncio import Task, running_loop
from etcd_factory.options import ClientOptions
from etcd_factory.site import caller
from etcd_factory.wire.methods import Method

from .channel import arguments, target
from .connection import PATIENCE, Connection, Connections, Decoder, now
from .credentials import credentials

READY = ChannelConnectivity.READY

T = TypeVar("T")

STRANDED = (
    "asyncio clients do not work in a process that was forked while one was open: gRPC hangs there; use them only "
    "after the fork, or start processes by 'spawn'"
)


def is_cancelled() -> bool:
    """Whether the running task itself was cancelled; Python 3.10 cannot tell."""
    return bool(getattr(asyncio.current_task(), "cancelling", int)())


async def shielded(waiting: Awaitable[T]) -> T:
    """Return what is awaited; a cancellation is raised as it came.

    gRPC raises a new CancelledError in its place, without the message by which a cancel scope of anyio knows its own.
    """
    future = asyncio.ensure_future(waiting)
    try:
        await asyncio.wait([future])
    except BaseException:
        future.cancel()
        raise
    return future.result()


class Stream(Generic[Q, R]):
    """Messages in both directions; with a ``request`` only responses."""

    def __init__(self, start: Callable[..., Any], metadata: Metadata, request: Q | None, decoder: Decoder[R]) -> None:
        self._decoder, self._closed = decoder, False
        self._shield = request is not None  # then the caller's own task reads it, no task of the client's
        self._outbox: asyncio.Queue[Q | None] = asyncio.Queue()
        self._call: Any = start(self._requests() if request is None else request, metadata=metadata)

    async def _requests(self) -> AsyncIterator[Q]:
        while (message := await self._outbox.get()) is not None:
            yield message

    def send(self, message: Q) -> None:
        """Queue a message."""
        self._decoder.sent()
        self._outbox.put_nowait(message)

    async def receive(self) -> R | None:
        """Return the next message, None if the server ended the stream."""
        if self._call is None:
            return None
        if self._decoder.closed and not self._closed:  # grpcio up to 1.76 at least goes on if nobody was reading then
            raise ClientClosedError
        try:
            data: Any = await (shielded(self._call.read()) if self._shield else self._call.read())
        except aio.AioRpcError as error:
            raise self._decoder.fail(error) from error.with_traceback(None)  # whose frames hold the call
        except asyncio.CancelledError:  # how gRPC reports that the stream, or its channel, was closed here
            if is_cancelled() or not (self._closed or self._decoder.closed):
                raise
            if self._closed:
                return None
            raise ClientClosedError from None
        return None if data is aio.EOF else self._decoder.decode(data)

    def cancel(self) -> None:
        """End the stream; a caller waiting for a message gets None or an error."""
        self._closed = True
        self._outbox.put_nowait(None)
        if self._call is not None:
            self._call.cancel()

    async def close(self) -> None:
        """End the stream; gRPC keeps the connection of a closed channel for as long as something holds a call on it."""
        self._decoder.end()
        self.cancel()
        self._call = None


class AsyncioTransport:
    """In each event loop one connection to each host that is called there."""

    stranded: ClassVar[bool] = False  # this process was forked while a client was open, and gRPC works for none

    def __init__(self, options: ClientOptions) -> None:
        self._options, self._site = options, caller()
        self._loops: WeakKeyDictionary[AbstractEventLoop, Connections[aio.Channel]] = WeakKeyDictionary()
        self._last: tuple[Callable[[], AbstractEventLoop | None], Connections[aio.Channel]] = (no_loop, self._none())
        self._closed, self._pid = False, os.getpid()
        arguments(options)  # raises now what is wrong with them

    def _none(self) -> Connections[aio.Channel]:
        # not a method of this object: without a cycle it is freed, and warned of, as soon as it is dropped
        return Connections(self._options, partial(open_channel, self._options))

    def _enter(self) -> Connections[aio.Channel]:
        """Return the connections of the running loop, remembered for the next call."""
        loop = running_loop()
        if self._last[0]() is loop:
            return self._last[1]
        if self.stranded:
            raise ClientClosedError(STRANDED)
        mine = self._loops.get(loop)
        if mine is None:
            if self._closed:
                raise ClientClosedError
            for other in [one for one in self._loops if one.is_closed()]:
                del self._loops[other]  # its channels go with it
            mine = self._loops[loop] = self._none()
        self._last = weakref.ref(loop), mine
        return mine

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host."""
        mine, start = self._enter(), now()
        connection = mine.get(host)
        if connection is None or connection.is_idle or connection.channel.get_state() is not READY:
            connection, timeout = await self._connect(mine, host, timeout)
        try:
            call = connection.call(method)(request, timeout=timeout, metadata=metadata)
            data: bytes | None = await shielded_call(call)
        except aio.AioRpcError as error:
            raise mine.judge(host, connection, error, start) from error
        except (asyncio.CancelledError, aio.UsageError):  # how gRPC ends calls whose channel was closed
            if mine.closed and not is_cancelled():
                raise ClientClosedError from None
            raise
        connection.heard = now()
        return method.decode(data, host)

    async def _connect(
        self, mine: Connections[aio.Channel], host: str, timeout: float
    ) -> tuple[Connection[aio.Channel], float]:
        """Return a connection that answers, and the seconds left; without one the error says that nothing was sent."""
        deadline, connection = now() + timeout, mine.fresh(host)
        if connection.channel.get_state() is READY:  # but perhaps forgotten by something on the way
            if await self._probe(mine, host, connection, min(PATIENCE, timeout / 2)) is None:
                return connection, deadline - now()
            mine.drop(host, connection)
            connection = mine.fresh(host)
        since = now()
        failed = await self._probe(mine, host, connection, max(0.001, deadline - since))
        if failed is not None:
            raise await asyncio.to_thread(mine.explain, host, failed, since)
        return connection, max(0.001, deadline - now())

    async def _probe(
        self, mine: Connections[aio.Channel], host: str, connection: Connection[aio.Channel], timeout: float
    ) -> EtcdError | None:
        try:
            await shielded_call(connection.probe(b"", timeout=timeout))
        except aio.AioRpcError as error:
            if mine.closed:
                raise ClientClosedError from error
            return mine.unreachable(host, connection, error)
        except (asyncio.CancelledError, aio.UsageError):  # how gRPC ends calls whose channel was closed
            if mine.closed and not is_cancelled():
                raise ClientClosedError from None
            raise
        connection.heard = now()
        return None

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream to one host."""
        mine, start = self._enter(), now()
        connection = mine.get(host)
        if connection is None or connection.is_idle or connection.channel.get_state() is not READY:
            connection, _ = await self._connect(mine, host, self._options.timeout)
        decoder = Decoder(mine, connection, host, method, start)
        stream: Stream[Q, R] = Stream(connection.call(method), metadata, request, decoder)
        connection.streams.add(stream)
        return stream

    def apart(self) -> AsyncioTransport:
        """Return a transport with connections of its own."""
        return AsyncioTransport(self._options)

    async def close(self) -> None:
        """End all calls and connections of this loop, and of the others in which nothing works in the background.

        Where something does it ends first, and then calls this itself.
        """
        self._closed, self._last = True, (no_loop, self._none())
        await end(self._loops.pop(asyncio.get_running_loop(), None))
        for loop, other in list(self._loops.items()):
            if not other.has_streams:
                self._loops.pop(loop, None)
                with suppress(RuntimeError):  # it has ended
                    loop.call_soon_threadsafe(begin_end, other)

    _warn = staticmethod(warn)  # at interpreter exit modules are gone before their objects

    def __del__(self) -> None:
        if any(mine and not loop.is_closed() for loop, mine in self._loops.items()):
            self._warn(self._options.hosts, self._site)

    def forget(self) -> object:
        """Drop all connections without touching them."""
        if any(self._loops.values()) and self._pid != os.getpid():
            AsyncioTransport.stranded = True
        self._pid = os.getpid()
        return self._drop()

    def _drop(self) -> dict[AbstractEventLoop, Connections[aio.Channel]]:
        left, self._loops = dict(self._loops), WeakKeyDictionary()
        self._last = no_loop, self._none()
        return left


def open_channel(options: ClientOptions, host: str) -> aio.Channel:
    """Return a channel to a host; it connects at its first call."""
    if options.secure:
        return aio.secure_channel(target(host), credentials(options.tls), arguments(options))
    return aio.insecure_channel(target(host), arguments(options))


def begin_end(connections: Connections[aio.Channel]) -> None:
    """Close connections in the running event loop."""
    Task(end(connections), "etcd_factory close")


async def end(connections: Connections[aio.Channel] | None) -> None:
    """Close connections in their event loop."""
    for channel in connections.close() if connections else ():
        await channel.close()


def no_loop() -> None:
    """Stand in for the loop of a client that has not been used yet."""


async def shielded_call(call: Any) -> Any:
    """Return the response of a unary call, as ``shielded``, without a task of its own."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(_: object) -> None:
        if not done.done():
            done.set_result(None)

    call.add_done_callback(wake)
    try:
        await done
    except BaseException:
        call.cancel()
        raise
    return await call
