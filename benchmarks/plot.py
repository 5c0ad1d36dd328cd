"""Draw throughput and p99 over the calls in flight: ``python -m benchmarks.plot FIGURES [--to FILE]``.

``FIGURES`` is what ``python -m benchmarks --table --json FIGURES`` has written. Needs matplotlib: the extra
``benchmarks``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .throughput import IN_FLIGHT, PEERS

TO = Path(__file__).parent.parent / "docs" / "throughput.svg"
PANELS = (("ops/s", "operations per second"), ("p99 ms", "99th percentile, ms"))
CALLS = ("get", "put")
STEADY = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}  # the same figures give the same file


def main() -> None:
    options = arguments()
    draw(json.loads(options.figures.read_text())["figures"], options.to)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.plot", description=__doc__)
    parser.add_argument("figures", type=Path, metavar="FIGURES")
    parser.add_argument("--to", type=Path, default=TO, metavar="FILE", help="by default docs/throughput.svg")
    return parser.parse_args()


def draw(figures: list[dict[str, Any]], to: Path) -> None:
    """Write the plot: a panel for each call and unit, a line for each client."""
    import matplotlib as mpl  # type: ignore[import-not-found]

    mpl.use("svg")
    mpl.rcParams.update(STEADY)
    from matplotlib import pyplot as plt

    known = {(one["case"], one["side"], one["unit"]): one for one in figures}
    sheet, axes = plt.subplots(len(PANELS), len(CALLS), figsize=(11, 8), sharex=True, layout="constrained")
    for line, (unit, label) in zip(axes, PANELS, strict=True):
        for panel, op in zip(line, CALLS, strict=True):
            panel.set(title=f"{op}, asyncio", ylabel=label, xscale="log", yscale="log")
            panel.set_xticks(IN_FLIGHT, map(str, IN_FLIGHT), minor=False)
            panel.grid(alpha=0.3)
            for side in PEERS["asyncio"]:
                plot(panel, [known.get((f"throughput {op} asyncio {level}", side, unit)) for level in IN_FLIGHT], side)
    axes[0][0].legend(fontsize="small")
    sheet.supxlabel("calls in flight (medians; bars from the least to the most of all rounds)")
    sheet.savefig(to, format="svg", metadata={"Date": None})


def plot(panel: Any, points: list[dict[str, Any] | None], side: str) -> None:
    """Draw the line of one client, where it was measured."""
    found = [(level, one) for level, one in zip(IN_FLIGHT, points, strict=True) if one]
    if not found:
        return
    levels, medians = zip(*[(level, one["median"]) for level, one in found], strict=True)
    below, above = zip(*[(one["median"] - one["least"], one["most"] - one["median"]) for _, one in found], strict=True)
    panel.errorbar(levels, medians, yerr=(below, above), label=side, marker="o", markersize=3, capsize=2, linewidth=1.2)


if __name__ == "__main__":
    main()
