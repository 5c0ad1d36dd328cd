"""The transport on grpcio's asyncio API. Nothing belongs to an event loop before its first call there."""

from __future__ import annotations

import asyncio
import time
import weakref
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, NamedTuple
from weakref import WeakKeyDictionary

from grpc import ChannelConnectivity, aio

from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ClientClosedError
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from .channel import PROBE, arguments, kind, target, translate, unsent, warn_unclosed
from .credentials import credentials

READY = ChannelConnectivity.READY


def is_cancelled() -> bool:
    """Whether the running task itself was cancelled; Python 3.10 cannot tell."""
    return bool(getattr(asyncio.current_task(), "cancelling", int)())


class Stream(Generic[Q, R]):
    """Messages in both directions; with a ``request`` only responses."""

    def __init__(
        self,
        start: Callable[..., Any],
        metadata: Metadata,
        request: Q | None,
        fail: Callable[[Any], Exception],
        abandoned: Callable[[], bool],
    ) -> None:
        self._fail, self._abandoned, self._closed = fail, abandoned, False
        self._outbox: asyncio.Queue[Q | None] = asyncio.Queue()
        self._call = start(self._requests() if request is None else request, metadata=metadata)

    async def _requests(self) -> AsyncIterator[Q]:
        while (message := await self._outbox.get()) is not None:
            yield message

    def send(self, message: Q) -> None:
        """Queue a message."""
        self._outbox.put_nowait(message)

    async def receive(self) -> R | None:
        """Return the next message, None if the server ended the stream."""
        try:
            message: Any = await self._call.read()
        except aio.AioRpcError as error:
            raise self._fail(error) from error
        except asyncio.CancelledError:  # how gRPC reports that the stream, or its channel, was closed here
            if is_cancelled() or not (self._closed or self._abandoned()):
                raise
            if self._closed:
                return None
            raise ClientClosedError from None
        return None if message is aio.EOF else message

    async def close(self) -> None:
        """End the stream; a caller waiting for a message gets None or an error."""
        self._closed = True
        self._outbox.put_nowait(None)
        self._call.cancel()


class Call(NamedTuple):
    """What starts a call to one host, and what tells whether there is a connection to it."""

    start: Callable[..., Any]
    state: Callable[[], ChannelConnectivity]
    probe: Callable[..., Any]


class LoopChannels:
    """The channels and calls of one event loop."""

    def __init__(self) -> None:
        self.channels: dict[str, aio.Channel] = {}
        self.calls: dict[tuple[str, Method[Any, Any]], Call] = {}


def no_loop() -> None:
    """Stand in for the loop of a client that has not been used yet."""


UNUSED = (no_loop, LoopChannels())


class AsyncioTransport:
    """In each event loop one channel to each host that is called there."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._loops: WeakKeyDictionary[AbstractEventLoop, LoopChannels] = WeakKeyDictionary()
        self._last: tuple[Callable[[], AbstractEventLoop | None], LoopChannels] = UNUSED
        self._closed = False
        self._arguments = arguments(options)

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host."""
        loop, mine = self._last
        if loop() is not asyncio.get_running_loop():
            mine = self._enter()
        call = mine.calls.get((host, method)) or self._prepare(mine, host, method)
        try:
            if call.state() is not READY:
                timeout = await self._connect(call, host, timeout)
            response: R = await call.start(request, timeout=timeout, metadata=metadata)
        except aio.AioRpcError as error:
            raise self._error(error, host) from error
        except (asyncio.CancelledError, aio.UsageError):  # how gRPC ends calls whose channel was closed
            if self._closed and not is_cancelled():
                raise ClientClosedError from None
            raise
        return response

    async def _connect(self, call: Call, host: str, timeout: float) -> float:
        """Connect to the host by a harmless call, so that a failure to do so certainly sent nothing.

        gRPC reports a failed connection and a lost response alike. Returns the seconds left of ``timeout``.
        """
        start = time.monotonic()
        try:
            await call.probe(b"", timeout=timeout)
        except aio.AioRpcError as error:
            if (failed := unsent(error, host)) is not None:
                raise ClientClosedError if self._closed else failed from error
        return max(0.001, start + timeout - time.monotonic())

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream to one host."""
        mine = self._enter()
        call = mine.calls.get((host, method)) or self._prepare(mine, host, method)
        return Stream(call.start, metadata, request, lambda error: self._error(error, host), lambda: self._closed)

    def _error(self, error: aio.AioRpcError, host: str) -> Exception:
        return ClientClosedError() if self._closed else translate(error, host)

    def _enter(self) -> LoopChannels:
        """Return the channels of the running loop, remembered for the next call."""
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._drop_ended()
        mine = self._loops.setdefault(loop, LoopChannels())
        self._last = weakref.ref(loop), mine
        return mine

    def _drop_ended(self) -> None:
        """Drop the channels of loops that have ended, which closes them; each refers to its loop and keeps it alive."""
        for known in self._loops.keyrefs():
            if (loop := known()) is not None and loop.is_closed():
                self._loops.pop(loop, None)

    def _prepare(self, mine: LoopChannels, host: str, method: Method[Any, Any]) -> Call:
        if self._closed:
            raise ClientClosedError
        if host not in mine.channels:
            mine.channels[host] = self._open(host)
        channel = mine.channels[host]
        start = getattr(channel, kind(method))(method.path, method.serialize, method.parse)
        call = mine.calls[host, method] = Call(start, channel.get_state, channel.unary_unary(PROBE))
        return call

    def _open(self, host: str) -> aio.Channel:
        if self._options.secure:
            return aio.secure_channel(target(host), credentials(self._options.tls), self._arguments)
        return aio.insecure_channel(target(host), self._arguments)

    async def close(self) -> None:
        """End all calls and connections of this loop; those of loops that have ended are gone with them."""
        self._closed = True
        loops = self._drop()
        mine = loops.get(asyncio.get_running_loop()) or LoopChannels()
        for channel in mine.channels.values():
            await channel.close()

    _warn_unclosed = staticmethod(warn_unclosed)

    def __del__(self) -> None:
        open_loops = [loop for loop, mine in self._loops.items() if mine.channels and not loop.is_closed()]
        self._warn_unclosed(self._options.hosts, open_loops)

    def forget(self) -> object:
        """Drop all connections without touching them."""
        return self._drop()

    def _drop(self) -> dict[AbstractEventLoop, LoopChannels]:
        left, self._loops = dict(self._loops), WeakKeyDictionary()
        self._last = UNUSED
        return left
