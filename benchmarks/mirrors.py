"""Mirrors: plain reads, linearizable reads of many concurrent callers, loading, how fast changes arrive."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from etcd_factory import ops
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.model.ranges import prefix_end
from etcd_factory.wire.messages import RangeRequest

from .measure import Bar, constant, lagging, timed
from .world import PREFIX, VALUE, Case, Sides, World
from .writer import age

READS = 200_000  # in a turn
CALLERS, TIMES = 256, 8  # concurrent readers, and how many reads each makes
KEYS, PAGE = 100_000, 10_000
SINGLE = 64  # changes in a turn, one at a time

WATCHES, FEW = 1_000, 16  # local watches, and changes in a turn

LARGE, CHANGED = "benchmark/large/", "benchmark/changed/"
WATCHED, AWATCHED = "benchmark/watched/", "benchmark/awatched/"  # each sees only its own


def reads(world: World) -> Sides:
    """Return plain reads, those of a dict, and five million a second."""
    mirror = world.stack.enter_context(world.etcd.mirror(PREFIX))
    key, plain = next(iter(mirror)), dict(mirror)
    return {
        "ours": timed(lambda: read(mirror, key), READS),
        "dict": timed(lambda: read(plain, key), READS),
        "5 million/s": constant("wall µs", 0.2),
    }


def read(mapping: Any, key: bytes) -> None:
    for _ in range(READS):
        mapping[key]


def fresh(world: World) -> Sides:
    """Return linearizable reads of concurrent threads from a mirror, and with the service's ``get``."""
    etcd = world.service()
    mirror, keys = world.stack.enter_context(etcd.mirror(PREFIX)), etcd.get_all().prefix(PREFIX).limit(CALLERS).keys()
    pool = world.stack.enter_context(ThreadPoolExecutor(CALLERS))

    def all_at_once(call: Callable[[str], Any]) -> Callable[[], None]:
        gate = threading.Barrier(CALLERS)

        def one(key: str) -> None:
            gate.wait()
            for _ in range(TIMES):
                assert call(key) == VALUE

        return lambda: [None for _ in pool.map(one, keys)]  # type: ignore[return-value]

    ours = all_at_once(lambda key: mirror.get(key, fresh=True).string())
    gets = all_at_once(lambda key: etcd.get(key).string())
    return {
        "ours": timed(ours, CALLERS * TIMES),
        "get": timed(gets, CALLERS * TIMES),
        "60,000/s": constant("wall µs", 1e6 / 60_000),
    }


def fresh_asyncio(world: World) -> Sides:
    """Return linearizable reads of concurrent tasks from a mirror, and with the service's ``get``."""
    etcd = world.aservice()
    keys = world.etcd.get_all().prefix(PREFIX).limit(CALLERS).keys()

    async def open_mirror() -> Mirror[Any]:
        return await etcd.mirror(PREFIX)

    mirror = world.run(open_mirror())

    async def all_at_once(call: Callable[[str], Any]) -> None:
        await asyncio.gather(*[one(call, key) for key in keys])

    async def one(call: Callable[[str], Any], key: str) -> None:
        for _ in range(TIMES):
            assert await call(key) == VALUE

    def ours(key: str) -> Any:
        return mirror.get(key, fresh=True).string()

    def gets(key: str) -> Any:
        return etcd.get(key).string()

    return {
        "ours": timed(lambda: world.run(all_at_once(ours)), CALLERS * TIMES),
        "get": timed(lambda: world.run(all_at_once(gets)), CALLERS * TIMES),
        "400,000/s": constant("wall µs", 1e6 / 400_000),
    }


def loads(world: World) -> Sides:
    """Return loading a large prefix, and reading its pages into a dict with the bare stub."""
    for start in range(0, KEYS, PAGE):
        world.etcd.batch([ops.put(f"{LARGE}{number:06}").value(VALUE) for number in range(start, start + PAGE)])

    def ours() -> None:
        with world.etcd.mirror(LARGE) as mirror:
            assert len(mirror) == KEYS

    def bare() -> None:
        assert len(read_pages(world.stubs["bare"], LARGE.encode())) == KEYS

    return {"ours": timed(ours), "bare": timed(bare)}


