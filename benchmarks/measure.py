"""Rounds in which the sides of a comparison take turns, and the ratios of their costs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter, process_time

Costs = dict[str, float]  # by unit
Side = Callable[[], Costs]
Round = dict[str, Costs]  # by side


def timed(body: Callable[[], object], calls: int = 1) -> Side:
    """Return a side whose costs are the CPU time of this process and the wall-clock time, in µs per call."""

    def side() -> Costs:
        gc.collect()
        wall, cpu = perf_counter(), process_time()
        body()
        cpu, wall = process_time() - cpu, perf_counter() - wall
        return {"cpu µs": cpu / calls * 1e6, "wall µs": wall / calls * 1e6}

    return side


def lagging(body: Callable[[], Sequence[float]]) -> Side:
    """Return a side whose body returns latencies in seconds; its costs are their median and the CPU time of each."""

    def side() -> Costs:
        gc.collect()
        cpu, lags = process_time(), body()
        return {"cpu µs": (process_time() - cpu) / len(lags) * 1e6, "wall µs": median(lags) * 1e6}

    return side


def rounds(sides: Mapping[str, Side], count: int, turns: int) -> Iterator[Round]:
    """Yield what each side costs in each round, after a warm-up turn of each."""
    for side in sides.values():
        side()
    for number in range(count if sides else 0):
        yield play(sides, number, turns)


def play(sides: Mapping[str, Side], number: int, turns: int) -> Round:
    """Run one round: each side has its turns, another one begins each time, and the median turn counts."""
    orders = [rotated(list(sides), number + turn) for turn in range(turns)]
    laps = [{name: sides[name]() for name in order} for order in orders]
    return {name: medians([lap[name] for lap in laps]) for name in sides}


def medians(costs: Sequence[Costs]) -> Costs:
    """Return the median in each unit."""
    return {unit: median(cost[unit] for cost in costs) for unit in costs[0]}


def rotated(names: list[str], by: int) -> list[str]:
    """Return the names in the same circular order, beginning with another one."""
    start = by % len(names)
    return names[start:] + names[:start]


def constant(unit: str, value: float) -> Side:
    """Return a side with a fixed cost."""
    return lambda: {unit: value}


@dataclass(frozen=True)
class Bar:
    """What a side of a case is compared with: another side, in a unit, and the highest or the lowest ratio to it.

    Without one of both it only reports. ``table`` says that it belongs to the table of ``--table``.
    """

    side: str
    unit: str
    most: float | None = None
    least: float | None = None
    ours: str = "ours"
    table: bool = False

    @property
    def wanted(self) -> str:
        """Return the bar as text."""
        if self.most is not None:
            return f"<= {self.most:g}"
        return "" if self.least is None else f">= {self.least:g}"

    def verdict(self, ratio: float) -> str:
        """Return whether a ratio is within the bar, as text."""
        if not self.wanted:
            return ""
        low, high = self.least or 0.0, float("inf") if self.most is None else self.most
        return "met" if low <= ratio <= high else "NOT MET"


@dataclass(frozen=True)
class Figure:
    """What a side of a case costs in a unit, over all rounds."""

    case: str
    side: str
    unit: str
    median: float
    least: float
    most: float


def measured(case: str, bars: Sequence[Bar], laps: list[Round]) -> list[Ratio]:
    """Return the ratios of a case, apart from sides that were left out."""
    return [Ratio.of(case, bar, laps) for bar in bars if laps and {bar.side, bar.ours} <= laps[0].keys()]


def figures(case: str, laps: Sequence[Round]) -> Iterator[Figure]:
    """Yield the figures of each side of a case."""
    for side, costs in laps[0].items() if laps else ():
        for unit in costs:
            values = [lap[side][unit] for lap in laps]
            yield Figure(case, side, unit, median(values), min(values), max(values))


@dataclass(frozen=True)
class Ratio:
    """Our costs divided by those of another side, for each round."""

    case: str
    bar: Bar
    ours: float
    other: float
    ratios: list[float]

    @classmethod
    def of(cls, case: str, bar: Bar, laps: list[Round]) -> Ratio:
        """Return the ratio of a case, from its rounds."""
        pairs = [(lap[bar.ours][bar.unit], lap[bar.side][bar.unit]) for lap in laps]
        ours, other = (median(side) for side in zip(*pairs, strict=True))
        return cls(case, bar, ours, other, [a / b for a, b in pairs])

    @property
    def median(self) -> float:
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """Return whether the median is within the bar, as text."""
        return self.bar.verdict(self.median)

    def as_dict(self) -> dict[str, object]:
        """Return everything, for a file."""
        return asdict(self) | {"median": self.median, "verdict": self.verdict}
