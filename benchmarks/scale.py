"""Many clients, leases, watches, and an outage: ``python -m benchmarks.scale [--only NAME] [--leases N] ...``.

Each line runs in a process of its own with a server of its own, so that CPU time and memory are the client's alone.
Streams and renewals are counted by the server (/metrics). Nothing fails if a bar is not met.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

from . import scenarios
from .scene import FACES

FILES = 10_000  # that are open at once

Row = dict[str, object]


def main() -> None:
    options = arguments()
    for name, lines in plan(options).items():
        if not options.only or name in options.only:
            print(*table(name, [apart(body, *args) for body, *args in lines]), sep="\n", end="\n\n", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=["clients", "leases", "watches", "away"])
    parser.add_argument("--clients", type=int, default=1000, metavar="N", help="clients of one factory")
    parser.add_argument("--leases", type=int, default=1000, metavar="N", help="leases kept alive concurrently")
    parser.add_argument(
        "--seconds", type=float, default=60, metavar="S", help="seconds that they are kept alive under load"
    )
    parser.add_argument("--watches", type=int, default=1000, metavar="N", help="watches of one client")
    parser.add_argument("--away", type=float, default=10, metavar="S", help="seconds of the outage")
    return parser.parse_args()


def plan(options: argparse.Namespace) -> dict[str, list[tuple[Any, ...]]]:
    """Return what to run for each line of each table."""
    transports = [("h2", True), ("h2", False), ("grpc", True)]
    return {
        "clients": [(scenarios.clients, face, options.clients, *how) for face in FACES for how in transports],
        "leases": [(scenarios.leases, face, options.leases, options.seconds) for face in FACES],
        "watches": [
            (scenarios.watches, face, options.watches, handlers) for face in FACES for handlers in (False, True)
        ],
        "away": [(scenarios.away, face, outage, options.away) for face in FACES for outage in scenarios.OUTAGES],
    }


def apart(body: Callable[..., Coroutine[Any, Any, Row]], face: str, *args: Any) -> Row:
    """Run one line in a new process."""
    print(body.__name__, face, *args, file=sys.stderr)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return {"face": face, **pool.submit(run, body, face, *args).result()}


def run(body: Callable[..., Coroutine[Any, Any, Row]], *args: Any) -> Row:
    allow_files()
    return asyncio.run(body(*args))


def allow_files() -> None:
    """Let this process and its server have as many sockets as many clients need, where the system limits them."""
    with suppress(ImportError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def table(name: str, rows: list[Row]) -> Iterator[str]:
    """Yield the rows as lines of text, after a heading."""
    cells = [list(rows[0]), *[[shown(value) for value in row.values()] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    yield f"{name}:"
    for line in cells:
        yield "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))


def shown(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