def read_pages(stub: Any, prefix: bytes) -> dict[bytes, Any]:
    """Return all keys under a prefix, read page by page at one revision."""
    found, key, revision = {}, prefix, 0
    while True:
        request = RangeRequest(key=key, range_end=prefix_end(prefix), limit=PAGE, revision=revision)
        page = stub.range(request, timeout=stub.timeout)
        found.update({kv.key: kv for kv in page.kvs})
        if not page.more:
            return found
        key, revision = page.kvs[-1].key + b"\0", page.header.revision


def changes(world: World) -> Sides:
    """Return the latency from the start of another process's put to the mirror's handler, and five milliseconds."""
    seen: Any = threading.Semaphore(0)
    lags: list[float] = []

    def on_change(_: Any, new: Any) -> None:
        lags.append(age(new.value))
        seen.release()

    world.stack.enter_context(world.service().mirror(CHANGED)).on("change", on_change)

    def one_by_one() -> list[float]:
        lags.clear()
        for _ in range(SINGLE):
            world.writer.put(1, f"{CHANGED}key")
            seen.acquire()
        return lags.copy()

    return {"ours": lagging(one_by_one), "5 ms": constant("wall µs", 5_000)}


def local_watches(world: World) -> Sides:
    """Return the median time until a change has reached a thousand local watches, and ten milliseconds."""
    mirror = world.stack.enter_context(world.service().mirror(WATCHED))
    arrived: list[float] = []
    done: Any = threading.Semaphore(0)

    def note(event: Any) -> None:
        arrived.append(age(event.kv.value))
        if len(arrived) == WATCHES:
            done.release()

    for _ in range(WATCHES):
        mirror.watch().on("put", note)

    def one_by_one() -> list[float]:
        medians: list[float] = []
        for _ in range(FEW):
            arrived.clear()
            world.writer.put(1, f"{WATCHED}key")
            done.acquire()
            medians.append(median(arrived))
        return medians

    return {"ours": lagging(one_by_one), "10 ms": constant("wall µs", 10_000)}


def local_watches_asyncio(world: World) -> Sides:
    """Return the same with tasks that iterate."""
    etcd = world.aservice()
    arrived: list[float] = []

    async def open_mirror() -> Mirror[Any]:
        return await etcd.mirror(AWATCHED)

    mirror = world.run(open_mirror())

    async def read(watcher: Any) -> None:
        for _ in range(FEW):
            event = await watcher.take()
            arrived.append(age(event.kv.value))

    async def one_by_one() -> list[float]:
        tasks = [asyncio.ensure_future(read(mirror.watch())) for _ in range(WATCHES)]
        last = mirror.watch()
        for _ in range(FEW):
            await asyncio.to_thread(world.writer.put, 1, f"{AWATCHED}key")
            await last.take()
        await asyncio.gather(*tasks)
        return [median(arrived[start : start + WATCHES]) for start in range(0, len(arrived), WATCHES)]

    def measured() -> list[float]:
        arrived.clear()
        return world.run(one_by_one())

    return {"ours": lagging(measured), "10 ms": constant("wall µs", 10_000)}


FRESH_BARS = (Bar("get", "wall µs", 0.1), Bar("get", "cpu µs"))

CASES = {
    "mirror read": Case(reads, (Bar("5 million/s", "wall µs", 1.0), Bar("dict", "wall µs"))),
    "mirror fresh blocking": Case(fresh, (*FRESH_BARS, Bar("60,000/s", "wall µs", 1.0, table=True)), turns=4),
    "mirror fresh asyncio": Case(fresh_asyncio, (*FRESH_BARS, Bar("400,000/s", "wall µs", 1.0, table=True)), turns=4),
    "mirror load 100,000": Case(loads, (Bar("bare", "wall µs", 1.5), Bar("bare", "cpu µs")), rounds=7, turns=2),
    "mirror watches blocking": Case(local_watches, (Bar("10 ms", "wall µs", 1.0),), rounds=7, turns=2),
    "mirror watches asyncio": Case(local_watches_asyncio, (Bar("10 ms", "wall µs", 1.0),), rounds=7, turns=2),
    "mirror change": Case(changes, (Bar("5 ms", "wall µs", 1.0),), rounds=7, turns=2),
}
