"""How well balancers choose, and how fast: ``python -m benchmarks.balancing [--only NAME] [--seconds N]``.

``latency``: ten instances, one of them ten times as slow, in virtual time: requests come at random, and each instance
works on some at a time; seeded, so that two runs give the same figures. ``pick``: picks and uses of a view with 10 and
with 1,000 instances, a second of CPU time. It only reports.
"""

from __future__ import annotations

import argparse
import threading
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random
from statistics import median, quantiles
from time import process_time
from typing import Any

from etcd_factory import ETCDService
from etcd_factory.core.face import Completed, Sync
from etcd_factory.options.mappings import BalancerName
from etcd_factory.registry import ServiceInstance, ServiceView
from etcd_factory.registry.balancers import BALANCERS
from etcd_factory.registry.picker import Picked, Picker
from etcd_factory.service import view_of

from .scale import table

Row = dict[str, object]

INSTANCES, WORKERS = 10, 8  # each works on so many requests at a time
SERVICE, SLOW = 0.01, 10  # seconds of a request on average, times as many on the slow instance
RATE = 500  # requests a second
SEEDS = range(5)
SIZES = (10, 1_000)
PICKS, ROUNDS = 100_000, 5


def main() -> None:
    chosen = arguments()
    tables = {
        "latency": lambda: [latency(name, chosen.seconds) for name in BALANCERS],
        "pick": lambda: [pick(name, size) for name in BALANCERS for size in SIZES],
    }
    for name, rows in tables.items():
        if not chosen.only or name in chosen.only:
            print(*table(name, rows()), sep="\n", end="\n\n", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.balancing", description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=["latency", "pick"])
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="of virtual time")
    return parser.parse_args()


# --- in virtual time


def latency(name: BalancerName, seconds: float) -> Row:
    """Return the latencies with one balancer, the median of some seeds, and what the slow instance got of all."""
    runs = [Simulation(name, seed) for seed in SEEDS]
    for run in runs:
        run.run(seconds)
    cuts = [quantiles(run.latencies, n=100) for run in runs]
    return {
        "balancer": name,
        "p50 ms": median(cut[49] for cut in cuts) * 1e3,
        "p99 ms": median(cut[98] for cut in cuts) * 1e3,
        "slow %": median(run.slow / len(run.latencies) for run in runs) * 100,
    }


class Simulation:
    """Clients of one view, and its instances, in virtual time."""

    lock = threading.Lock  # of the runtime that the picker gets

    def __init__(self, name: BalancerName, seed: int) -> None:
        self._chance, self._time = Random(seed), 0.0
        self.random = self._chance.random
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        runtime: Any = self
        self._picker = Picker(lambda: BALANCERS[name](0.0, self.now, self.random), runtime)
        self._picker.show(instances(INSTANCES))
        self._servers = {f"{number:03}": Server(self, slow=number == 0) for number in range(INSTANCES)}
        self.latencies: list[float] = []
        self.slow = 0

    def now(self) -> float:
        return self._time

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        heappush(self._events, (self._time + seconds, next(self._order), event))

    def work(self, mean: float) -> float:
        """Return how long a request takes, exponentially distributed."""
        return self._chance.expovariate(1 / mean)

    def run(self, seconds: float) -> None:
        self._arrive()
        while self._events and self._events[0][0] < seconds:
            self._time, _, event = heappop(self._events)
            event()

    def _arrive(self) -> None:
        picked = self._picker.pick(str(self._chance.random()))
        assert picked is not None
        instance, balancer = picked
        balancer.begin(instance)
        begin, server = self._time, self._servers[instance.id]
        server.add(lambda: self._end(picked, begin))
        self.slow += server.is_slow
        self.after(self._chance.expovariate(RATE), self._arrive)

    def _end(self, picked: Picked, begin: float) -> None:
        self.latencies.append(self._time - begin)
        self._picker.end(picked, self._time - begin, failed=False)


class Server:
    """An instance: some requests at a time, the others wait their turn."""

    def __init__(self, simulation: Simulation, slow: bool) -> None:
        self._simulation, self.is_slow = simulation, slow
        self._free, self._waiting = WORKERS, deque[Callable[[], None]]()

    def add(self, done: Callable[[], None]) -> None:
        self._waiting.append(done)
        self._begin()

    def _begin(self) -> None:
        if self._free and self._waiting:
            self._free -= 1
            done = self._waiting.popleft()
            seconds = self._simulation.work(SERVICE * (SLOW if self.is_slow else 1))
            self._simulation.after(seconds, lambda: self._end(done))

    def _end(self, done: Callable[[], None]) -> None:
        self._free += 1
        done()
        self._begin()


# --- as fast as it can


def pick(name: BalancerName, size: int, picks: int = PICKS) -> Row:
    """Measure picks and uses of a view, the best of some rounds."""
    with ETCDService() as etcd:
        source: Any = Source(size)
        run = view_of(etcd, ETCDService, "a benchmark")
        picker = Picker(BALANCERS[name], run.client.runtime)
        view: ServiceView[Sync] = ServiceView(run, source, picker, (), "up", Completed)
        return {
            "balancer": name,
            "instances": size,
            "picks/s": max(rate(view.pick, picks) for _ in range(ROUNDS)),
            "uses/s": max(rate(lambda key: used(view, key), picks) for _ in range(ROUNDS)),
        }


class Source:
    """Instances that never change, without a server."""

    inherited = False

    def __init__(self, size: int) -> None:
        self.instances = instances(size)

    def listen(self, listener: Callable[[], None]) -> None:
        listener()


def instances(size: int) -> tuple[ServiceInstance, ...]:
    return tuple(ServiceInstance("user", f"{number:03}", "h", number) for number in range(size))


def used(view: ServiceView[Sync], key: str) -> None:
    with view.use(key):
        pass


def rate(pick: Callable[[str], object], picks: int) -> float:
    """Return the picks per second of CPU time, which others on the machine change little."""
    begin = process_time()
    for _ in range(picks):
        pick("key")
    return picks / (process_time() - begin)


if __name__ == "__main__":
    main()
