"""What callers were told, whether any order of their calls explains it, and what went on below."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, defaultdict
from functools import partial
from math import inf

from attrs import frozen

from etcd_factory import errors

BOUND = 60
NORMAL = 0.25  # seconds that a call may take on a busy machine; only figures depend on it


@frozen
class Call:
    """One call that has ended, and what its caller was told; ``mark`` is what the caller knows it by."""

    kind: str
    begin: float
    end: float
    answer: object
    error: errors.EtcdError | None
    mark: object

    @property
    def fate(self):
        """What the caller may believe of it."""
        if self.error is None:
            return "done"
        return "maybe" if self.error.maybe_applied else "not done"

    @property
    def normal(self):
        return self.error is None and self.end - self.begin < NORMAL


class Change:
    """Wakes those who wait for something to have happened, in whatever thread."""

    def __init__(self):
        self._condition = threading.Condition()

    def tell(self):
        with self._condition:
            self._condition.notify_all()

    async def until(self, condition):
        assert await asyncio.to_thread(self._wait, condition), "it did not happen"

    def _wait(self, condition):
        with self._condition:
            return self._condition.wait_for(condition, BOUND)


class History(Change):
    """The calls of one client, in the order of their ends."""

    def __init__(self, face):
        super().__init__()
        self.face, self.calls = face, []

    async def call(self, kind, request, mark=None):
        """The request done, and noted whatever becomes of it."""
        begin, answer, error = time.monotonic(), None, None
        try:
            answer = await self.face.begin(request)
        except errors.EtcdError as caught:
            error = caught
        call = Call(kind, begin, time.monotonic(), answer, error, mark)
        self.calls.append(call)
        self.tell()
        return call

    async def more(self, count):
        """Wait until so many more have ended."""
        wanted = len(self.calls) + count
        await self.until(lambda: len(self.calls) >= wanted)

    async def begun(self, when):
        """Wait until one that was begun then or later has ended."""
        await self.until(lambda: self.calls[-1].begin >= when)

    def since(self, when):
        """Those begun from then on."""
        return [call for call in self.calls if call.begin >= when]

    def figures(self, fault):
        """How long calls were not normal after a fault."""
        figures = {"calls": len(self.calls)}
        for kind in sorted({call.kind for call in self.calls}):
            calls = [call for call in self.calls if call.kind == kind and not call.normal and call.end > fault]
            figures[f"{kind}s that failed"] = sum(call.error is not None for call in calls)
            figures[f"{kind}s not normal for, s"] = round(max((call.end for call in calls), default=fault) - fault, 3)
        later = [call.normal for call in self.calls if call.end > fault + 1]
        figures["normal of those that ended a second later, %"] = round(100 * sum(later) / len(later), 2)
        return figures


class Streams(Change):
    """The streams that a client opens: when, by the name of the call, and the renewals that were answered on them."""

    def __init__(self, client):
        super().__init__()
        self.opened, self.renewed = defaultdict(list), Counter()
        io = client._run.client.io
        self._open, io.stream = io.stream, self._stream

    async def opens(self, name, count):
        """Wait until so many more of that name were opened; gives when."""
        before = len(self.opened[name])
        await self.until(lambda: len(self.opened[name]) >= before + count)
        return self.opened[name][before : before + count]

    async def renews(self, count, *leases):
        """Wait for so many more renewals of each."""
        wanted = {lease.id: self.renewed[lease.id] + count for lease in leases}
        await self.until(lambda: all(self.renewed[lease] >= least for lease, least in wanted.items()))

    async def _stream(self, host, method, *rest):
        self.opened[method.name].append(time.monotonic())
        self.tell()
        stream = await self._open(host, method, *rest)
        stream.receive = partial(self._receive, stream.receive)
        return stream

    async def _receive(self, receive):
        message = await receive()
        if getattr(message, "TTL", 0) > 0:
            self.renewed[message.ID] += 1
            self.tell()
        return message


def crash(member):
    """Kill a member that is writing. It loses its data too; where it is started again, others hand it theirs.

    One before 3.5.3 that dies in the midst of a write may come back without it, and count its revisions otherwise than
    the others from then on (etcd-io/etcd#13766): no client could tell what is true.
    """
    member.wipe()


def note(request, figures):
    """The figures of a run, in the report of the tests."""
    print(request.node.callspec.id, *(f"{name}: {figure}" for name, figure in figures.items()), sep="; ")
    request.node.user_properties.extend(figures.items())


@frozen
class Step:
    """A call on a register: ``read`` found ``value``, ``write`` set it, ``swap`` set it where it was ``expected``.

    One that is not ``sure`` has no answer: it may have happened at any time since its begin, may do so yet, or never. A
    swap with ``hit`` false was answered that something else stood there.
    """

    kind: str
    begin: float
    end: float
    value: object
    expected: object = None
    hit: bool = True
    sure: bool = True

    def fits(self, value):
        """Whether it may happen where this is the value."""
        if self.kind == "read":
            return value == self.value
        return self.kind == "write" or (value == self.expected) == self.hit

    def leaves(self, value):
        """The value after it."""
        return self.value if self.hit and self.kind != "read" else value


def explained(steps, value=None):
    """Whether one order of the steps, each at a time between its begin and its end, gives every answer.

    The search of Wing and Gong, which never looks twice at what the same steps have left behind (Lowe).
    """
    steps = sorted(steps, key=lambda step: step.begin)
    sure = sum(1 << number for number, step in enumerate(steps) if step.sure)
    todo, seen = [(0, value)], {(0, value)}
    while todo:
        done, value = todo.pop()
        if done & sure == sure:
            return True
        next_ones = [(done | 1 << n, steps[n].leaves(value)) for n in possible(steps, done) if steps[n].fits(value)]
        todo += [one for one in next_ones if one not in seen]
        seen.update(next_ones)
    return False


def possible(steps, done):
    """The steps that may come next: of those left, none had ended before it began. Sure ones come last."""
    left = [number for number in range(len(steps)) if not done >> number & 1]
    limit = min((steps[number].end for number in left if steps[number].sure), default=inf)
    begun = [number for number in left if steps[number].begin <= limit]
    return sorted(begun, key=lambda number: (steps[number].sure, -steps[number].end))
