"""How fast the service is beside grpcio alone: ``python -m benchmarks [--only NAME] [--rounds N] [--json FILE]``.

A ratio is ours by the other's, below 1 is faster; a bar is what its median should not exceed. It only reports.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import cases, imports, leases, mirrors, streams
from .measure import Ratio, rounds
from .world import World

Tick = Callable[[str], None]

ROOMS = (cases, imports, streams, leases, mirrors)
CASES = {name: case for room in ROOMS for name, case in room.CASES.items()}

COLUMNS = ("case", "against", "unit", "ours", "other", "median", "min", "max", "bar", "")
WIDTHS = ("<24", "<17", "<8", ">9", ">9", ">8", ">7", ">7", ">6", ">9")


def main() -> None:
    chosen = arguments()
    counts = {name: chosen.rounds or case.rounds for name, case in CASES.items() if wanted(name, chosen.only)}
    with ExitStack() as stack:
        tick = stack.enter_context(progress(sum(counts.values())))
        world = World(stack)
        found = [ratio for name, count in counts.items() for ratio in measured(name, world, count, tick)]
    print(*table(found), sep="\n")
    if chosen.json:
        chosen.json.write_text(json.dumps([ratio.figures() for ratio in found], indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="cases with this in their name")
    parser.add_argument("--rounds", type=int, metavar="N", help="instead of each case's own number")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def wanted(name: str, parts: Sequence[str]) -> bool:
    return not parts or any(part in name for part in parts)


def measured(name: str, world: World, count: int, tick: Tick) -> list[Ratio]:
    """The ratios of one case."""
    case, laps = CASES[name], []
    for lap in rounds(case.sides(world), count, case.turns):
        laps.append(lap)
        tick(name)
    return [Ratio.of(name, bar, laps) for bar in case.bars]


@contextmanager
def progress(total: int) -> Iterator[Tick]:
    """What is told of each round done, on stderr: a bar if rich is there, else lines."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield lambda name: print(name, file=sys.stderr)
        return
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=total)
        yield lambda name: shown.update(task, advance=1, description=name)


def table(found: Sequence[Ratio]) -> list[str]:
    """The ratios as lines of text."""
    return [line(cells) for cells in (COLUMNS, *map(row, found))]


def row(ratio: Ratio) -> tuple[str, ...]:
    figures = (ratio.ours, ratio.other), (ratio.median, min(ratio.ratios), max(ratio.ratios))
    bar = "" if ratio.bar.most is None else f"{ratio.bar.most:.2f}"
    plain, ratios = [f"{one:.1f}" for one in figures[0]], [f"{one:.2f}" for one in figures[1]]
    return (ratio.case, ratio.bar.side, ratio.bar.unit, *plain, *ratios, bar, ratio.verdict)


def line(cells: Sequence[str]) -> str:
    return "".join(format(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


if __name__ == "__main__":
    main()
