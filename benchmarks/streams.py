"""Watches: the latency of an event, and the cost of many events.

Another process puts, so that the CPU time of this one is that of watching alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any

from etcd_factory import AsyncETCDService, ETCDService, ops
from etcd_factory.core.face import settle

from .measure import Bar, lagging, timed
from .stub_streams import AWatch, Watch
from .world import VALUE, Case, Sides, World
from .writer import age

ROOT = "benchmark/watch/"
SINGLE = 64  # events in a turn, one at a time
TIMES, KEYS = 20, 50  # puts of each key in a turn, and how many keys are put concurrently
PAST, PART = 20_000, 100  # events, and how many of them a transaction makes

Open = Callable[..., Any]  # opens a watch of a prefix from a revision; in asyncio a coroutine function


class Ours:
    """A watch of the service, read like the bare one."""

    def __init__(self, etcd: ETCDService, prefix: str, start: int = 0) -> None:
        self._watcher = etcd.watch().prefix(prefix).start_revision(start).create()
        self.close = self._watcher.cancel

    def value(self) -> bytes:
        return next(self._watcher).kv.value

    def size(self, count: int) -> int:
        size = revision = 0
        for event in islice(self._watcher, count):
            size += len(event.kv.key) + len(event.kv.value) + (event.type == "delete")
            revision = event.revision
        assert revision
        return size


class AOurs:
    """The same in asyncio."""

    _watcher: Any
    close: Any

    @classmethod
    async def open(cls, etcd: AsyncETCDService, prefix: str, start: int = 0) -> AOurs:
        ours = cls()
        ours._watcher = await etcd.watch().prefix(prefix).start_revision(start).create()
        ours.close = ours._watcher.cancel
        return ours

    async def value(self) -> bytes:
        value: bytes = (await anext(self._watcher)).kv.value
        return value

    async def size(self, count: int) -> int:
        size = revision = 0
        async for event in self._watcher:
            size += len(event.kv.key) + len(event.kv.value) + (event.type == "delete")
            revision, count = event.revision, count - 1
            if not count:
                break
        assert revision
        return size


def blocking(world: World) -> dict[str, Open]:
    return {"ours": partial(Ours, world.service()), "bare": partial(Watch, world.channel)}


def awaited(world: World) -> dict[str, Open]:
    return {"ours": partial(AOurs.open, world.aservice()), "bare": partial(AWatch.open, world.achannel)}


def open_all(world: World, sides: Mapping[str, Open]) -> dict[str, Any]:
    """Open a watch of each side, on a prefix of its own, so that only one of them sees a put."""
    watches = {name: world.run(call(open_watch, f"{ROOT}{name}/")) for name, open_watch in sides.items()}
    for watch in watches.values():
        world.stack.callback(world.runner(call, watch.close))
    return watches


async def call(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns, awaited if it has to be."""
    return await settle(function(*args))


def latencies(world: World, sides: Mapping[str, Open]) -> Sides:
    """Return the latency from the start of a put to its event, one put at a time."""

    async def lags(watch: Any, key: str) -> list[float]:
        return [await lag(watch, key) for _ in range(SINGLE)]

    async def lag(watch: Any, key: str) -> float:
        world.writer.put(1, key)
        return age(await settle(watch.value()))

    watches = open_all(world, sides)
    return {name: lagging(world.runner(lags, watch, f"{ROOT}{name}/key")) for name, watch in watches.items()}


def live(world: World, sides: Mapping[str, Open]) -> Sides:
    """Return reading events as they happen, each in a response of its own."""
    events = TIMES * KEYS

    async def read(watch: Any, name: str) -> None:
        world.writer.put(TIMES, *[f"{ROOT}{name}/{number}" for number in range(KEYS)])
        await settle(watch.size(events))

    return {name: timed(world.runner(read, watch, name), events) for name, watch in open_all(world, sides).items()}


def past(world: World, sides: Mapping[str, Open]) -> Sides:
    """Return reading events that happened before the watch begins.

    The wall-clock time is mostly the server's: it serves watches that are behind every 100 ms, and takes long to split
    a response of more than 1.5 MB into the fragments that the service requests.
    """
    prefix = f"{ROOT}waiting/"
    # few revisions: of more than 1,000 the server sends a part every 100 ms, and both sides would wait for it
    puts = [ops.put(f"{prefix}{number:05}").value(VALUE) for number in range(PAST)]
    first = world.etcd.batch(puts[:PART])[0].revision
    for start in range(PART, PAST, PART):
        world.etcd.batch(puts[start : start + PART])

    async def read(open_watch: Open) -> int:
        watch = await settle(open_watch(prefix, first))
        try:
            size: int = await settle(watch.size(PAST))
            return size
        finally:
            await settle(watch.close())

    assert len({world.run(read(each)) for each in sides.values()}) == 1, "the sides read different things"
    return {name: timed(world.runner(read, each), PAST) for name, each in sides.items()}


LATENCY_BARS = (Bar("bare", "wall µs", 0.9, table=True), Bar("bare", "cpu µs"))
BARS = (Bar("bare", "cpu µs", 1.15, table=True), Bar("bare", "wall µs"))
PAST_BARS = (Bar("bare", "cpu µs", 1.5, table=True), Bar("bare", "wall µs"))
PAST_ROUNDS: dict[str, Any] = {"rounds": 7, "turns": 2, "past": True}

CASES = {
    "watch latency blocking": Case(lambda world: latencies(world, blocking(world)), LATENCY_BARS),
    "watch latency asyncio": Case(lambda world: latencies(world, awaited(world)), LATENCY_BARS),
    "watch live blocking": Case(lambda world: live(world, blocking(world)), BARS, turns=2),
    "watch live asyncio": Case(lambda world: live(world, awaited(world)), BARS, turns=2),
    "watch waiting blocking": Case(lambda world: past(world, blocking(world)), PAST_BARS, **PAST_ROUNDS),
    "watch waiting asyncio": Case(lambda world: past(world, awaited(world)), PAST_BARS, **PAST_ROUNDS),
}
