"""Which hosts are fakes: clients that are made while there are any ask here for each call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from etcd_factory.core.face import Async, Face, Sync
from etcd_factory.errors import ClientClosedError
from etcd_factory.options import ClientOptions
from etcd_factory.service import AsyncETCDService, ETCDService

from .transport import FakeTransport

if TYPE_CHECKING:
    from etcd_factory.core.ports import Metadata, Stream, Transport
    from etcd_factory.wire.methods import Method

    from .etcd import FakeEtcd

Q = TypeVar("Q")
R = TypeVar("R")

ALL = ""  # in place of a host
FACES: tuple[tuple[Any, Face], ...] = ((ETCDService, Sync), (AsyncETCDService, Async))
SEAM = "_transport"  # what creates the transport of a service

_routes: list[tuple[str, FakeEtcd]] = []  # the last one counts
_guard = threading.Lock()
_originals: dict[type, Any] = {}


@contextmanager
def added(etcd: FakeEtcd, hosts: Iterable[str]) -> Generator[None]:
    """Let calls to these hosts, by default to all, go to a fake inside the block."""
    mine = [(host, etcd) for host in hosts] or [(ALL, etcd)]
    with _guard:
        _routes.extend(mine)
        install()
    try:
        yield
    finally:
        with _guard:
            for route in mine:
                _routes.remove(route)
            uninstall()


def install() -> None:
    """Let services ask here for their transports."""
    for service, face in FACES if not _originals else ():
        original = _originals[service] = service.__dict__[SEAM]
        setattr(service, SEAM, staticmethod(routed(face, original.__func__)))


def uninstall() -> None:
    """Give services their own transports back, unless there are fakes left."""
    for service, original in _originals.items() if not _routes else ():
        setattr(service, SEAM, original)
    if not _routes:
        _originals.clear()


def routed(face: Face, original: Callable[[ClientOptions], Transport]) -> Callable[[ClientOptions], RoutedTransport]:
    """Return a function that creates a routed transport."""
    return lambda options: RoutedTransport(face, lambda: original(options))


def endpoint_of(url: str) -> str:
    """Return a URL without its scheme."""
    return url.partition("://")[2]


def route(url: str) -> FakeEtcd | None:
    """Return the fake at a URL, None if it is none."""
    return next((etcd for host, etcd in reversed(_routes.copy()) if host in (ALL, url, endpoint_of(url))), None)


class RoutedTransport:
    """Carries calls to fakes where there are some, and to real servers."""

    def __init__(self, face: Face, create: Callable[[], Transport]) -> None:
        self._face, self._create = face, create
        self._lock, self._closed = threading.Lock(), False
        self._parts: dict[FakeEtcd | None, Transport] = {}

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call. Part of the transport port."""
        return await self._to(host).unary(host, method, request, timeout, metadata)

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream. Part of the transport port."""
        return await self._to(host).stream(host, method, metadata, request)

    def apart(self) -> RoutedTransport:
        """Return one more with connections of its own. Part of the transport port."""
        return RoutedTransport(self._face, self._create)

    async def close(self) -> None:
        """End all calls. Part of the transport port."""
        self._closed = True
        for part in tuple(self._parts.values()):
            await part.close()

    def forget(self) -> object:
        """Forget all connections in a forked child. Part of the transport port."""
        lock, self._lock = self._lock, threading.Lock()
        return lock, [part.forget() for part in self._parts.values()]

    def _to(self, host: str) -> Transport:
        return self._part(route(host))

    def _part(self, etcd: FakeEtcd | None) -> Transport:
        with self._lock:
            if self._closed:
                raise ClientClosedError
            if etcd not in self._parts:
                self._parts[etcd] = self._create() if etcd is None else FakeTransport(etcd, self._face)
            return self._parts[etcd]
