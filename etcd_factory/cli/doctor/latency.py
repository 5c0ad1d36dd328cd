"""How long reads take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from time import monotonic

from etcd_factory.errors import PermissionDeniedError
from etcd_factory.service import ETCDService

from .finding import Finding, ok, warning

READS = 20
SLOW = 100.0  # milliseconds
BOUNDS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # milliseconds
WIDE = 40  # characters of the longest bar

ADVICE = "look at the network and at the members' disks (`backend_commit` and `wal_fsync` in /metrics)"


def measured(etcd: ETCDService, reads: int = READS) -> list[float]:
    """Return how many milliseconds each of some linearizable reads takes."""
    return [one_read(etcd) for _ in range(reads)]


def one_read(etcd: ETCDService) -> float:
    """Return how many milliseconds a linearizable read takes; a refusal is an answer too."""
    start = monotonic()
    with suppress(PermissionDeniedError):
        etcd.get("health").kv()
    return (monotonic() - start) * 1000


def quantile(sample: Sequence[float], share: float) -> float:
    """Return the value that this share of the sample does not exceed."""
    ordered = sorted(sample)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def judged(sample: Sequence[float]) -> Finding:
    """Return whether reads are fast enough."""
    half, most, longest = quantile(sample, 0.5), quantile(sample, 0.9), max(sample)
    message = (
        f"{len(sample)} linearizable reads: half within {half:.1f} ms, 90% within {most:.1f} ms, all {longest:.1f} ms"
    )
    return warning("latency", message, ADVICE) if half > SLOW else ok("latency", message)


def histogram(sample: Sequence[float]) -> dict[str, int]:
    """Return how many values there are up to each bound, without the empty ends."""
    limits = (0.0, *BOUNDS, float("inf"))
    counts = {
        f"<= {high:g} ms" if high != limits[-1] else f" > {low:g} ms": sum(low < one <= high for one in sample)
        for low, high in pairwise(limits)
    }
    names = list(counts)
    used = [place for place, name in enumerate(names) if counts[name]]
    return {name: counts[name] for name in names[used[0] : used[-1] + 1]} if used else {}


def bars(counts: dict[str, int]) -> Iterator[str]:
    """Yield a histogram as lines."""
    most = max(counts.values(), default=1)
    for name, number in counts.items():
        yield f"{name:>10} {'#' * round(WIDE * number / most)} {number}"
