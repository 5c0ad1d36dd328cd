"""Compare with grpcio alone and with other clients: ``python -m benchmarks [--only NAME] [--rounds N] [--json FILE]``.

A ratio is ours divided by the other side's: of a cost (µs, ms, MB) less is better, of ops/s more. A bar is the most or
the least that the median ratio should be. Nothing fails if a bar is not met: the table only reports it. ``--table``
runs what is compared with other clients, in about ten minutes, and prints markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import cases, hooks, imports, leases, mirrors, streams, throughput
from .measure import Round, figures, measured, rounds
from .report import Report
from .world import Case, World

Tick = Callable[[str], None]

GROUPS = (cases, hooks, throughput, imports, streams, leases, mirrors)
CASES: dict[str, Case] = {name: case for group in GROUPS for name, case in group.CASES.items()}
TABLE_ROUNDS = 5


def main() -> None:
    options = arguments()
    names = [name for name, case in CASES.items() if selected(name, case, options)]
    counts = {name: options.rounds or (TABLE_ROUNDS if options.table else CASES[name].rounds) for name in names}
    with ExitStack() as stack:
        tick = stack.enter_context(progress(sum(counts.values())))
        report = measure(World(stack), counts, tick)
    print(*(report.markdown() if options.table else report.text()), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(report.as_dict(), indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="run only cases whose name contains NAME"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="run N rounds of each case")
    parser.add_argument("--table", action="store_true", help="run the comparison with other clients; print markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE, also for benchmarks.plot")
    return parser.parse_args()


def selected(name: str, case: Case, options: argparse.Namespace) -> bool:
    """Return whether a case is to run."""
    if options.table and not any(bar.table for bar in case.bars):
        return False
    return not options.only or any(part in name for part in options.only)


def measure(world: World, counts: dict[str, int], tick: Tick) -> Report:
    """Run cases, each so many rounds."""
    report = Report()
    for name, count in counts.items():
        laps = list(played(name, world, count, tick))
        report.ratios += measured(name, CASES[name].bars, laps)
        report.figures += figures(name, laps)
    report.absent += world.absent
    return report


def played(name: str, world: World, count: int, tick: Tick) -> Iterator[Round]:
    """Yield the rounds of a case."""
    case = CASES[name]
    for lap in rounds(case.sides(world), count, case.turns):
        if not case.past:
            world.compact()
        yield lap
        tick(name)


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


if __name__ == "__main__":
    main()
