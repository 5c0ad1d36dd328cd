"""A server and a client of one face, alone in their process, and what the client costs there."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from urllib.request import urlopen

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.core.ports import value_of
from etcd_factory.testing import EtcdServer

FACES: dict[str, type[Any]] = {"blocking": ETCDService, "asyncio": AsyncETCDService}


@dataclass
class Scene:
    """The server, the client, and how its watches are iterated over."""

    server: EtcdServer
    etcd: Any
    following: Callable[[Any], Any]

    def counted(self, metric: str, method: str) -> int:
        """What the server has counted for one of its gRPC methods."""
        with urlopen(f"http://{self.server.endpoint}/metrics") as page:
            lines = page.read().decode().splitlines()
        named = f'{metric}{{grpc_method="{method}",grpc_service="etcdserverpb.'
        return int(float(next(line for line in lines if line.startswith(named)).split()[-1]))

    def streams(self, method: str) -> int:
        """How many streams of a method the client has opened so far, as the server has counted them."""
        return self.counted("grpc_server_started_total", method)

    def requests(self, method: str) -> int:
        """How many messages the client has sent on them."""
        return self.counted("grpc_server_msg_received_total", method)


@asynccontextmanager
async def scene(face: str) -> AsyncIterator[Scene]:
    """A new one; a blocking client's calls block the loop, where nothing else runs then."""
    with EtcdServer() as server:
        etcd = FACES[face]({"hosts": server.endpoint})
        try:
            yield Scene(server, etcd, anext if face == "asyncio" else next)
        finally:
            await value_of(etcd.aclose() if face == "asyncio" else etcd.close())


class Meter:
    """CPU time of this process, from now on."""

    def __init__(self) -> None:
        gc.collect()
        self._wall, self._cpu = perf_counter(), process_time()

    @property
    def cpu(self) -> float:
        """Seconds."""
        return process_time() - self._cpu

    @property
    def wall(self) -> float:
        """Seconds that have passed."""
        return perf_counter() - self._wall

    @property
    def percent(self) -> float:
        """Of one core."""
        return self.cpu / self.wall * 100


def memory() -> float:
    """KB that this process holds."""
    gc.collect()
    status = Path("/proc/self/status")
    if status.exists():
        return float(status.read_text().partition("VmRSS:")[2].split()[0])
    import resource  # elsewhere the most that it has held so far, which has to do

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
