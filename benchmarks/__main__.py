"""Compare the service with grpcio alone: ``python -m benchmarks [--only NAME] [--rounds N] [--json FILE]``.

A ratio is our cost divided by the other side's; below 1 is faster. A bar is the most that the median ratio should be.
Nothing fails if a bar is not met: the table only reports it.
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

GROUPS = (cases, imports, streams, leases, mirrors)
CASES = {name: case for group in GROUPS for name, case in group.CASES.items()}

COLUMNS = ("case", "against", "unit", "ours", "other", "median", "min", "max", "bar", "")
WIDTHS = ("<24", "<17", "<8", ">9", ">9", ">8", ">7", ">7", ">6", ">9")


def main() -> None:
    options = arguments()
    counts = {name: options.rounds or case.rounds for name, case in CASES.items() if selected(name, options.only)}
    with ExitStack() as stack:
        tick = stack.enter_context(progress(sum(counts.values())))
        world = World(stack)
        ratios = [ratio for name, count in counts.items() for ratio in measure(name, world, count, tick)]
    print(*table(ratios), sep="\n")
    if options.json:
        options.json.write_text(json.dumps([ratio.figures() for ratio in ratios], indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="run only cases whose name contains NAME"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="run N rounds of each case")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser.parse_args()


def selected(name: str, parts: Sequence[str]) -> bool:
    """Return whether a case is to run."""
    return not parts or any(part in name for part in parts)


def measure(name: str, world: World, count: int, tick: Tick) -> list[Ratio]:
    """Run one case and return its ratios."""
    case, laps = CASES[name], []
    for lap in rounds(case.sides(world), count, case.turns):
        laps.append(lap)
        tick(name)
    return [Ratio.of(name, bar, laps) for bar in case.bars]


@contextmanager
def progress(total: int) -> Iterator[Tick]:
    """Report each finished round on stderr: in a progress bar if rich is installed, else in lines."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield lambda name: print(name, file=sys.stderr)
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)


def table(ratios: Sequence[Ratio]) -> list[str]:
    """Return the ratios as lines of text."""
    return [line(cells) for cells in (COLUMNS, *map(row, ratios))]


def row(ratio: Ratio) -> tuple[str, ...]:
    figures = (ratio.ours, ratio.other), (ratio.median, min(ratio.ratios), max(ratio.ratios))
    bar = "" if ratio.bar.most is None else f"{ratio.bar.most:.2f}"
    costs, ratios = [f"{cost:.1f}" for cost in figures[0]], [f"{number:.2f}" for number in figures[1]]
    return (ratio.case, ratio.bar.side, ratio.bar.unit, *costs, *ratios, bar, ratio.verdict)


def line(cells: Sequence[str]) -> str:
    return "".join(format(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


if __name__ == "__main__":
    main()
