"""Rounds in which the sides of a comparison take turns, and what came of them."""

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
    """A side that costs the CPU time of this process and the time on the wall, both by call and in µs."""

    def side() -> Costs:
        gc.collect()
        wall, cpu = perf_counter(), process_time()
        body()
        cpu, wall = process_time() - cpu, perf_counter() - wall
        return {"cpu µs": cpu / calls * 1e6, "wall µs": wall / calls * 1e6}

    return side


def lagging(body: Callable[[], Sequence[float]]) -> Side:
    """A side whose body tells the seconds that each thing took: it costs their median, and CPU time as ``timed``."""

    def side() -> Costs:
        gc.collect()
        cpu, lags = process_time(), body()
        return {"cpu µs": (process_time() - cpu) / len(lags) * 1e6, "wall µs": median(lags) * 1e6}

    return side


def rounds(sides: Mapping[str, Side], count: int, turns: int) -> Iterator[Round]:
    """What each side costs in each round, behind a turn of each that is not counted."""
    for side in sides.values():
        side()
    for number in range(count):
        yield played(sides, number, turns)


def played(sides: Mapping[str, Side], number: int, turns: int) -> Round:
    """One round: each side has its turns, another one begins each time, and the median turn counts."""
    orders = [turned(list(sides), number + turn) for turn in range(turns)]
    laps = [{name: sides[name]() for name in order} for order in orders]
    return {name: middle([lap[name] for lap in laps]) for name in sides}


def middle(costs: Sequence[Costs]) -> Costs:
    """The median in each unit."""
    return {unit: median(cost[unit] for cost in costs) for unit in costs[0]}


def turned(names: list[str], by: int) -> list[str]:
    """The names in the same ring, from another one on."""
    start = by % len(names)
    return names[start:] + names[:start]


@dataclass(frozen=True)
class Bar:
    """What a case is held against: a side, in a unit, and the ratio that it may cost; None only tells."""

    side: str
    unit: str
    most: float | None = None


@dataclass(frozen=True)
class Ratio:
    """What ours costs by what another side costs, round by round."""

    case: str
    bar: Bar
    ours: float
    other: float
    ratios: list[float]

    @classmethod
    def of(cls, case: str, bar: Bar, laps: list[Round]) -> Ratio:
        """From the rounds of a case."""
        pairs = [(lap["ours"][bar.unit], lap[bar.side][bar.unit]) for lap in laps]
        ours, other = (median(side) for side in zip(*pairs, strict=True))
        return cls(case, bar, ours, other, [a / b for a, b in pairs])

    @property
    def median(self) -> float:
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """Whether the median is within the bar."""
        if self.bar.most is None:
            return ""
        return "met" if self.median <= self.bar.most else "NOT MET"

    def figures(self) -> dict[str, object]:
        """All of it, for a file."""
        return asdict(self) | {"median": self.median, "verdict": self.verdict}
