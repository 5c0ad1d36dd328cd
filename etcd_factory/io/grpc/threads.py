"""The transport on grpcio's blocking API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple

import grpc

from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ClientClosedError
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from .channel import PROBE, arguments, kind, target, translate, unsent, warn_unclosed
from .credentials import credentials

READY = grpc.ChannelConnectivity.READY.value[0]


class Stream(Generic[Q, R]):
    """Messages in both directions; with a ``request`` only responses."""

    def __init__(
        self, start: Callable[..., Any], metadata: Metadata, request: Q | None, fail: Callable[[Any], Exception]
    ) -> None:
        self._outbox: SimpleQueue[Q | None] = SimpleQueue()
        self._fail = fail
        self._call = start(iter(self._outbox.get, None) if request is None else request, metadata=metadata)

    def send(self, message: Q) -> None:
        """Queue a message."""
        self._outbox.put(message)

    async def receive(self) -> R | None:
        """Return the next message, None if the server ended the stream."""
        try:
            message: R | None = next(self._call, None)
        except grpc.RpcError as error:
            raise self._fail(error) from error
        return message

    async def close(self) -> None:
        """End the stream; a caller waiting for a message gets an error."""
        self._outbox.put(None)
        self._call.cancel()


class Call(NamedTuple):
    """What starts a call to one host, and what tells whether there is a connection to it."""

    start: Callable[..., Any]
    state: Callable[[bool], int]
    probe: Callable[..., Any]


class ThreadTransport:
    """One channel to each host that is called, created at the first call."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._channels: dict[str, grpc.Channel] = {}
        self._calls: dict[tuple[str, Method[Any, Any]], Call] = {}
        self._closed = False
        self._arguments = arguments(options)

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host."""
        call = self._calls.get((host, method)) or self._prepare(host, method)
        try:
            if call.state(False) != READY:
                timeout = self._connect(call, host, timeout)
            response: R = call.start(request, timeout, metadata)
        except grpc.RpcError as error:
            raise self._error(error, host) from error
        except ValueError as error:  # how gRPC reports a channel that was closed meanwhile
            if self._closed:
                raise ClientClosedError from error
            raise
        return response

    def _connect(self, call: Call, host: str, timeout: float) -> float:
        """Connect to the host by a harmless call, so that a failure to do so certainly sent nothing.

        gRPC reports a failed connection and a lost response alike. Returns the seconds left of ``timeout``.
        """
        start = time.monotonic()
        try:
            call.probe(b"", timeout)
        except grpc.RpcError as error:
            if (failed := unsent(error, host)) is not None:
                raise ClientClosedError if self._closed else failed from error
        return max(0.001, start + timeout - time.monotonic())

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream to one host."""
        call = self._calls.get((host, method)) or self._prepare(host, method)
        return Stream(call.start, metadata, request, lambda error: self._error(error, host))

    def _error(self, error: grpc.RpcError, host: str) -> Exception:
        return ClientClosedError() if self._closed else translate(error, host)

    def _prepare(self, host: str, method: Method[Any, Any]) -> Call:
        with self._lock:
            if self._closed:
                raise ClientClosedError
            if host not in self._channels:
                self._channels[host] = self._open(host)
            channel = self._channels[host]
            start = getattr(channel, kind(method))(method.path, method.serialize, method.parse)
            # The public way to learn a channel's state, subscribe(), needs a thread for each channel.
            state: Callable[[bool], int] = channel._channel.check_connectivity_state  # type: ignore[attr-defined]
            call = self._calls[host, method] = Call(start, state, channel.unary_unary(PROBE))
            return call

    def _open(self, host: str) -> grpc.Channel:
        if self._options.secure:
            return grpc.secure_channel(target(host), credentials(self._options.tls), self._arguments)
        return grpc.insecure_channel(target(host), self._arguments)

    async def close(self) -> None:
        """End all calls and connections."""
        with self._lock:
            self._closed = True
            self._calls = {}
            channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.close()

    _warn_unclosed = staticmethod(warn_unclosed)

    def __del__(self) -> None:
        self._warn_unclosed(self._options.hosts, self._channels)

    def forget(self) -> object:
        """Drop all connections without touching them."""
        left = self._lock, self._channels, self._calls
        self._lock, self._channels, self._calls = threading.Lock(), {}, {}
        return left
