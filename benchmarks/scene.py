"""A server, the only client in this process, and what the client costs."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any
from urllib.request import urlopen

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.core.face import settle
from etcd_factory.testing import EtcdServer

FACES: dict[str, type[Any]] = {"blocking": ETCDService, "asyncio": AsyncETCDService}


@dataclass
class Scene:
    """The server, the client, and ``next`` or ``anext`` for its watchers."""

    server: EtcdServer
    etcd: Any
    next: Callable[[Any], Any]

    def counted(self, metric: str, method: str) -> int:
        """Return a counter of the server for one of its gRPC methods."""
        with urlopen(f"http://{self.server.endpoint}/metrics") as page:
            lines = page.read().decode().splitlines()
        named = f'{metric}{{grpc_method="{method}",grpc_service="etcdserverpb.'
        return int(float(next(line for line in lines if line.startswith(named)).split()[-1]))

    def streams(self, method: str) -> int:
        """Return how many streams of a method the client has opened so far."""
        return self.counted("grpc_server_started_total", method)

    def requests(self, method: str) -> int:
        """Return how many messages the client has sent on them."""
        return self.counted("grpc_server_msg_received_total", method)


@asynccontextmanager
async def scene(face: str) -> AsyncIterator[Scene]:
    """Start a server and a client. Calls of a blocking client block the loop, in which nothing else runs."""
    with EtcdServer() as server:
        etcd = FACES[face]({"hosts": server.endpoint})
        try:
            yield Scene(server, etcd, anext if face == "asyncio" else next)
        finally:
            await settle(etcd.aclose() if face == "asyncio" else etcd.close())


class Meter:
    """CPU time and wall-clock time of this process, from now on."""

    def __init__(self) -> None:
        gc.collect()
        self._wall, self._cpu = perf_counter(), process_time()

    @property
    def cpu(self) -> float:
        """Seconds of CPU time."""
        return process_time() - self._cpu

    @property
    def wall(self) -> float:
        """Seconds of wall-clock time."""
        return perf_counter() - self._wall

    @property
    def percent(self) -> float:
        """CPU time in percent of one core."""
        return self.cpu / self.wall * 100
