"""What merging concurrent calls changes: ``python -m benchmarks.merging [--rounds N] [--face FACE] [--json FILE]``.

For gets and puts of different keys, with 1 to 256 in flight: the median and the 99th percentile of a call's latency and
the calls a second, with ``batching`` off, ``reads`` and ``all``. The three take turns in each round, another one begins
each time, and each figure is the median of the rounds; a ratio is that to no merging in the same round.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.testing import EtcdServer

from .measure import rotated
from .world import VALUE

MODES: dict[str, Any] = {"off": False, "reads": "reads", "all": "all"}
IN_FLIGHT = (1, 4, 16, 64, 256)
CALLS = 4_000  # in a turn; fewer with few callers
FEWEST = 100  # calls of one caller
TIMEOUT = 30.0  # seconds
KINDS: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda etcd, key: etcd.get(key).string(),
    "put": lambda etcd, key: etcd.put(key).value(VALUE),
}
HEAD = ("face", "call", "in flight", "batching", "p50 µs", "p99 µs", "calls/s", "p50 ratio", "p99 ratio", "calls ratio")
WIDTHS = ("<10", "<6", ">9", ">10", ">10", ">10", ">10", ">11", ">11", ">13")

Turn = Callable[[Callable[[Any, str], Any], int], "Lap"]


@dataclass(frozen=True)
class Lap:
    """The figures of one turn: latencies in µs, and calls a second."""

    p50: float
    p99: float
    rate: float

    @classmethod
    def of(cls, lags: list[float], seconds: float) -> Lap:
        return cls(median(lags) * 1e6, quantiles(lags, n=100)[98] * 1e6, len(lags) / seconds)

    def over(self, other: Lap) -> Lap:
        """Return the ratios to another one."""
        return Lap(self.p50 / other.p50, self.p99 / other.p99, self.rate / other.rate)


@dataclass(frozen=True)
class Row:
    """The medians of one kind of call, with so many in flight, in one mode."""

    face: str
    kind: str
    in_flight: int
    mode: str
    figures: Lap
    ratios: Lap

    def cells(self) -> tuple[str, ...]:
        figures = [f"{number:,.0f}" for number in vars(self.figures).values()]
        ratios = [f"{number:.2f}" for number in vars(self.ratios).values()]
        return (self.face, self.kind, str(self.in_flight), self.mode, *figures, *ratios)


def times(in_flight: int) -> int:
    """Return how many calls each caller makes."""
    return max(CALLS // in_flight, FEWEST) if in_flight > 1 else CALLS // 4


@contextmanager
def blocking(host: str) -> Iterator[dict[str, Turn]]:
    """Open a blocking client for each mode."""
    with ExitStack() as stack:
        given = {"hosts": host, "timeout": TIMEOUT}
        clients = {name: stack.enter_context(ETCDService({**given, "batching": mode})) for name, mode in MODES.items()}
        yield {name: partial(in_threads, client) for name, client in clients.items()}


def in_threads(etcd: ETCDService, call: Callable[[Any, str], Any], in_flight: int) -> Lap:
    """Make calls in so many threads."""
    lags: list[list[float]] = [[] for _ in range(in_flight)]
    gate = threading.Barrier(in_flight + 1)

    def work(number: int) -> None:
        key, mine = f"merging/{number}", lags[number]
        gate.wait()
        for _ in range(times(in_flight)):
            begin = perf_counter()
            call(etcd, key)
            mine.append(perf_counter() - begin)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(in_flight)]
    for thread in threads:
        thread.start()
    gc.collect()
    gate.wait()
    begin = perf_counter()
    for thread in threads:
        thread.join()
    return Lap.of([lag for one in lags for lag in one], perf_counter() - begin)


@contextmanager
def tasks(host: str) -> Iterator[dict[str, Turn]]:
    """Open an asyncio client for each mode."""
    with ExitStack() as stack:
        loop = asyncio.new_event_loop()
        stack.callback(loop.close)
        given = {"hosts": host, "timeout": TIMEOUT}
        clients = {name: AsyncETCDService({**given, "batching": mode}) for name, mode in MODES.items()}
        yield {
            name: lambda call, in_flight, client=client: loop.run_until_complete(in_tasks(client, call, in_flight))
            for name, client in clients.items()
        }
        for client in clients.values():
            loop.run_until_complete(client.aclose())


async def in_tasks(etcd: AsyncETCDService, call: Callable[[Any, str], Any], in_flight: int) -> Lap:
    """Make calls in so many tasks."""
    lags: list[float] = []

    async def work(number: int) -> None:
        key = f"merging/{number}"
        for _ in range(times(in_flight)):
            begin = perf_counter()
            await call(etcd, key)
            lags.append(perf_counter() - begin)

    gc.collect()
    begin = perf_counter()
    await asyncio.gather(*map(work, range(in_flight)))
    return Lap.of(lags, perf_counter() - begin)


FACES = {"blocking": blocking, "asyncio": tasks}


def measure(face: str, turns: dict[str, Turn], kind: str, in_flight: int, rounds: int) -> list[Row]:
    """Return the rows of all modes."""
    laps: dict[str, list[Lap]] = {mode: [] for mode in turns}
    for number in range(rounds + 1):  # the first one warms up
        for mode in rotated(list(turns), number):
            laps[mode].append(turns[mode](KINDS[kind], in_flight))
    sound = {mode: found[1:] for mode, found in laps.items()}
    ratios = {
        mode: [lap.over(off) for lap, off in zip(found, sound["off"], strict=True)] for mode, found in sound.items()
    }
    return [Row(face, kind, in_flight, mode, medians(sound[mode]), medians(ratios[mode])) for mode in turns]


def medians(laps: list[Lap]) -> Lap:
    """Return the median of each figure."""
    return Lap(*(median(getattr(lap, name) for lap in laps) for name in ("p50", "p99", "rate")))


def line(cells: tuple[str, ...]) -> str:
    return "".join(format(cell, width) for cell, width in zip(cells, WIDTHS, strict=True))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.merging", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="run N rounds of each case")
    parser.add_argument("--face", action="append", choices=list(FACES), help="only this face")
    parser.add_argument("--in-flight", type=int, action="append", metavar="N", help="only with N calls in flight")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser.parse_args()


def main() -> None:
    options, rows = arguments(), list[Row]()
    print(line(HEAD))
    with EtcdServer() as server:
        for face in options.face or FACES:
            with FACES[face](server.endpoint) as turns:
                for in_flight in options.in_flight or IN_FLIGHT:
                    for kind in KINDS:
                        rows += measure(face, turns, kind, in_flight, options.rounds)
                        print(*(line(row.cells()) for row in rows[-len(MODES) :]), sep="\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    sys.exit(main())
