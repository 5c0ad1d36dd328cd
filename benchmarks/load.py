"""A job for a client: the same call repeated by many callers for a while; and what that costs.

``go/main.go`` does the same with etcd's Go client.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from .clients import Calls

Call = Callable[[int], Any]
Lags = list[float]  # seconds of each call

FOREVER, UNLIMITED = 1e9, 10**12


@dataclass(frozen=True)
class Job:
    """What to call: ``get``, ``put`` or ``lock``; on how many keys, in how many callers, how long or how often."""

    op: str
    prefix: str
    keys: int
    size: int = 100  # bytes of a value that is put
    in_flight: int = 1
    seconds: float = FOREVER
    calls: int = UNLIMITED


async def run(calls: Calls, job: Job) -> dict[str, float]:
    """Run a job, and return its costs by their units."""
    call = call_of(calls, job)
    gc.collect()
    wall, cpu = perf_counter(), process_time()
    lags = threaded(call, job) if calls.blocking else await awaited(call, job)
    cpu, wall = process_time() - cpu, perf_counter() - wall
    lags.sort()
    return {
        "ops/s": len(lags) / wall,
        "cpu µs": cpu / len(lags) * 1e6,
        "p50 ms": lags[len(lags) // 2] * 1e3,
        "p99 ms": lags[len(lags) * 99 // 100] * 1e3,
        "MB": memory() / 1024,
    }


def call_of(calls: Calls, job: Job) -> Call:
    """Return a function that makes one call, of the number that it is given."""
    keys, size, value = [f"{job.prefix}{number:05}" for number in range(job.keys)], job.keys, "v" * job.size
    get, put, lock = calls.get, calls.put, calls.lock
    return {
        "get": lambda number: get(keys[number % size]),
        "put": lambda number: put(keys[number % size], value),
        "lock": lambda _: lock(),
    }[job.op]


def turns(job: Job) -> Callable[[], Iterator[int]]:
    """Return the numbers of calls that each caller makes; all share one count and one end."""
    numbers, end = count(), perf_counter() + job.seconds

    def turn() -> Iterator[int]:
        while perf_counter() < end and (number := next(numbers)) < job.calls:
            yield number

    return turn


async def awaited(call: Call, job: Job) -> Lags:
    """Run the job in tasks."""
    lags, turn = Lags(), turns(job)

    async def caller() -> None:
        for number in turn():
            begin = perf_counter()
            await call(number)
            lags.append(perf_counter() - begin)

    await asyncio.gather(*[caller() for _ in range(job.in_flight)])
    return lags


def threaded(call: Call, job: Job) -> Lags:
    """Run the job in threads; one caller needs none."""
    lags, turn = Lags(), turns(job)

    def caller(_: int = 0) -> None:
        for number in turn():
            begin = perf_counter()
            call(number)
            lags.append(perf_counter() - begin)

    if job.in_flight == 1:
        caller()
        return lags
    with ThreadPoolExecutor(job.in_flight) as pool:
        list(pool.map(caller, range(job.in_flight)))
    return lags


def memory() -> float:
    """Return the KB that this process holds in memory."""
    gc.collect()
    status = Path("/proc/self/status")
    if status.exists():
        return float(status.read_text().partition("VmRSS:")[2].split()[0])
    import resource  # other systems report only the most that it has held so far

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
