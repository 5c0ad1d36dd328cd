"""Histories of concurrent calls: how each ended, and whether one order of the calls explains it."""

from __future__ import annotations

import asyncio
import threading
import time
from math import inf

from attrs import frozen

from etcd_factory import errors

BOUND = 60  # seconds after which what a test waits for has failed
NORMAL = 0.25  # seconds that a call may take on a busy machine; only figures depend on it

# the versions that a key may have after it was written once, by the outcome of that call
VERSIONS = {"done": {1}, "maybe": {0, 1}, "not done": {0}}


def outcome(error):
    """Return what the caller of a write knows: "done", "maybe" applied, or "not done"."""
    if error is None:
        return "done"
    return "maybe" if error.maybe_applied else "not done"


@frozen
class Call:
    """One call that has ended, and its result or error; ``tag`` is what the test knows it by."""

    kind: str
    begin: float
    end: float
    result: object
    error: errors.EtcdError | None
    tag: object

    @property
    def outcome(self):
        return outcome(self.error)

    @property
    def is_normal(self):
        return self.error is None and self.end - self.begin < NORMAL


class Waitable:
    """Lets a test wait for a condition; whoever changes something calls ``notify``, in any thread."""

    def __init__(self):
        self._changed = threading.Condition()

    def notify(self):
        with self._changed:
            self._changed.notify_all()

    async def until(self, condition):
        """Wait until the condition holds; it is checked again at each ``notify``."""
        assert await asyncio.to_thread(self._wait, condition), f"not within {BOUND} s"

    def _wait(self, condition):
        with self._changed:
            return self._changed.wait_for(condition, BOUND)


class History(Waitable):
    """The calls of one client, in the order in which they ended."""

    def __init__(self, face):
        super().__init__()
        self.face, self.calls = face, []

    async def call(self, kind, request, tag=None):
        """Make a call and record how it ended."""
        begin, result, error = time.monotonic(), None, None
        try:
            result = await self.face.begin(request)
        except errors.EtcdError as caught:
            error = caught
        call = Call(kind, begin, time.monotonic(), result, error, tag)
        self.calls.append(call)
        self.notify()
        return call

    async def until_ended(self, count):
        """Wait until so many more calls have ended."""
        wanted = len(self.calls) + count
        await self.until(lambda: len(self.calls) >= wanted)

    async def until_begun(self, when):
        """Wait until a call has ended that began at this time or later."""
        await self.until(lambda: self.calls[-1].begin >= when)

    def since(self, when):
        """Return the calls that began at this time or later."""
        return [call for call in self.calls if call.begin >= when]

    def figures(self, fault):
        """Return figures about the calls after a fault, by name."""
        figures = {"calls": len(self.calls)}
        for kind in sorted({call.kind for call in self.calls}):
            calls = [call for call in self.calls if call.kind == kind and not call.is_normal and call.end > fault]
            figures[f"{kind}s that failed"] = sum(call.error is not None for call in calls)
            figures[f"{kind}s not normal for, s"] = round(max((call.end for call in calls), default=fault) - fault, 3)
        later = [call.is_normal for call in self.calls if call.end > fault + 1]
        figures["normal of those that ended a second later, %"] = round(100 * sum(later) / len(later), 2)
        return figures


def report(request, figures):
    """Add figures to the report of the tests."""
    print(request.node.callspec.id, *(f"{name}: {figure}" for name, figure in figures.items()), sep="; ")
    request.node.user_properties.extend(figures.items())


# --- linearizability


@frozen
class Step:
    """A call on a register: ``read`` found ``value``, ``write`` set it, ``swap`` set it if it was ``expected``.

    One that is not ``certain`` has no response: it may have happened at any time since its begin, may happen later, or
    never. A swap that did not ``match`` found another value than it expected.
    """

    kind: str
    begin: float
    end: float
    value: object
    expected: object = None
    match: bool = True
    certain: bool = True

    def fits(self, value):
        """Return whether it may happen when the register has this value."""
        if self.kind == "read":
            return value == self.value
        return self.kind == "write" or (value == self.expected) == self.match

    def apply(self, value):
        """Return the value of the register after it."""
        return self.value if self.match and self.kind != "read" else value


def is_linearizable(steps, value=None):
    """Return whether one order of the steps, each at a time between its begin and its end, explains every response.

    The search of Wing and Gong, which never visits the same steps with the same value twice (Lowe).
    """
    steps = sorted(steps, key=lambda step: step.begin)
    certain = sum(1 << number for number, step in enumerate(steps) if step.certain)
    todo, seen = [(0, value)], {(0, value)}
    while todo:
        done, value = todo.pop()
        if done & certain == certain:
            return True
        states = [(done | 1 << n, steps[n].apply(value)) for n in candidates(steps, done) if steps[n].fits(value)]
        todo += [state for state in states if state not in seen]
        seen.update(states)
    return False


def candidates(steps, done):
    """Return the steps that may come next: none of those left had ended before it began. Certain ones come last."""
    left = [number for number in range(len(steps)) if not done >> number & 1]
    limit = min((steps[number].end for number in left if steps[number].certain), default=inf)
    begun = [number for number in left if steps[number].begin <= limit]
    return sorted(begun, key=lambda number: (steps[number].certain, -steps[number].end))
