"""Gets, puts and locks of a client in a process of its own, beside other clients: ``throughput <op> <face> <callers>``.

Sides: ours; ours with concurrent calls merged (``batching: all``); ours over grpcio (``transport: grpc``); the bare
stub of grpcio; other clients of Python, if they are installed; etcd's own client in Go, if Go and its packages are.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .clients import LOCK
from .load import Job
from .measure import Bar
from .world import PREFIX, Case, Sides, World

SECONDS = 0.4  # of a turn
IN_FLIGHT = (1, 4, 16, 64, 256)
KEYS, SIZED = 1000, 100  # keys that are read or written, and how many there are of a large value
ROOT = "benchmark/throughput/"

OURS = ("ours", "ours, merged", "ours, grpc", "bare")
PEERS = {"blocking": (*OURS, "Go"), "asyncio": (*OURS, "aetcd", "etcd3aio", "etcd-client-py", "Go")}

at_least = partial(Bar, unit="ops/s", table=True)


def throughput(world: World, op: str, face: str, in_flight: int) -> Sides:
    """Return calls of small values."""
    prefix = PREFIX if op == "get" else ROOT
    return world.workers(face, PEERS[face], Job(op, prefix, KEYS, in_flight=in_flight, seconds=SECONDS))


def secure(world: World, face: str, in_flight: int) -> Sides:
    """Return gets under TLS."""
    if (place := world.secure) is None:
        return {}
    return world.workers(face, OURS, Job("get", PREFIX, KEYS, in_flight=in_flight, seconds=SECONDS), place)


def sized(world: World, size: int) -> Sides:
    """Return gets of large values, 64 in flight."""
    prefix = f"{ROOT}{size}/"
    for number in range(SIZED):
        world.etcd.put(f"{prefix}{number:05}").value("v" * size)
    return world.workers("asyncio", PEERS["asyncio"], Job("get", prefix, SIZED, in_flight=64, seconds=SECONDS))


def locks(world: World, face: str) -> Sides:
    """Return locks that nobody else wants, under a lease that is kept."""
    return world.workers(face, ("ours", "ours, grpc", "Go"), Job("lock", f"{LOCK}/", 1, seconds=SECONDS))


def bars(op: str, face: str, in_flight: int) -> tuple[Bar, ...]:
    """Return the bars of a case: what is wanted of it, and its ratios to all others."""
    wanted = WANTED.get((op, face, in_flight), ())
    peers = [Bar(side, "ops/s", table=True) for side in PEERS[face][2:]]
    said = {(bar.side, bar.ours) for bar in wanted}
    return (*wanted, *[bar for bar in peers if (bar.side, bar.ours) not in said], *CPU)


CPU = (Bar("bare", "cpu µs"), Bar("Go", "cpu µs"))

WANTED = {
    ("get", "blocking", 1): (at_least("Go", least=1.1),),
    ("put", "blocking", 1): (at_least("Go", least=1.0),),
    ("get", "blocking", 64): (at_least("bare", least=1.5), at_least("bare", least=3.0, ours="ours, merged")),
    ("get", "asyncio", 1): (at_least("bare", least=2.0),),
    ("get", "asyncio", 256): (at_least("Go", least=1.25), at_least("Go", least=3.5, ours="ours, merged")),
    ("put", "asyncio", 256): (at_least("Go", least=1.2), at_least("Go", least=3.3, ours="ours, merged")),
}

REPEATS: dict[str, Any] = {"rounds": 5, "turns": 1}
LARGE = {10_000: ("10 kB", 1.8), 100_000: ("100 kB", 1.25)}
LEVELS = {"blocking": (1, 64), "asyncio": IN_FLIGHT}

CASES = {
    **{
        f"throughput {op} {face} {level}": Case(
            partial(throughput, op=op, face=face, in_flight=level), bars(op, face, level), **REPEATS
        )
        for op in ("get", "put")
        for face, levels in LEVELS.items()
        for level in levels
    },
    "throughput get asyncio 64, TLS": Case(
        partial(secure, face="asyncio", in_flight=64), (at_least("bare", least=1.5), *CPU[:1]), **REPEATS
    ),
    **{
        f"throughput get asyncio 64, {text}": Case(
            partial(sized, size=size), (at_least("bare", least=least), at_least("Go"), *CPU[:1]), **REPEATS
        )
        for size, (text, least) in LARGE.items()
    },
    **{
        f"throughput lock {face} 1, kept lease": Case(
            partial(locks, face=face), (at_least("Go", least=0.9), *CPU[1:]), **REPEATS
        )
        for face in LEVELS
    },
}
