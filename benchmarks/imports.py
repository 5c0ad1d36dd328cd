"""What a program pays before its first answer and after many: imports, the first get, and memory, in new processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from tempfile import TemporaryDirectory
from textwrap import indent

from .load import Job
from .measure import Bar, Costs, Side
from .throughput import KEYS, PEERS
from .worker import Worker, missing
from .world import KEY, PREFIX, Case, Sides, World

CALLS, IN_FLIGHT = 10_000, 64  # before memory is measured

# ru_maxrss would be the parent's if that is larger: on Linux it survives exec
PROGRAM = """
from time import perf_counter, process_time

async def run():
{awaited}

def main():
    global wall, cpu
    wall, cpu = perf_counter(), process_time()
{body}
    wall, cpu = perf_counter() - wall, process_time() - cpu

main()
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except (OSError, StopIteration):
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(wall * 1e3, cpu * 1e3, peak / 1024)
"""

IMPORTS = {
    "ours": "from etcd_factory import ETCDServiceFactory",
    "ours, package": "import etcd_factory",
    "grpc": "import grpc",
    "bare": "import grpc, omegaconf, attrs",
}

OURS = """
from etcd_factory import ETCDServiceFactory
factory = ETCDServiceFactory({{"client": {{"hosts": "{host}"{more}}}}})
assert factory.get().get("{key}").string()
"""

# the request is bytes already: what a program with message classes pays more is not counted
BARE = """
import grpc
channel = grpc.insecure_channel("{host}")
assert channel.unary_unary("/etcdserverpb.KV/Range")(b"\\n%c{key}" % len("{key}"))
"""

AETCD = """
import asyncio
asyncio.run(run())
"""

AETCD_RUN = """
from aetcd import Client
host, _, port = "{host}".rpartition(":")
async with Client(host, int(port)) as client:
    assert (await client.get(b"{key}")).value
"""

ANSWERS = {
    "ours": (OURS, ""),
    "ours, grpc": (OURS.replace("{more}", ', "transport": "grpc"'), ""),
    "bare": (BARE, ""),
    "aetcd": (AETCD, AETCD_RUN),
}


def sides(world: World, programs: Mapping[str, str]) -> Sides:
    """Return a side for each program; byte code is compiled in the warm-up."""
    compiled = world.stack.enter_context(TemporaryDirectory())
    return {name: partial(cost, program, compiled) for name, program in programs.items()}


def cost(program: str, compiled: str) -> Costs:
    """Return what a program costs in a new process; ``compiled`` is a folder for byte code."""
    env = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    ended = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True, text=True, env=env)
    return dict(zip(("wall ms", "cpu ms", "peak MB"), map(float, ended.stdout.split()), strict=True))


def program(body: str, awaited: str = "pass") -> str:
    """Return a program that measures a piece of code."""
    return PROGRAM.format(body=indent(body, "    "), awaited=indent(awaited, "    "))


def imports(world: World) -> Sides:
    """Return the import of the package as users write it and alone, and of what it replaces or depends on."""
    return sides(world, {name: program(body) for name, body in IMPORTS.items()})


def first_answers(world: World) -> Sides:
    """Return the import of a client, making one, and its first get."""
    here = {"host": world.host, "key": KEY, "more": ""}
    found = {name: bodies for name, bodies in ANSWERS.items() if not world.left_out(missing(f"{name} asyncio"))}
    bodies = {name: (body.format(**here), awaited.format(**here)) for name, (body, awaited) in found.items()}
    return sides(world, {name: program(body, awaited or "pass") for name, (body, awaited) in bodies.items()})


def memories(world: World) -> Sides:
    """Return the memory of a process after many calls, each time of a new one.

    The bare stub uses our message classes, which hold 1 to 2 MB more than generated ones.
    """
    job = Job("get", PREFIX, KEYS, in_flight=IN_FLIGHT, calls=CALLS)
    names = [name for name in PEERS["asyncio"] if name != "Go"]
    return {name: used(world, name, job) for name in names if not world.left_out(missing(f"{name} asyncio"))}


def used(world: World, name: str, job: Job) -> Side:
    """Return the side of a new worker."""

    def side() -> Costs:
        with Worker(world.command(f"{name} asyncio")) as worker:
            return {"MB": worker.run(job)["MB"]}

    return side


IMPORT_BARS = (
    Bar("grpc", "wall ms", 1.5, table=True),
    Bar("grpc", "cpu ms"),
    Bar("bare", "wall ms", 1.15, ours="ours, package"),
    Bar("bare", "peak MB", 1.15, ours="ours, package"),
)
ANSWER_BARS = tuple(Bar(side, "wall ms", table=True) for side in ("bare", "aetcd", "ours, grpc"))
MEMORY_BARS = (Bar("bare", "MB", 0.75, table=True), *[Bar(side, "MB", table=True) for side in ("aetcd", "ours, grpc")])

CASES = {
    "import": Case(imports, IMPORT_BARS, rounds=31, turns=1),
    "first answer": Case(first_answers, ANSWER_BARS, rounds=15, turns=1),
    "memory after 10,000 gets": Case(memories, MEMORY_BARS, rounds=5, turns=1),
}
