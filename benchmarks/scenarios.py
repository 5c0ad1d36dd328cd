"""What ``benchmarks.scale`` does in each of its processes; one body for both faces."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from time import perf_counter
from typing import Any

from etcd_factory.core.ports import value_of

from .scene import Meter, Scene, memory, scene
from .writer import Writer

TTL = 10  # seconds, of leases under load: each is renewed every third of it
RATE = 300  # puts and gets a second
TIMES = 20  # events of each watch
KEPT, LONG = 10, 60  # leases, and their ttl, while the server is away
SETTLED = 1.0  # seconds, for the first renewals, and for the client to find out that the server is away
HOWS = ("killed", "killed, release", "paused")  # how the server goes away
BAR = 2.0  # percent of a core

Row = dict[str, object]


async def leases(face: str, count: int, seconds: float) -> Row:
    """Leases kept alive while the client has other work, beside the same work without them."""
    async with scene(face) as here:
        await value_of(here.etcd.lease(TTL).grant())  # what the first one brings is not counted
        alone = [await loaded(here, seconds / 4)]
        before, told = memory(), list[Any]()
        held = [here.etcd.lease(TTL).on("lost", told.append) for _ in range(count)]
        for one in held:
            await value_of(one.grant())
        asked = here.requests("LeaseKeepAlive")
        both = await loaded(here, seconds)
        asked = here.requests("LeaseKeepAlive") - asked
        grown, lost = memory() - before, await gone(here, held)
        for one in held:
            await value_of(one.release())
        alone.append(await loaded(here, seconds / 4))
        own = both - sum(alone) / 2
        return {
            "leases": count,
            "seconds": seconds,
            "lost": lost,
            "told lost": len(told),
            "streams": here.streams("LeaseKeepAlive"),
            "renewals/s": asked / seconds,
            "cpu %": both,
            "of leases": own,
            "cpu µs/lease/s": own * 1e4 / count,
            "cpu µs/renewal": own * 1e4 * seconds / asked,
            "KB/lease": grown / count,
        }


async def gone(here: Scene, held: list[Any]) -> int:
    """How many leases are gone, at the server or by what their handles say."""
    there = set(await value_of(here.etcd.leases()))
    return sum(one.id not in there or not one.alive for one in held)


async def loaded(here: Scene, seconds: float) -> float:
    """Percent of a core, with so many puts and gets a second."""
    meter, start = Meter(), perf_counter()
    for number in range(int(RATE * seconds)):
        await asyncio.sleep(max(0.0, start + number / RATE - perf_counter()))
        await value_of(here.etcd.get("load").string() if number % 2 else here.etcd.put("load").value(number))
    return meter.percent


async def watches(face: str, count: int, told: bool) -> Row:
    """Watches on a key each, iterated over or with a function to be called, and another process that puts."""
    async with scene(face) as here:
        with Writer(here.server.endpoint) as writer:
            await value_of(here.etcd.watch().key("first").create())  # what the first one brings is not counted
            before, threads = memory(), threading.active_count()
            keys, events = [f"watched/{number}" for number in range(count)], count * TIMES
            goal = Goal(events)
            made = [await value_of(here.etcd.watch().key(key).create()) for key in keys]
            if told:
                made = [one.on("put", goal.reach) for one in made]
            grown, threads, meter = memory() - before, threading.active_count() - threads, Meter()
            writer.put(TIMES, *keys)
            await (asyncio.wrap_future(goal.reached) if told else seen(here, made))
            cpu, wall = meter.cpu, meter.wall
            for one in made:
                await value_of(one.cancel())
            return {
                "read by": "function" if told else "iterating",
                "watches": count,
                "streams": here.streams("Watch"),
                "threads": threads,
                "KB/watch": grown / count,
                "events": events,
                "cpu µs/event": cpu * 1e6 / events,
                "events/s": events / wall,
            }


async def seen(here: Scene, watchers: list[Any]) -> None:
    """Read the events of each watch."""
    for watcher in watchers:
        for _ in range(TIMES):
            await value_of(here.following(watcher))


class Goal:
    """So many events, in whatever threads they are told."""

    def __init__(self, count: int) -> None:
        self._left, self._guard = count, threading.Lock()
        self.reached: Future[None] = Future()

    def reach(self, event: object) -> None:
        """One more."""
        del event
        with self._guard:
            self._left -= 1
            if not self._left:
                self.reached.set_result(None)


async def away(face: str, how: str, seconds: float) -> Row:
    """A client with a watch and leases whose server is killed, or stands still, for a while.

    "release" gives one lease up meanwhile, which leaves less to do and not more.
    """
    async with scene(face) as here:
        watcher = await value_of(here.etcd.watch().key("watched").create())
        held = [here.etcd.lease(LONG) for _ in range(KEPT)]
        for one in held:
            await value_of(one.grant())
        await asyncio.sleep(SETTLED)
        here.server.pause() if how == "paused" else here.server.kill()
        meter = Meter()
        await asyncio.sleep(SETTLED)
        if how == "killed, release":
            await value_of(held.pop(0).release())
        await asyncio.sleep(seconds - SETTLED)
        percent = meter.percent
        here.server.resume() if how == "paused" else here.server.start()
        return {
            "server": how,
            "seconds": seconds,
            "cpu %": percent,
            "bar": BAR,
            "": "met" if percent <= BAR else "NOT MET",
            "leases": len(held),
            "watch back after s": await again(here, watcher),
            "lost": await gone(here, held),
        }


async def again(here: Scene, watcher: Any) -> float:
    """Seconds until the watch has told an event of the server that is there again."""
    start = perf_counter()
    await value_of(here.etcd.with_options(timeout=30).put("watched").value("again"))
    await value_of(here.following(watcher))
    return perf_counter() - start
