"""What the service is held against: grpcio alone with the same messages, and the imports that it can't do without."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from etcd_factory.wire.messages import PutRequest, PutResponse, RangeRequest, RangeResponse
from etcd_factory.wire.ranges import prefix_end

from .measure import Costs


class Stub:
    """The two calls on a channel, blocking or asyncio as the channel is."""

    def __init__(self, channel: Any, timeout: float | None) -> None:
        self.timeout = timeout
        self.range = channel.unary_unary(
            "/etcdserverpb.KV/Range", RangeRequest.SerializeToString, RangeResponse.FromString
        )
        self.write = channel.unary_unary("/etcdserverpb.KV/Put", PutRequest.SerializeToString, PutResponse.FromString)

    def read(self, prefix: str) -> Any:
        """The call of all keys with a prefix."""
        key = prefix.encode()
        return self.range(RangeRequest(key=key, range_end=prefix_end(key)), timeout=self.timeout)


class Blocking(Stub):
    """As a careful user writes it, blocking."""

    def get(self, key: str) -> str:
        reply = self.range(RangeRequest(key=key.encode()), timeout=self.timeout)
        return reply.kvs[0].value.decode()

    def put(self, key: str, value: str) -> int:
        reply = self.write(PutRequest(key=key.encode(), value=value.encode()), timeout=self.timeout)
        return reply.header.revision

    def strings(self, prefix: str) -> dict[str, str]:
        return {kv.key.decode(): kv.value.decode() for kv in self.read(prefix).kvs}

    def bytes(self, prefix: str) -> dict[bytes, bytes]:
        return {kv.key: kv.value for kv in self.read(prefix).kvs}


class Awaited(Stub):
    """As a careful user writes it, in asyncio."""

    async def get(self, key: str) -> str:
        reply = await self.range(RangeRequest(key=key.encode()), timeout=self.timeout)
        return reply.kvs[0].value.decode()

    async def put(self, key: str, value: str) -> int:
        reply = await self.write(PutRequest(key=key.encode(), value=value.encode()), timeout=self.timeout)
        return reply.header.revision

    async def strings(self, prefix: str) -> dict[str, str]:
        return {kv.key.decode(): kv.value.decode() for kv in (await self.read(prefix)).kvs}

    async def bytes(self, prefix: str) -> dict[bytes, bytes]:
        return {kv.key: kv.value for kv in (await self.read(prefix)).kvs}


# ru_maxrss alone would be the parent's where that is larger: Linux carries it over an exec
IMPORT = """
from time import perf_counter, process_time
wall, cpu = perf_counter(), process_time()
import {modules}
wall, cpu = perf_counter() - wall, process_time() - cpu
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except (OSError, StopIteration):
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(wall * 1e3, cpu * 1e3, peak / 1024)
"""


def imported(modules: str, compiled: str) -> Costs:
    """What an import costs in a fresh process; ``compiled`` is a folder for the byte code, warm from the second on."""
    command = [sys.executable, "-c", IMPORT.format(modules=modules)]
    env = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    figures = subprocess.run(command, capture_output=True, check=True, text=True, env=env).stdout.split()
    return dict(zip(("wall ms", "cpu ms", "peak MB"), map(float, figures), strict=True))
