"""Watches: how soon an event is seen, and what many of them cost.

Another process puts, so that the CPU time of this one is that of watching alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any

from etcd_factory import AsyncETCDService, ETCDService, ops
from etcd_factory.core.ports import value_of

from .measure import Bar, lagging, timed
from .standing import AWatch, Watch
from .world import VALUE, Case, Sides, World
from .writer import age

ROOT = "benchmark/watch/"
SINGLE = 64  # events in a turn, one at a time
TIMES, ABREAST = 20, 50  # so often so many keys are put at once in a turn
WAITING = 20_000  # events

Maker = Callable[..., Any]  # of a watch, from its prefix and the revision to begin with; in asyncio a coroutine of it


class Ours:
    """A watch of the service, read as the bare one is."""

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
        made = cls()
        made._watcher = await etcd.watch().prefix(prefix).start_revision(start).create()
        made.close = made._watcher.cancel
        return made

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


def blocking(world: World) -> dict[str, Maker]:
    return {"ours": partial(Ours, world.service()), "bare": partial(Watch, world.channel)}


def awaited(world: World) -> dict[str, Maker]:
    return {"ours": partial(AOurs.open, world.aservice()), "bare": partial(AWatch.open, world.achannel)}


def opened(world: World, makers: Mapping[str, Maker]) -> dict[str, Any]:
    """A watch of each side, on a prefix of its own, so that only one of them is told of a put."""
    made = {name: world.run(done(make, f"{ROOT}{name}/")) for name, make in makers.items()}
    for one in made.values():
        world.stack.callback(world.runner(done, one.close))
    return made


async def done(call: Callable[..., Any], *args: Any) -> Any:
    """What a function gives, blocking or not."""
    return await value_of(call(*args))


def latencies(world: World, makers: Mapping[str, Maker]) -> Sides:
    """One put at a time: from its begin until its event is seen."""

    async def lags(watch: Any, key: str) -> list[float]:
        return [await lag(watch, key) for _ in range(SINGLE)]

    async def lag(watch: Any, key: str) -> float:
        world.writer.put(1, key)
        return age(await value_of(watch.value()))

    watches = opened(world, makers)
    return {name: lagging(world.runner(lags, watch, f"{ROOT}{name}/key")) for name, watch in watches.items()}


def live(world: World, makers: Mapping[str, Maker]) -> Sides:
    """Events as they happen, each in an answer of its own."""
    events = TIMES * ABREAST

    async def told(watch: Any, name: str) -> None:
        world.writer.put(TIMES, *[f"{ROOT}{name}/{number}" for number in range(ABREAST)])
        await value_of(watch.size(events))

    return {name: timed(world.runner(told, watch, name), events) for name, watch in opened(world, makers).items()}


def waiting(world: World, makers: Mapping[str, Maker]) -> Sides:
    """Events that have happened before the watch begins.

    The time on the wall is mostly the server's: it looks for watches that are behind every 100 ms, and takes long to
    cut an answer of more than 1.5 MB into the fragments that ours asks for.
    """
    prefix = f"{ROOT}waiting/"
    # few revisions: of more than 1,000 the server sends a part each time it looks, and all would wait for it
    puts = world.etcd.batch([ops.put(f"{prefix}{number:05}").value(VALUE) for number in range(WAITING)])

    async def read(make: Maker) -> int:
        watch = await value_of(make(prefix, puts[0].revision))
        try:
            size: int = await value_of(watch.size(WAITING))
            return size
        finally:
            await value_of(watch.close())

    assert len({world.run(read(make)) for make in makers.values()}) == 1, "the sides read different things"
    return {name: timed(world.runner(read, make), WAITING) for name, make in makers.items()}


LATENCY_BARS = (Bar("bare", "wall µs", 1.15), Bar("bare", "cpu µs"))
BARS = (Bar("bare", "cpu µs", 1.15), Bar("bare", "wall µs"))

CASES = {
    "watch latency blocking": Case(lambda world: latencies(world, blocking(world)), LATENCY_BARS),
    "watch latency asyncio": Case(lambda world: latencies(world, awaited(world)), LATENCY_BARS),
    "watch live blocking": Case(lambda world: live(world, blocking(world)), BARS, turns=2),
    "watch live asyncio": Case(lambda world: live(world, awaited(world)), BARS, turns=2),
    "watch waiting blocking": Case(lambda world: waiting(world, blocking(world)), BARS, rounds=7, turns=2),
    "watch waiting asyncio": Case(lambda world: waiting(world, awaited(world)), BARS, rounds=7, turns=2),
}
