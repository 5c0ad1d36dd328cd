"""The ports on asyncio. Nothing belongs to an event loop before its first use there, and each loop has its own."""

from __future__ import annotations

import asyncio
import time
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from grpc import aio

from etcd_factory.core.face import Async
from etcd_factory.core.ports import Metadata, value_of
from etcd_factory.errors import ClientClosedError, DeadlineExceededError
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from . import lifetime
from .channels import arguments, target, translate
from .tls import credentials

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


def awaited(body: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """The coroutine itself, for its caller to await."""
    return body


def cancelling() -> bool:
    """Whether the running task has been cancelled itself; Python 3.10 can't tell."""
    return bool(getattr(asyncio.current_task(), "cancelling", int)())


class Waits:
    """The ports that need no connection."""

    face = Async
    now = staticmethod(time.monotonic)
    finish = staticmethod(awaited)
    promise = Promise

    async def sleep(self, seconds: float) -> None:
        """Pause this task."""
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """What ``body`` gives; it is cancelled if it takes longer."""
        try:
            return await asyncio.wait_for(value_of(body()), seconds)
        except asyncio.TimeoutError as error:
            raise TimeoutError(str(error) or f"not done within {seconds} s") from None

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of all, each in a task."""
        return await asyncio.gather(*bodies)


class Lines:
    """The channels and calls of one event loop."""

    def __init__(self) -> None:
        self.channels: dict[str, aio.Channel] = {}
        self.calls: dict[tuple[str, Method], Callable[..., Any]] = {}


def no_loop() -> None:
    """The loop of a client that has not been used yet."""


NOWHERE = (no_loop, Lines())


class AwaitedIO(Waits):
    """In each event loop one channel to each host that has been asked there."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._loops: WeakKeyDictionary[AbstractEventLoop, Lines] = WeakKeyDictionary()
        self._last: tuple[Callable[[], AbstractEventLoop | None], Lines] = NOWHERE
        self._closed = False
        lifetime.watch(self)

    async def unary(self, host: str, method: Method, request: Any, timeout: float, metadata: Metadata) -> Any:
        """One call to one host."""
        loop, lines = self._last
        if loop() is not asyncio.get_running_loop():
            lines = self._enter()
        call = lines.calls.get((host, method)) or self._prepare(lines, host, method)
        try:
            return await call(request, timeout=timeout, metadata=metadata)
        except aio.AioRpcError as error:
            if self._closed:
                raise ClientClosedError from error
            raise translate(error, host) from error
        except (asyncio.CancelledError, aio.UsageError):  # so gRPC ends calls whose channel is closed
            if self._closed and not cancelling():
                raise ClientClosedError from None
            raise

    def _enter(self) -> Lines:
        """The lines of the running loop, remembered for the next call."""
        loop = asyncio.get_running_loop()
        lines = self._loops.setdefault(loop, Lines())
        self._last = weakref.ref(loop), lines
        return lines

    def _prepare(self, lines: Lines, host: str, method: Method) -> Callable[..., Any]:
        if self._closed:
            raise ClientClosedError
        if host not in lines.channels:
            lines.channels[host] = self._open(host)
        request, reply = method.types
        call: Callable[..., Any] = lines.channels[host].unary_unary(
            method.path, request.SerializeToString, reply.FromString
        )
        lines.calls[host, method] = call
        return call

    def _open(self, host: str) -> aio.Channel:
        settings = arguments(self._options)
        if self._options.secure:
            return aio.secure_channel(target(host), credentials(self._options.tls), settings)
        return aio.insecure_channel(target(host), settings)

    async def close(self) -> None:
        """End all calls and connections of this loop; those of loops that have ended go with them."""
        self._closed = True
        loops = self.forget()
        mine = loops.get(asyncio.get_running_loop()) or Lines()
        for channel in mine.channels.values():
            await channel.close()

    def __del__(self) -> None:
        lifetime.forgotten(
            self._options.hosts,
            [loop for loop, lines in self._loops.items() if lines.channels and not loop.is_closed()],
        )

    def forget(self) -> dict[AbstractEventLoop, Lines]:
        """Drop all connections without touching them."""
        left, self._loops = dict(self._loops), WeakKeyDictionary()
        self._last = NOWHERE
        return left
