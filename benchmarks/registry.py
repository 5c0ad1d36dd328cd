"""What a registry costs: ``python -m benchmarks.registry [--only NAME] [--services N] [--instances N] [--views N]``.

A view of one service in a large store next to one in a store with that service alone, and a change on its way to many
views in one process. Each line comes from a process of its own, with a server of its own. It only reports.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from statistics import median
from time import perf_counter
from typing import Any

from etcd_factory import ops
from etcd_factory.core.face import settle
from etcd_factory.registry import AsyncServiceRegistry, ServiceRegistry

from .load import memory
from .scale import apart, table
from .scene import FACES, scene

Row = dict[str, object]

REGISTRIES: dict[str, type[Any]] = {"blocking": ServiceRegistry, "asyncio": AsyncServiceRegistry}
SERVICE = "service-0"
TIMES = 30  # changes, and views that are opened one after another
BOUND = 30  # seconds


def main() -> None:
    chosen = arguments()
    for name, lines in plan(chosen).items():
        if not chosen.only or name in chosen.only:
            print(*table(name, [apart(body, *args) for body, *args in lines]), sep="\n", end="\n\n", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.registry", description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=["view", "change"])
    parser.add_argument("--services", type=int, default=1_000, metavar="N", help="in the large store")
    parser.add_argument("--instances", type=int, default=10, metavar="N", help="of each service")
    parser.add_argument("--views", type=int, default=100, metavar="N", help="that a change is reported to")
    return parser.parse_args()


def plan(chosen: argparse.Namespace) -> dict[str, list[tuple[Any, ...]]]:
    """Return the lines of each table: a function and its arguments."""
    sizes, size = (1, chosen.services), chosen.instances
    return {
        "view": [(view, face, count, size) for face in FACES for count in sizes],
        "change": [(change, face, chosen.views, shared) for face in FACES for shared in (True, False)],
    }


# --- one view of many services


async def view(face: str, services: int, size: int) -> Row:
    """Measure opening a view of one service, and the memory that it holds."""
    async with scene(face) as here:
        await fill(here.etcd, services, size)
        registry = REGISTRIES[face](here.etcd)
        await settle((await settle(registry.subscribe(SERVICE))).close())  # what only the first one costs
        before, times = memory(), list[float]()
        for _ in range(TIMES):
            begin = perf_counter()
            opened = await settle(registry.subscribe(SERVICE))
            times.append(perf_counter() - begin)
            assert len(opened.instances) == size
            await settle(opened.close())
        views = [await settle(REGISTRIES[face](here.etcd).subscribe(SERVICE)) for _ in range(TIMES)]
        grown = memory() - before
        for one in views:
            await settle(one.close())
        return {"services": services, "instances": size, "ms": median(times) * 1e3, "KB/view": grown / TIMES}


async def fill(etcd: Any, services: int, size: int) -> None:
    """Write that many services, as other programs do."""
    value = json.dumps({"host": "10.0.0.1", "port": 8080, "metadata": {"zone": "a"}, "ttl": 60})
    for number in range(services):
        puts = [ops.put(f"services/service-{number}/{one:03}").value(value) for one in range(size)]
        await settle(etcd.batch(puts))


# --- a change on its way


class Arrivals:
    """When the last of many views has reported a change."""

    def __init__(self, views: int) -> None:
        self._views, self._left, self._lock = views, views, threading.Lock()
        self._all, self.last = threading.Event(), 0.0

    def __call__(self, _: object) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self.last = perf_counter()
                self._all.set()

    async def wait(self) -> float:
        """Return when that was, and start to count the next change."""
        assert await asyncio.to_thread(self._all.wait, BOUND)
        self._all.clear()
        self._left = self._views
        return self.last


async def change(face: str, views: int, shared: bool) -> Row:
    """Measure an update from before its call until the last view has reported it.

    The views are those of one ``shared`` registry, or each of its own.
    """
    async with scene(face) as here:
        registry = REGISTRIES[face](here.etcd)
        own = await settle(registry.register(SERVICE, ttl=60))
        arrivals, lags = Arrivals(views), list[float]()
        registries = [registry if shared else REGISTRIES[face](here.etcd) for _ in range(views)]
        opened = [(await settle(each.subscribe(SERVICE))).on("change", arrivals) for each in registries]
        for number in range(TIMES):
            begin = perf_counter()
            await settle(own.update({"number": number}))
            lags.append(await arrivals.wait() - begin)
        for each in opened:
            await settle(each.close())
        await settle(own.deregister())
        return {
            "views": views,
            "registries": 1 if shared else views,
            "changes": TIMES,
            "median ms": median(lags) * 1e3,
            "most ms": max(lags) * 1e3,
        }


if __name__ == "__main__":
    main()
