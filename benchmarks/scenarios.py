"""What ``benchmarks.scale`` runs in each of its processes; one body for both faces."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import Future
from pathlib import Path
from time import perf_counter
from typing import Any

from etcd_factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.core.face import settle

from .load import memory
from .scene import Meter, Scene, scene
from .writer import Writer

TTL = 10  # seconds, of leases under load: each is renewed every third of it
RATE = 300  # puts and gets a second
TIMES = 20  # events of each watch
KEPT, LONG = 10, 60  # leases, and their ttl, during an outage
SETTLED = 1.0  # seconds, for the first renewals, and for the client to notice the outage
OUTAGES = ("killed", "killed, release", "paused")
BAR = 2.0  # percent of a core
FACTORIES: dict[str, Any] = {"blocking": ETCDServiceFactory, "asyncio": AsyncETCDServiceFactory}

Row = dict[str, object]


async def leases(face: str, count: int, seconds: float) -> Row:
    """Measure leases kept alive while the client has other work, and the same work without them."""
    async with scene(face) as here:
        await settle(here.etcd.lease(TTL).grant())  # the first one starts the background work, which is not counted
        alone = [await loaded(here, seconds / 4)]
        before, reported = memory(), list[Any]()
        held = [here.etcd.lease(TTL).on("lost", reported.append) for _ in range(count)]
        for one in held:
            await settle(one.grant())
        renewals = here.requests("LeaseKeepAlive")
        both = await loaded(here, seconds)
        renewals = here.requests("LeaseKeepAlive") - renewals
        grown, lost = memory() - before, await count_lost(here, held)
        for one in held:
            await settle(one.release())
        alone.append(await loaded(here, seconds / 4))
        own = both - sum(alone) / 2
        return {
            "leases": count,
            "seconds": seconds,
            "lost": lost,
            "reported lost": len(reported),
            "streams": here.streams("LeaseKeepAlive"),
            "renewals/s": renewals / seconds,
            "cpu %": both,
            "of leases": own,
            "cpu µs/lease/s": own * 1e4 / count,
            "cpu µs/renewal": own * 1e4 * seconds / renewals,
            "KB/lease": grown / count,
        }


async def count_lost(here: Scene, held: list[Any]) -> int:
    """Return how many leases are lost, at the server or according to their handles."""
    existing = set(await settle(here.etcd.leases()))
    return sum(one.id not in existing or not one.alive for one in held)


async def loaded(here: Scene, seconds: float) -> float:
    """Return the CPU time, in percent of a core, of ``RATE`` puts and gets per second."""
    meter, start = Meter(), perf_counter()
    for number in range(int(RATE * seconds)):
        await asyncio.sleep(max(0.0, start + number / RATE - perf_counter()))
        await settle(here.etcd.get("load").string() if number % 2 else here.etcd.put("load").value(number))
    return meter.percent


async def clients(face: str, count: int, transport: str, share: bool) -> Row:
    """Measure that many clients of one factory, each of which has made a call, and what is left of them."""
    async with scene(face) as here:
        options = {"hosts": here.server.endpoint, "transport": transport, "share": share}
        factory = FACTORIES[face]({"client": options})
        await settle(factory.get().get("key").string())  # what only the first one costs
        before, threads, sockets, meter = memory(), threading.active_count(), count_sockets(), Meter()
        for _ in range(count):
            await settle((await settle(factory.create_instance(options))).get("key").string())
        cpu, made = meter.cpu, meter.wall
        row = {
            "transport": transport,
            "share": share,
            "clients": count,
            "threads": threading.active_count() - threads,
            "sockets": count_sockets() - sockets,
            "KB/client": (memory() - before) / count,
            "cpu µs/client": cpu * 1e6 / count,
            "seconds": made,
        }
        meter = Meter()
        await settle(factory.aclose() if face == "asyncio" else factory.close())
        left = {"threads left": threading.active_count() - threads, "sockets left": count_sockets() - sockets}
        return {**row, "closed in s": meter.wall, **left}


def count_sockets() -> int:
    """Return how many sockets this process has; 0 where the system does not say."""
    found = Path("/proc/self/fd")
    return sum("socket:" in target(one) for one in found.iterdir()) if found.exists() else 0


def target(descriptor: Path) -> str:
    """Return what a descriptor is of; nothing of the one that lists them, which is closed by then."""
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""


async def watches(face: str, count: int, handlers: bool) -> Row:
    """Measure watches of one key each, iterated over or with a handler, while another process puts."""
    async with scene(face) as here:
        with Writer(here.server.endpoint) as writer:
            await settle(
                here.etcd.watch().key("first").create()
            )  # the first one starts the background work, which is not counted
            before, threads = memory(), threading.active_count()
            keys, events = [f"watched/{number}" for number in range(count)], count * TIMES
            goal = Goal(events)
            made = [await settle(here.etcd.watch().key(key).create()) for key in keys]
            if handlers:
                made = [one.on("put", goal.count) for one in made]
            grown, threads, meter = memory() - before, threading.active_count() - threads, Meter()
            writer.put(TIMES, *keys)
            await (asyncio.wrap_future(goal.reached) if handlers else read(here, made))
            cpu, wall = meter.cpu, meter.wall
            for one in made:
                await settle(one.cancel())
            return {
                "read by": "handler" if handlers else "iterating",
                "watches": count,
                "streams": here.streams("Watch"),
                "threads": threads,
                "KB/watch": grown / count,
                "events": events,
                "cpu µs/event": cpu * 1e6 / events,
                "events/s": events / wall,
            }


async def read(here: Scene, watchers: list[Any]) -> None:
    """Read the events of each watch."""
    for watcher in watchers:
        for _ in range(TIMES):
            await settle(here.next(watcher))


class Goal:
    """Counts events, in any thread, up to a number."""

    def __init__(self, events: int) -> None:
        self._left, self._guard = events, threading.Lock()
        self.reached: Future[None] = Future()

    def count(self, event: object) -> None:
        """Count one event; a handler."""
        del event
        with self._guard:
            self._left -= 1
            if not self._left:
                self.reached.set_result(None)


async def away(face: str, outage: str, seconds: float) -> Row:
    """Measure a client with a watch and leases whose server is killed, or paused, for a while.

    "release" releases one lease meanwhile, which leaves less to do and not more.
    """
    async with scene(face) as here:
        watcher = await settle(here.etcd.watch().key("watched").create())
        held = [here.etcd.lease(LONG) for _ in range(KEPT)]
        for one in held:
            await settle(one.grant())
        await asyncio.sleep(SETTLED)
        here.server.pause() if outage == "paused" else here.server.kill()
        meter = Meter()
        await asyncio.sleep(SETTLED)
        if outage == "killed, release":
            await settle(held.pop(0).release())
        await asyncio.sleep(seconds - SETTLED)
        percent = meter.percent
        here.server.resume() if outage == "paused" else here.server.start()
        return {
            "server": outage,
            "seconds": seconds,
            "cpu %": percent,
            "bar": BAR,
            "": "met" if percent <= BAR else "NOT MET",
            "leases": len(held),
            "watch resumed after s": await resumed(here, watcher),
            "lost": await count_lost(here, held),
        }


async def resumed(here: Scene, watcher: Any) -> float:
    """Return the seconds until the watch has delivered an event of the restarted server."""
    start = perf_counter()
    await settle(here.etcd.with_options(timeout=30).put("watched").value("resumed"))
    await settle(here.next(watcher))
    return perf_counter() - start
