"""What was measured, as lines of text, as tables in markdown, and as figures in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

from .measure import Figure, Ratio

COLUMNS = ("case", "ours", "against", "unit", "ours", "other", "ratio", "min", "max", "bar", "")


@dataclass
class Report:
    """The ratios and the figures of all cases, and why sides were left out."""

    ratios: list[Ratio] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def text(self) -> Iterator[str]:
        """Yield the ratios as lines."""
        rows = [COLUMNS, *map(row, self.ratios)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for cells in rows:
            names = [cell.ljust(width) for cell, width in zip(cells[:4], widths, strict=False)]
            numbers = [cell.rjust(width) for cell, width in zip(cells[4:], widths[4:], strict=True)]
            yield "  ".join([*names, *numbers]).rstrip()
        yield from map("left out: {}".format, self.absent)

    def markdown(self) -> Iterator[str]:
        """Yield the ratios that belong to the table, then the figures of every side."""
        yield from markdown(COLUMNS, [row(ratio) for ratio in self.ratios if ratio.bar.table])
        for units, figures in by_units(self.figures).items():
            yield ""
            yield from markdown(("case", "side", *units), figure_rows(units, figures))
        yield ""
        yield from map("Left out: {}.".format, self.absent)

    def as_dict(self) -> dict[str, object]:
        """Return everything, for a file."""
        return {
            "ratios": [ratio.as_dict() for ratio in self.ratios],
            "figures": [asdict(figure) for figure in self.figures],
            "left out": self.absent,
        }


def row(ratio: Ratio) -> tuple[str, ...]:
    """Return the cells of a ratio."""
    bar, spread = ratio.bar, (ratio.median, min(ratio.ratios), max(ratio.ratios))
    costs, ratios = map(number, (ratio.ours, ratio.other)), [f"{value:.2f}" for value in spread]
    return (ratio.case, bar.ours, bar.side, bar.unit, *costs, *ratios, bar.wanted, ratio.verdict)


def by_units(figures: Iterable[Figure]) -> dict[tuple[str, ...], list[Figure]]:
    """Return the figures of cases that have the same units, which make one table."""
    cases: dict[str, list[Figure]] = {}
    for figure in figures:
        cases.setdefault(figure.case, []).append(figure)
    found: dict[tuple[str, ...], list[Figure]] = {}
    for case in cases.values():
        found.setdefault(tuple(dict.fromkeys(figure.unit for figure in case)), []).extend(case)
    return found


def figure_rows(units: Sequence[str], figures: Iterable[Figure]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each side of each case: the median in each unit, and the least and the most."""
    sides: dict[tuple[str, str], dict[str, str]] = {}
    for figure in figures:
        least, median, most = map(number, (figure.least, figure.median, figure.most))
        sides.setdefault((figure.case, figure.side), {})[figure.unit] = f"{median} ({least} - {most})"
    for side, cells in sides.items():
        yield (*side, *[cells.get(unit, "") for unit in units])


def number(value: float) -> str:
    """Return a number with as many digits as matter."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table."""
    for cells in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(cells)} |"
