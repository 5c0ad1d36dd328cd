"""The clients that are compared, each used as its users do: a get of text, a put, a lock under a kept lease.

Each is imported where it is opened, so that a process pays for one only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

TTL = 60  # seconds, of the lease that locks are held under
LOCK = "benchmark/lock"


class Place(NamedTuple):
    """A server, and the certificate authority of one with TLS."""

    host: str
    ca: str = ""

    def options(self) -> dict[str, Any]:
        """Return the options of our clients."""
        return {"hosts": f"https://{self.host}", "tls": {"ca": self.ca}} if self.ca else {"hosts": self.host}


class Calls(NamedTuple):
    """What is measured of a client; in asyncio each returns an awaitable."""

    blocking: bool
    get: Callable[[str], Any]
    put: Callable[[str, str], Any]
    lock: Callable[[], Any] = NotImplemented


@asynccontextmanager
async def blocking(place: Place, **more: Any) -> AsyncIterator[Calls]:
    """Open our blocking client."""
    from etcd_factory import ETCDService

    with ETCDService(place.options() | more) as etcd:
        lease = cache(partial(etcd.lease, TTL))  # a program that only reads has none
        yield Calls(
            blocking=True,
            get=lambda key: etcd.get(key).string(),
            put=lambda key, value: etcd.put(key).value(value),
            lock=lambda: etcd.lock(LOCK, lease=lease()).acquire().release(),
        )


@asynccontextmanager
async def awaited(place: Place, **more: Any) -> AsyncIterator[Calls]:
    """Open our asyncio client."""
    from etcd_factory import AsyncETCDService

    async with AsyncETCDService(place.options() | more) as etcd:
        lease = cache(partial(etcd.lease, TTL))  # a program that only reads has none

        async def lock() -> None:
            await (await etcd.lock(LOCK, lease=lease()).acquire()).release()

        yield Calls(
            blocking=False,
            get=lambda key: etcd.get(key).string(),
            put=lambda key, value: etcd.put(key).value(value),
            lock=lock,
        )


@asynccontextmanager
async def bare_blocking(place: Place) -> AsyncIterator[Calls]:
    """Open a channel of grpcio."""
    import grpc

    from .stubs import Blocking

    with channel_of(grpc, place) as channel:
        stub = Blocking(channel, None)
        yield Calls(blocking=True, get=stub.get, put=stub.put)


@asynccontextmanager
async def bare_awaited(place: Place) -> AsyncIterator[Calls]:
    """Open a channel of grpc.aio."""
    from grpc import aio

    from .stubs import Awaited

    async with channel_of(aio, place) as channel:
        stub = Awaited(channel, None)
        yield Calls(blocking=False, get=stub.get, put=stub.put)


def channel_of(module: Any, place: Place) -> Any:
    """Return a channel of grpc or of grpc.aio."""
    if not place.ca:
        return module.insecure_channel(place.host)
    import grpc

    return module.secure_channel(place.host, grpc.ssl_channel_credentials(Path(place.ca).read_bytes()))


@asynccontextmanager
async def aetcd(place: Place) -> AsyncIterator[Calls]:
    """Open a client of aetcd."""
    from aetcd import Client  # type: ignore[import-not-found]

    host, _, port = place.host.rpartition(":")
    async with Client(host, int(port)) as client:

        async def get(key: str) -> str:
            text: str = (await client.get(key.encode())).value.decode()
            return text

        yield Calls(blocking=False, get=get, put=lambda key, value: client.put(key.encode(), value.encode()))


@asynccontextmanager
async def etcd3aio(place: Place) -> AsyncIterator[Calls]:
    """Open a client of etcd3aio."""
    from etcd3aio import Etcd3Client  # type: ignore[import-not-found]

    async with Etcd3Client([place.host]) as client:

        async def get(key: str) -> str:
            text: str = (await client.kv.get(key.encode())).kvs[0].value.decode()
            return text

        yield Calls(blocking=False, get=get, put=lambda key, value: client.kv.put(key.encode(), value.encode()))


@asynccontextmanager
async def etcd_client_py(place: Place) -> AsyncIterator[Calls]:
    """Open a client of etcd-client-py."""
    from etcd_client import Client  # type: ignore[import-not-found]

    async with Client([f"http://{place.host}"]).connect() as client:

        async def get(key: str) -> str:
            return bytes(await client.get(key.encode())).decode()

        yield Calls(blocking=False, get=get, put=lambda key, value: client.put(key.encode(), value.encode()))


# Our client by the name of a side. An option that this version does not accept leaves its sides out.
OPTIONS: dict[str, dict[str, Any]] = {
    "ours": {},
    "ours, merged": {"batching": "all"},
    "ours, grpc": {"transport": "grpc"},
}

CLIENTS: dict[str, Callable[[Place], Any]] = {
    **{f"{side} blocking": partial(blocking, **more) for side, more in OPTIONS.items()},
    **{f"{side} asyncio": partial(awaited, **more) for side, more in OPTIONS.items()},
    "bare blocking": bare_blocking,
    "bare asyncio": bare_awaited,
    "aetcd asyncio": aetcd,
    "etcd3aio asyncio": etcd3aio,
    "etcd-client-py asyncio": etcd_client_py,
}
