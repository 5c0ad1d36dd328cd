"""The ports on threads: each blocks its thread and returns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import grpc

from etcd_factory.core.ports import Metadata
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime import forks
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from .channel import arguments, target, translate
from .credentials import credentials

T = TypeVar("T")

Fail = Callable[[Any], Exception]


class Stream:
    """Messages both ways; without a request of one's own the requests are those sent."""

    def __init__(self, call: Callable[..., Any], metadata: Metadata, request: Any, fail: Fail) -> None:
        self._outbox: SimpleQueue[Any] = SimpleQueue()
        self._fail = fail
        self._call = call(iter(self._outbox.get, None) if request is None else request, metadata=metadata)

    async def send(self, message: Any) -> None:
        """Queue a message; it is sent in its turn."""
        self._outbox.put(message)

    async def receive(self) -> Any:
        """The next message, None where the server ended the stream."""
        try:
            return next(self._call, None)
        except grpc.RpcError as error:
            raise self._fail(error) from error

    async def close(self) -> None:
        """End it; one who waits for a message gets an error."""
        self._outbox.put(None)
        self._call.cancel()


class ThreadTransport(ThreadRuntime):
    """One channel to each host that has been asked, made when it is first asked."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._guard = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._calls: dict[tuple[str, Method], Callable[..., Any]] = {}
        self._kept: dict[str, Any] = {}
        self._closed = False
        forks.watch(self)

    async def unary(self, host: str, method: Method, request: Any, timeout: float, metadata: Metadata) -> Any:
        """One call to one host."""
        call = self._calls.get((host, method)) or self._prepare(host, method)
        try:
            return call(request, timeout, metadata)
        except grpc.RpcError as error:
            raise self._error(error, host) from error
        except ValueError as error:  # gRPC's word for a channel that was closed meanwhile
            if self._closed:
                raise ClientClosedError from error
            raise

    async def stream(self, host: str, method: Method, metadata: Metadata, request: Any = None) -> Stream:
        """A stream to one host."""
        call = self._calls.get((host, method)) or self._prepare(host, method)
        return Stream(call, metadata, request, lambda error: self._error(error, host))

    def _error(self, error: grpc.RpcError, host: str) -> Exception:
        return ClientClosedError() if self._closed else translate(error, host)

    def _prepare(self, host: str, method: Method) -> Callable[..., Any]:
        with self._guard:
            if self._closed:
                raise ClientClosedError
            if host not in self._channels:
                self._channels[host] = self._open(host)
            request, reply = method.types
            start = getattr(self._channels[host], method.kind)
            call: Callable[..., Any] = start(method.path, request.SerializeToString, reply.FromString)
            self._calls[host, method] = call
            return call

    def _open(self, host: str) -> grpc.Channel:
        settings = arguments(self._options)
        if self._options.secure:
            return grpc.secure_channel(target(host), credentials(self._options.tls), settings)
        return grpc.insecure_channel(target(host), settings)

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """The one object of that name, made at the first call."""
        with self._guard:
            if self._closed:
                raise ClientClosedError
            kept: T = self._kept.get(name) or self._kept.setdefault(name, make())
            return kept

    def kept(self) -> list[Any]:
        """What is kept, in order of its making."""
        return list(self._kept.values())

    async def close(self) -> None:
        """End all calls and connections."""
        with self._guard:
            self._closed = True
            self._calls = {}
            channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.close()

    _forgotten = staticmethod(forks.forgotten)

    def __del__(self) -> None:
        self._forgotten(self._options.hosts, self._channels)

    def forget(self) -> Any:
        """Drop all connections without touching them."""
        self.era += 1
        left = self._channels, self._calls, self._kept
        self._guard, self._channels, self._calls, self._kept = threading.Lock(), {}, {}, {}
        return left
