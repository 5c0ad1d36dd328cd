"""What both gRPC transports know of their connections: which may be used as they are, and which are given up.

gRPC reports a failed connection, a lost response and a deadline alike, and never leaves a connection whose peer is
silent. So a connection is tested by a harmless call, the probe, before a request is sent on it, if it is not
established or has been silent for a while; and it is given up if nothing at all was heard on it from the start of a
call until its deadline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

import grpc
from attrs import define

from etcd_factory.errors import ClientClosedError, Code, EtcdError
from etcd_factory.io.tls import diagnose
from etcd_factory.options import ClientOptions
from etcd_factory.wire.methods import Method

from .channel import PROBE, kind, translate
from .credentials import Stamps, stamps

PATIENCE = 1.0  # seconds that the test of an established connection may take
SILENCE = 0.5  # seconds without a response on a stream that is closed, after which its connection counts as silent
SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)  # no response

# gRPC's words for a name that DNS does not know, in any version. They only save a second look-up, which has no bound.
UNRESOLVED = "resol"

C = TypeVar("C")
R = TypeVar("R")
now = time.monotonic

# Whoever frees a channel closes it, and would wait for ever for a lock that an interrupt left held.
_kept: list[object] = []


class Cancellable(Protocol):
    """A stream that ends with its connection."""

    def cancel(self) -> None:
        """End it."""


class Connection(Generic[C]):
    """A channel to one host, its prepared calls, and when something was heard on it last."""

    def __init__(self, channel: C, files: Stamps, idle: float) -> None:
        self.channel, self.files, self._idle = channel, files, idle
        self.probe: Callable[..., Any] = self._prepare("unary_unary", PROBE)
        self.streams: WeakSet[Cancellable] = WeakSet()
        self.heard = now()
        self._calls: dict[Method[Any, Any], Callable[..., Any]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing was heard on it for so long that something on the way may have forgotten it."""
        return now() - self.heard > self._idle

    def call(self, method: Method[Any, Any]) -> Callable[..., Any]:
        """Return what starts such calls."""
        start = self._calls.get(method)
        if start is None:
            start = self._prepare(kind(method), method.path, method.serialize)
            self._calls[method] = start
        return start

    def _prepare(self, kind: str, *arguments: Any) -> Callable[..., Any]:
        start: Callable[..., Any] = getattr(self.channel, kind)(*arguments)
        return start


class Connections(Generic[C]):
    """The connections of a client, in asyncio those of one event loop, by host."""

    def __init__(self, options: ClientOptions, open_channel: Callable[[str], C]) -> None:
        self._tls, self._idle, self._open = options.tls, options.keepalive.time, open_channel
        self._patience = min(PATIENCE, options.dial_timeout)
        self._lock = threading.Lock()
        self._by_host: dict[str, Connection[C]] = {}
        self._abandoned: list[Connection[C]] = []
        self.closed = False
        self.get = self._by_host.get

    def __bool__(self) -> bool:
        return bool(self._by_host)

    def fresh(self, host: str) -> Connection[C]:
        """Return the host's connection: a new one if there is none, or the certificate files have changed."""
        files = stamps(self._tls)
        with self._lock:
            if self.closed:
                raise ClientClosedError
            found = self._by_host.get(host)
            if found is None or found.files != files:
                found = self._by_host[host] = Connection(self._open(host), files, self._idle)
            return found

    def drop(self, host: str, connection: Connection[C]) -> None:
        """Give a connection up: the next call opens another one. Calls under way keep it until they end."""
        with self._lock:
            if self._by_host.get(host) is connection:
                del self._by_host[host]
        end_streams(connection)

    def abandon(self, host: str) -> None:
        """Give the host's connection up without touching it here, where a lock of it may be held for ever."""
        connection = self._by_host.pop(host, None)
        if connection is not None:
            _kept.append(connection)  # until the client is closed: other threads may have calls on it
            self._abandoned.append(connection)
            aside(end_streams, connection)

    def judge(self, host: str, connection: Connection[C], error: grpc.RpcError, start: float) -> Exception:
        """Return our error for a failed call, and give the connection up if it was silent since the call's start."""
        if self.closed:
            return ClientClosedError()
        code = error.code()
        if code not in SILENT:
            connection.heard = now()
        elif code is grpc.StatusCode.DEADLINE_EXCEEDED and connection.heard <= start:
            self.drop(host, connection)
        return translate(error, host)

    def unreachable(self, host: str, connection: Connection[C], error: grpc.RpcError) -> EtcdError | None:
        """Return our error for a probe that was not answered, None if it was; the caller's request was not sent."""
        if error.code() not in SILENT:
            connection.heard = now()
            return None
        failed = translate(error, host)
        failed.sent, failed.__cause__ = False, error
        return failed

    def explain(self, host: str, failed: EtcdError, since: float) -> EtcdError:
        """Return why a host could not be reached, if that is TLS; may block for ``PATIENCE`` seconds."""
        if failed.code is not Code.UNAVAILABLE or now() - since >= self._patience:  # it never answered anything
            return failed
        if UNRESOLVED in failed.message:
            return failed
        problem = diagnose(host, self._tls, self._patience)
        if problem is not None:
            problem.sent, problem.__cause__ = False, failed
        return problem or failed

    @property
    def has_streams(self) -> bool:
        """Whether there is background work."""
        return any(connection.streams for connection in list(self._by_host.values()))

    def close(self) -> list[C]:
        """Refuse further calls; returns the channels to close."""
        with self._lock:
            self.closed = True
            channels = [connection.channel for connection in self._by_host.values()]
            self._by_host.clear()
            abandoned, self._abandoned = self._abandoned, []
        for connection in abandoned:
            aside(discard, connection)
        return channels


def aside(body: Callable[[Connection[Any]], None], connection: Connection[Any]) -> None:
    """Do something with an abandoned connection in a thread, which may never end."""
    threading.Thread(target=body, args=(connection,), daemon=True, name="abandoned etcd_factory connection").start()


def discard(connection: Connection[Any]) -> None:
    """Close an abandoned connection."""
    connection.channel.close()
    _kept.remove(connection)


def end_streams(connection: Connection[Any]) -> None:
    """End the streams of a connection that was given up."""
    for stream in list(connection.streams):
        stream.cancel()


@define
class Decoder(Generic[R]):
    """Turns what comes on a stream into messages and errors."""

    _connections: Connections[Any]
    _connection: Connection[Any]
    _host: str
    _method: Method[Any, R]
    _start: float
    _asked: float = 0.0  # since when a message waits for something to be heard

    @property
    def closed(self) -> bool:
        """Whether the client is."""
        return self._connections.closed

    def sent(self) -> None:
        """A message was sent; etcd answers each."""
        if self._asked <= self._connection.heard:
            self._asked = now()

    def end(self) -> None:
        """The stream is closed here: give the connection up if nothing was heard on it for a while, though asked."""
        if self._asked > self._connection.heard and now() - self._asked > SILENCE:
            self._connections.drop(self._host, self._connection)

    def decode(self, data: bytes) -> R:
        """Return a message. Raises ``InternalError`` for a malformed one."""
        self._connection.heard = now()
        return self._method.decode(data, self._host)

    def fail(self, error: grpc.RpcError) -> Exception:
        """Return our error for the stream's end."""
        return self._connections.judge(self._host, self._connection, error, self._start)
