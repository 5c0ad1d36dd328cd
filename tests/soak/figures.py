"""What a soak prints: how calls ended, the faults, the longest outage, the violations."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

OUTCOMES = ("done", "maybe", "not done")
ROW = "  {:<12}{:>9}{:>9}{:>9}{:>12}  {}"
HEAD = ("call", *OUTCOMES, "outage, s", "errors")
SHOWN = 20  # violations


def lines(plan, scene, faults):
    """Return the report as lines."""
    kills = f"no kills: {plan.refusal}" if plan.refusal else "with kills"
    others = [f"{name}: {number}" for name, number in sorted(scene.figures.items())]
    return [
        f"{plan.face}, etcd {plan.version}, {plan.seconds:g} s, seed {plan.seed}, ttl {plan.ttl} s; {kills}",
        *calls([call for history in scene.histories for call in history.calls]),
        f"faults: {listed(faults.counts)}",
        f"  of these the cluster refused: {listed(faults.failed) or 'none'}",
        *others,
        *watches(scene),
        *violations(scene, faults),
    ]


def listed(counts):
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))


def calls(found):
    """Return a table of the calls: by kind how many ended how, and the longest time without one that succeeded."""
    by_kind = defaultdict(list)
    for call in found:
        by_kind[call.kind].append(call)
    return [ROW.format(*HEAD), *(row(kind, by_kind[kind]) for kind in sorted(by_kind)), row("all", found)]


def row(kind, found):
    ended = Counter(call.outcome for call in found)
    errors = Counter(type(call.error).__name__ for call in found if call.error)
    return ROW.format(kind, *(ended[one] for one in OUTCOMES), f"{outage(found):.2f}", listed(errors)).rstrip()


def outage(found):
    """Return the longest time between two calls that succeeded, one after the other."""
    ends = sorted(call.end for call in found if call.error is None)
    return max((two - one for one, two in pairwise(ends)), default=0.0)


def watches(scene):
    """Return a line on the events of each watch."""
    counts = [(watch.name, len(watch.events), sum(event.resync for event in watch.events)) for watch in scene.watches]
    texts = [f"{name} {events}" + (f" ({again} by reading again)" if again else "") for name, events, again in counts]
    return [f"events of watches: {', '.join(texts)}"]


def violations(scene, faults):
    """Return the violations, each with its history, and the faults that came before."""
    found = scene.violations
    if not found:
        return ["violations: none"]
    shown = [f"  {violation}" for violation in found[:SHOWN]]
    return [f"violations: {len(found)}", *shown, "the faults:", *(f"  {entry}" for entry in faults.log)]
