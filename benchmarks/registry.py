"""What a registry costs: ``python -m benchmarks.registry [--only NAME] [--services N] [--instances N] [--views N]``.

A view of one service in a large store beside one in a store with that service alone; a change on its way to many views
in one process; and picks of each balancer. Each line is had in a process of its own, with a server of its own. It only
reports.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from etcd_factory import ops
from etcd_factory.core.ports import value_of
from etcd_factory.registry import AsyncServiceRegistry, ServiceInstance, ServiceRegistry, ServiceView
from etcd_factory.registry.balancers import BALANCERS

from .scale import apart, table
from .scene import FACES, memory, scene

Row = dict[str, object]

REGISTRIES: dict[str, type[Any]] = {"blocking": ServiceRegistry, "asyncio": AsyncServiceRegistry}
SERVICE = "service-0"
TIMES = 30  # changes, and views that are opened one after another
PICKS, ROUNDS = 100_000, 5
BOUND = 30  # seconds


def main() -> None:
    chosen = arguments()
    for name, lines in plan(chosen).items():
        if not chosen.only or name in chosen.only:
            print(*table(name, [apart(body, *args) for body, *args in lines]), sep="\n", end="\n\n", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.registry", description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=["view", "change", "pick"])
    parser.add_argument("--services", type=int, default=1_000, metavar="N", help="in the large store")
    parser.add_argument("--instances", type=int, default=10, metavar="N", help="of each service")
    parser.add_argument("--views", type=int, default=100, metavar="N", help="that a change is told to")
    return parser.parse_args()


def plan(chosen: argparse.Namespace) -> dict[str, list[tuple[Any, ...]]]:
    """What is run for each table, line by line."""
    sizes, size = (1, chosen.services), chosen.instances
    return {
        "view": [(view, face, count, size) for face in FACES for count in sizes],
        "change": [(change, face, chosen.views, one) for face in FACES for one in (True, False)],
        "pick": [(pick, "either", name, size) for name in BALANCERS],
    }


# --- one view of many services


async def view(face: str, services: int, size: int) -> Row:
    """What it takes to open a view of one service, and what it holds."""
    async with scene(face) as here:
        await fill(here.etcd, services, size)
        registry = REGISTRIES[face](here.etcd)
        await value_of((await value_of(registry.subscribe(SERVICE))).close())  # what the first one brings
        before, times = memory(), list[float]()
        for _ in range(TIMES):
            begin = perf_counter()
            opened = await value_of(registry.subscribe(SERVICE))
            times.append(perf_counter() - begin)
            assert len(opened.instances) == size
            await value_of(opened.close())
        views = [await value_of(REGISTRIES[face](here.etcd).subscribe(SERVICE)) for _ in range(TIMES)]
        grown = memory() - before
        for one in views:
            await value_of(one.close())
        return {"services": services, "instances": size, "ms": median(times) * 1e3, "KB/view": grown / TIMES}


async def fill(etcd: Any, services: int, size: int) -> None:
    """So many services, as others have written them."""
    value = json.dumps({"host": "10.0.0.1", "port": 8080, "metadata": {"zone": "a"}, "ttl": 60})
    for number in range(services):
        puts = [ops.put(f"services/service-{number}/{one:03}").value(value) for one in range(size)]
        await value_of(etcd.batch(puts))


# --- a change on its way


class Reached:
    """When the last of many views has been told a change."""

    def __init__(self, views: int) -> None:
        self._views, self._left, self._guard = views, views, threading.Lock()
        self._all, self.last = threading.Event(), 0.0

    def __call__(self, _: object) -> None:
        with self._guard:
            self._left -= 1
            if not self._left:
                self.last = perf_counter()
                self._all.set()

    async def all(self) -> float:
        """When that was; from then on the next change is counted."""
        assert await asyncio.to_thread(self._all.wait, BOUND)
        self._all.clear()
        self._left = self._views
        return self.last


async def change(face: str, views: int, one: bool) -> Row:
    """From before an update until the last of the views has told it; views of one registry, or of as many."""
    async with scene(face) as here:
        registry = REGISTRIES[face](here.etcd)
        own = await value_of(registry.register(SERVICE, ttl=60))
        reached, lags = Reached(views), list[float]()
        made = [registry if one else REGISTRIES[face](here.etcd) for _ in range(views)]
        opened = [(await value_of(each.subscribe(SERVICE))).on("change", reached) for each in made]
        for number in range(TIMES):
            begin = perf_counter()
            await value_of(own.update({"number": number}))
            lags.append(await reached.all() - begin)
        for each in opened:
            await value_of(each.close())
        await value_of(own.deregister())
        return {
            "views": views,
            "registries": 1 if one else views,
            "changes": TIMES,
            "median ms": median(lags) * 1e3,
            "most ms": max(lags) * 1e3,
        }


# --- picks


async def pick(_: str, name: str, size: int) -> Row:
    """Picks of a view, the best of some rounds."""
    chosen = Standing(name, size)
    return {"balancer": name, "instances": size, "picks/s": max(chosen.rate() for _ in range(ROUNDS))}


class Standing:
    """A view whose instances stand still, without a server."""

    def __init__(self, name: str, size: int) -> None:
        instances = tuple(ServiceInstance("user", f"{one:03}", "h", one, weight=1 + one % 3) for one in range(size))
        self._view: ServiceView[Any] = ServiceView.__new__(ServiceView)
        self._view.instances, self._view._balancer = instances, BALANCERS[name](0.0)  # pyright: ignore[reportPrivateUsage]

    def rate(self) -> float:
        """Picks in a second."""
        call: Callable[[str], Any] = self._view.pick
        begin = perf_counter()
        for _ in range(PICKS):
            call("key")
        return PICKS / (perf_counter() - begin)


if __name__ == "__main__":
    main()
