"""The transport on grpcio's blocking API."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Generic

import grpc

from etcd_factory.core.call.unclosed import warn
from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ClientClosedError, EtcdError
from etcd_factory.io.runtime.forks import move_stacks
from etcd_factory.options import ClientOptions
from etcd_factory.site import caller
from etcd_factory.wire.methods import Method

from .channel import arguments, target
from .connection import PATIENCE, Connection, Connections, Decoder, now
from .credentials import credentials

MONKEY = "gevent.monkey"
READY: int = grpc.ChannelConnectivity.READY.value[0]
# Before grpcio 1.80 (1.78 does, 1.80 does not) a channel whose attempt failed makes the next ones aside, where nothing
# polls them but every 5 s: each is over, by ``dial_timeout``, before anything comes of it. A new channel makes its own.
FORSAKES = tuple(int(part) for part in grpc.__version__.split(".")[:2]) < (1, 80)


class Stream(Generic[Q, R]):
    """Messages in both directions; with a ``request`` only responses."""

    def __init__(self, start: Callable[..., Any], metadata: Metadata, request: Q | None, decoder: Decoder[R]) -> None:
        self._outbox: SimpleQueue[Q | None] = SimpleQueue()
        self._decoder, self._is_read_here = decoder, request is not None
        self._call = start(self._requests() if request is None else request, metadata=metadata)

    def _requests(self) -> Iterator[Q]:
        """Yield the messages, in a thread of gRPC's; at their end cancel the call there.

        An interrupt inside gRPC's condition would leave that held, and whoever reads the stream waiting for ever.
        """
        yield from iter(self._outbox.get, None)
        self._call.cancel()

    def send(self, message: Q) -> None:
        """Queue a message."""
        self._decoder.sent()
        self._outbox.put(message)

    async def receive(self) -> R | None:
        """Return the next message, None if the server ended the stream."""
        try:
            data: bytes | None = next(self._call, None)
        except grpc.RpcError as error:
            raise self._decoder.fail(error) from error
        return None if data is None else self._decoder.decode(data)

    def cancel(self) -> None:
        """End the stream; a caller waiting for a message gets an error."""
        self._outbox.put(None)
        if self._is_read_here:
            self._call.cancel()

    async def close(self) -> None:
        """End the stream."""
        self._decoder.end()
        self.cancel()


class ThreadTransport:
    """One connection to each host that is called, opened at the first call."""

    def __init__(self, options: ClientOptions) -> None:
        join_gevent()
        self._options, self._site = options, caller()
        self._connections = self._none()
        arguments(options)  # raises now what is wrong with them

    def _none(self) -> Connections[grpc.Channel]:
        # not a method of this object: without a cycle it is freed, and warned of, as soon as it is dropped
        return Connections(self._options, partial(open_channel, self._options))

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host."""
        try:
            data = self._unary(host, method, request, timeout, metadata)
        except Exception:
            raise
        except BaseException:  # an interrupt may leave a lock of the channel held
            self._connections.abandon(host)
            raise
        return method.decode(data, host)

    def _unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> bytes | None:
        connection, start = self._connections.get(host), now()
        if connection is None or connection.is_idle or not is_ready(connection):
            connection, timeout = self._connect(host, timeout)
        try:
            data: bytes | None = connection.call(method)(request, timeout, metadata)
        except grpc.RpcError as error:
            raise self._connections.judge(host, connection, error, start) from error
        except ValueError as error:  # how gRPC reports a channel that was closed meanwhile
            if self._connections.closed:
                raise ClientClosedError from error
            raise
        if data is None and self._connections.closed:  # how grpcio 1.62 ends a call whose channel is closed just then
            raise ClientClosedError
        connection.heard = now()
        return data

    def _connect(self, host: str, timeout: float) -> tuple[Connection[grpc.Channel], float]:
        """Return a connection that answers, and the seconds left; without one the error says that nothing was sent."""
        deadline, connection = now() + timeout, self._connections.fresh(host)
        if is_ready(connection):  # but perhaps forgotten by something on the way
            if self._probe(host, connection, min(PATIENCE, timeout / 2)) is None:
                return connection, deadline - now()
            self._connections.drop(host, connection)
            connection = self._connections.fresh(host)
        since = now()
        failed = self._probe(host, connection, max(0.001, deadline - since))
        if failed is not None:
            raise self._connections.explain(host, failed, since)
        return connection, max(0.001, deadline - now())

    def _probe(self, host: str, connection: Connection[grpc.Channel], timeout: float) -> EtcdError | None:
        try:
            connection.probe(b"", timeout)
        except grpc.RpcError as error:
            if self._connections.closed:
                raise ClientClosedError from error
            if FORSAKES and error.code() is grpc.StatusCode.UNAVAILABLE:
                self._connections.drop(host, connection)
            return self._connections.unreachable(host, connection, error)
        connection.heard = now()
        return None

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream to one host."""
        connection, start = self._connections.get(host), now()
        if connection is None or connection.is_idle or not is_ready(connection):
            connection, _ = self._connect(host, self._options.timeout)
        decoder = Decoder(self._connections, connection, host, method, start)
        stream: Stream[Q, R] = Stream(connection.call(method), metadata, request, decoder)
        connection.streams.add(stream)
        return stream

    def apart(self) -> ThreadTransport:
        """Return a transport with connections of its own."""
        return ThreadTransport(self._options)

    async def close(self) -> None:
        """End all calls and connections."""
        for channel in self._connections.close():
            channel.close()

    _warn = staticmethod(warn)  # at interpreter exit modules are gone before their objects

    def __del__(self) -> None:
        if self._connections:
            self._warn(self._options.hosts, self._site)

    def forget(self) -> object:
        """Drop all connections without touching them."""
        if self._connections:
            move_stacks()
        left, self._connections = self._connections, self._none()
        return left


def open_channel(options: ClientOptions, host: str) -> grpc.Channel:
    """Return a channel to a host; it connects at its first call."""
    if options.secure:
        return grpc.secure_channel(target(host), credentials(options.tls), arguments(options))
    return grpc.insecure_channel(target(host), arguments(options))


@cache
def join_gevent() -> None:
    """Make gRPC wait as gevent does, if a program has patched its threads: else a stream blocks all greenlets."""
    monkey: Any = sys.modules.get(MONKEY)
    if monkey is not None and monkey.is_module_patched("threading"):
        patch: Any = import_module("grpc.experimental.gevent")
        patch.init_gevent()


def is_ready(connection: Connection[grpc.Channel]) -> bool:
    """Return whether there is a connection at the moment."""
    # The public way to learn it, subscribe(), needs a thread for each channel.
    channel: Any = connection.channel
    try:
        state: int = channel._channel.check_connectivity_state(False)
    except ValueError:  # it was closed meanwhile
        return False
    return state == READY
