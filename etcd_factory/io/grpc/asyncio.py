"""The ports on asyncio. Nothing belongs to an event loop before its first use there, and each loop has its own."""

from __future__ import annotations

import asyncio
import weakref
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from grpc import aio

from etcd_factory.core.ports import Metadata
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime import forks
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from .channel import arguments, target, translate
from .credentials import credentials


def cancelling() -> bool:
    """Whether the running task has been cancelled itself; Python 3.10 can't tell."""
    return bool(getattr(asyncio.current_task(), "cancelling", int)())


T = TypeVar("T")

Fail = Callable[[Any], Exception]


class Stream:
    """Messages both ways; without a request of one's own the requests are those sent."""

    def __init__(self, call: Callable[..., Any], metadata: Metadata, request: Any, fail: Fail) -> None:
        self._fail, self._ended = fail, False
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self._call = call(self._requests() if request is None else request, metadata=metadata)

    async def _requests(self) -> AsyncIterator[Any]:
        while (message := await self._outbox.get()) is not None:
            yield message

    async def send(self, message: Any) -> None:
        """Queue a message; it is sent in its turn."""
        self._outbox.put_nowait(message)

    async def receive(self) -> Any:
        """The next message, None where the server ended the stream."""
        try:
            message = await self._call.read()
        except aio.AioRpcError as error:
            raise self._fail(error) from error
        except asyncio.CancelledError:  # so gRPC tells that close was called
            if self._ended and not cancelling():
                return None
            raise
        return None if message is aio.EOF else message

    async def close(self) -> None:
        """End it; one who waits for a message is told."""
        self._ended = True
        self._outbox.put_nowait(None)
        self._call.cancel()


class LoopChannels:
    """The channels and calls of one event loop."""

    def __init__(self) -> None:
        self.channels: dict[str, aio.Channel] = {}
        self.calls: dict[tuple[str, Method], Callable[..., Any]] = {}
        self.kept: dict[str, Any] = {}


def no_loop() -> None:
    """The loop of a client that has not been used yet."""


NOWHERE = (no_loop, LoopChannels())


class AsyncioTransport(AsyncioRuntime):
    """In each event loop one channel to each host that has been asked there."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._loops: WeakKeyDictionary[AbstractEventLoop, LoopChannels] = WeakKeyDictionary()
        self._last: tuple[Callable[[], AbstractEventLoop | None], LoopChannels] = NOWHERE
        self._closed = False
        forks.watch(self)

    async def unary(self, host: str, method: Method, request: Any, timeout: float, metadata: Metadata) -> Any:
        """One call to one host."""
        loop, lines = self._last
        if loop() is not asyncio.get_running_loop():
            lines = self._enter()
        call = lines.calls.get((host, method)) or self._prepare(lines, host, method)
        try:
            return await call(request, timeout=timeout, metadata=metadata)
        except aio.AioRpcError as error:
            raise self._error(error, host) from error
        except (asyncio.CancelledError, aio.UsageError):  # so gRPC ends calls whose channel is closed
            if self._closed and not cancelling():
                raise ClientClosedError from None
            raise

    async def stream(self, host: str, method: Method, metadata: Metadata, request: Any = None) -> Stream:
        """A stream to one host."""
        lines = self._enter()
        call = lines.calls.get((host, method)) or self._prepare(lines, host, method)
        return Stream(call, metadata, request, lambda error: self._error(error, host))

    def _error(self, error: aio.AioRpcError, host: str) -> Exception:
        return ClientClosedError() if self._closed else translate(error, host)

    def _enter(self) -> LoopChannels:
        """The lines of the running loop, remembered for the next call."""
        loop = asyncio.get_running_loop()
        lines = self._loops.setdefault(loop, LoopChannels())
        self._last = weakref.ref(loop), lines
        return lines

    def _prepare(self, lines: LoopChannels, host: str, method: Method) -> Callable[..., Any]:
        if self._closed:
            raise ClientClosedError
        if host not in lines.channels:
            lines.channels[host] = self._open(host)
        request, reply = method.types
        start = getattr(lines.channels[host], method.kind)
        call: Callable[..., Any] = start(method.path, request.SerializeToString, reply.FromString)
        lines.calls[host, method] = call
        return call

    def _open(self, host: str) -> aio.Channel:
        settings = arguments(self._options)
        if self._options.secure:
            return aio.secure_channel(target(host), credentials(self._options.tls), settings)
        return aio.insecure_channel(target(host), settings)

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """The running loop's one object of that name, made at the first call."""
        if self._closed:
            raise ClientClosedError
        lines = self._enter()
        kept: T = lines.kept.get(name) or lines.kept.setdefault(name, make())
        return kept

    def kept(self) -> list[Any]:
        """What is kept for the running loop, in order of its making."""
        lines = self._loops.get(asyncio.get_running_loop()) if self._loops else None
        return list(lines.kept.values()) if lines else []

    async def close(self) -> None:
        """End all calls and connections of this loop; those of loops that have ended go with them."""
        self._closed = True
        loops = self._drop()
        mine = loops.get(asyncio.get_running_loop()) or LoopChannels()
        for channel in mine.channels.values():
            await channel.close()

    _forgotten = staticmethod(forks.forgotten)

    def __del__(self) -> None:
        self._forgotten(
            self._options.hosts,
            [loop for loop, lines in self._loops.items() if lines.channels and not loop.is_closed()],
        )

    def forget(self) -> dict[AbstractEventLoop, LoopChannels]:
        """Drop all connections without touching them."""
        self.era += 1
        return self._drop()

    def _drop(self) -> dict[AbstractEventLoop, LoopChannels]:
        left, self._loops = dict(self._loops), WeakKeyDictionary()
        self._last = NOWHERE
        return left
