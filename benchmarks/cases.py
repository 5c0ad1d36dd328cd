"""Reads and writes of one key, and large reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .measure import Bar, timed
from .world import KEY, PREFIX, VALUE, Case, Sides, World

CALLS = 256  # in a turn

Call = Callable[[], Any]


def calls(world: World, ours: Callable[[Any], Call], bare: Callable[[Any], Call]) -> Sides:
    """Return the blocking sides of a call."""
    return repeated({"ours": ours(world.etcd), **{name: bare(stub) for name, stub in world.stubs.items()}})


def repeated(bodies: Mapping[str, Call], times: int = CALLS) -> Sides:
    """Return blocking sides that repeat a call."""
    return {name: timed(partial(repeat, call, times), times) for name, call in bodies.items()}


def repeat(call: Call, times: int) -> None:
    for _ in range(times):
        call()


def acalls(world: World, ours: Callable[[Any], Call], bare: Callable[[Any], Call], *, concurrency: int) -> Sides:
    """Return the asyncio sides of a call, with so many of them in flight."""
    bodies = {"ours": ours(world.aetcd), **{name: bare(stub) for name, stub in world.astubs.items()}}
    return {name: timed(world.runner(concurrently, call, concurrency), CALLS) for name, call in bodies.items()}


async def concurrently(call: Call, concurrency: int) -> None:
    await asyncio.gather(*[arepeat(call, CALLS // concurrency) for _ in range(concurrency)])


def arepeated(world: World, bodies: Mapping[str, Call], times: int = CALLS) -> Sides:
    """Return asyncio sides that repeat a call."""
    return {name: timed(world.runner(arepeat, call, times), times) for name, call in bodies.items()}


async def arepeat(call: Call, times: int) -> None:
    for _ in range(times):
        await call()


def prefix(world: World, kind: str) -> Sides:
    """Return the blocking sides of a large read into a dict."""
    ours = getattr(world.etcd.get_all().prefix(PREFIX), kind)
    bare = partial(getattr(world.stubs["bare"], kind), PREFIX)
    assert ours() == bare(), "the sides read different things"
    return {"ours": timed(ours), "bare": timed(bare)}


def aprefix(world: World, kind: str) -> Sides:
    """Return the asyncio sides of a large read into a dict."""
    ours = getattr(world.aetcd.get_all().prefix(PREFIX), kind)
    bare = partial(getattr(world.astubs["bare"], kind), PREFIX)
    return {"ours": timed(world.runner(ours)), "bare": timed(world.runner(bare))}


CALL_BARS = (Bar("bare", "cpu µs", 1.10), Bar("bare", "wall µs"), Bar("bare, no timeout", "cpu µs"))
READ_BARS = (Bar("bare", "wall µs", 1.3), Bar("bare", "cpu µs"))

GET = (lambda etcd: lambda: etcd.get(KEY).string(), lambda stub: lambda: stub.get(KEY))
PUT = (lambda etcd: lambda: etcd.put(KEY).value(VALUE), lambda stub: lambda: stub.put(KEY, VALUE))

CASES = {
    "get blocking": Case(lambda world: calls(world, *GET), CALL_BARS),
    "put blocking": Case(lambda world: calls(world, *PUT), CALL_BARS),
    "get asyncio": Case(lambda world: acalls(world, *GET, concurrency=1), CALL_BARS),
    "put asyncio": Case(lambda world: acalls(world, *PUT, concurrency=1), CALL_BARS),
    "get asyncio 64": Case(lambda world: acalls(world, *GET, concurrency=64), CALL_BARS),
    "put asyncio 64": Case(lambda world: acalls(world, *PUT, concurrency=64), CALL_BARS),
    "prefix strings blocking": Case(lambda world: prefix(world, "strings"), READ_BARS),
    "prefix bytes blocking": Case(lambda world: prefix(world, "bytes"), READ_BARS),
    "prefix strings asyncio": Case(lambda world: aprefix(world, "strings"), READ_BARS),
    "prefix bytes asyncio": Case(lambda world: aprefix(world, "bytes"), READ_BARS),
}
