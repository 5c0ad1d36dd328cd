"""Which calls leave together, and when. Pure state: whoever uses it locks it, waits and sends.

A lane has the calls of one kind. One that finds its lane empty leaves at once. Those that come while it is on its way
wait, and leave as one transaction when it has ended, or as soon as they fill a transaction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from attrs import define, field

from etcd_factory.core.ports import Gate
from etcd_factory.errors import EtcdError, RequestTooLargeError
from etcd_factory.wire.methods import Method

from .key_order import KeyOrder
from .merged import DELETES, Kind

OPERATIONS = 128  # in one transaction: etcd's --max-txn-ops
SIZE = 1 << 20  # bytes in one; etcd's --max-request-bytes is 1.5 MiB
TOO_MANY = "too many operations"  # etcd's words


class Role(Enum):
    """What the caller of a call has to do."""

    NEW = "enter a lane"
    WAIT = "wait: it has not left, or another caller sends it"
    CARRY = "send the transaction of all in its flight"
    ALONE = "send it as the call that it is"
    DONE = "take its outcome"


NEW, WAIT, CARRY, ALONE, DONE = Role  # looking them up in the class takes longer than all else that a call does here
NONE: Sequence[Flight] = ()


@define(eq=False)
class Waiter:
    """One call, and its outcome once its role is ``DONE``."""

    lane: Lane
    method: Method[Any, Any]
    request: Any
    deadline: float
    role: Role = NEW
    flight: Flight | None = None
    gate: Gate | None = None  # opened once there is something to do
    admitted: bool = False  # it uses its key
    gone: bool = False  # its caller waits no more
    reply: Any = None
    error: Exception | None = None

    @property
    def key(self) -> bytes:
        """The key that it reads or writes."""
        key: bytes = self.request.key
        return key

    @property
    def sent(self) -> bool:
        """Whether another caller has sent it."""
        return self.role is WAIT and self.flight is not None and self.flight.begun

    def wake(self) -> None:
        """Let its caller go on, if it waits; called once."""
        if self.gate is not None:
            self.gate.open()


@define(eq=False)
class Flight:
    """Calls that leave together; ``begun`` once they can no longer be taken out."""

    lane: Lane
    waiters: list[Waiter]
    begun: bool = False

    @property
    def deadline(self) -> float:
        """When its last caller gives up."""
        return max(one.deadline for one in self.waiters)

    def begin(self) -> list[Waiter]:
        """Let nobody leave it any more; returns those in it."""
        self.begun = True
        return self.waiters

    def assign(self) -> Waiter:
        """Return the caller that is to send it: the one that may wait longest, and needs no helper."""
        if len(self.waiters) == 1:
            self.waiters[0].role = ALONE
            return self.waiters[0]
        chosen = max(self.waiters, key=lambda one: one.deadline)
        chosen.role = CARRY
        return chosen


@define(eq=False)
class Limits:
    """How large a transaction the servers accept, as far as it is known."""

    operations: int = OPERATIONS
    size: int = SIZE
    no_space: bool = False

    def most(self, kind: Kind) -> int:
        """Return how many calls of a kind may leave together.

        Without space etcd refuses every transaction (seen on 3.5.1), but no delete: with deletes space is made.
        """
        return 1 if self.no_space and kind is DELETES else self.operations

    def learn(self, error: EtcdError, flight: Flight) -> None:
        """Send smaller transactions after one that was too large."""
        if isinstance(error, RequestTooLargeError) and TOO_MANY in error.message:
            self.operations = min(self.operations, max(1, len(flight.waiters) // 2))
        elif isinstance(error, RequestTooLargeError):
            self.size = min(self.size, sum(one.request.ByteSize() for one in flight.waiters) // 2)


@define(eq=False)
class Lane:
    """Calls of one kind, in order, and those that are on their way."""

    kind: Kind
    limits: Limits
    queue: deque[Waiter] = field(factory=deque[Waiter])
    flights: set[Flight] = field(factory=set[Flight])

    def due(self) -> Sequence[Flight]:
        """Return the flights that leave now."""
        flights: list[Flight] = []
        while self.queue and (not self.flights or len(self.queue) >= self.limits.most(self.kind)):
            flights.append(Flight(self, self._take()))
            self.flights.add(flights[-1])
            for one in flights[-1].waiters:
                one.flight = flights[-1]
        return flights

    def _take(self) -> list[Waiter]:
        most, taken = self.limits.most(self.kind), [self.queue.popleft()]
        size = taken[0].request.ByteSize() if self.queue else 0
        while self.queue and len(taken) < most:
            size += self.queue[0].request.ByteSize()
            if size > self.limits.size:
                break
            taken.append(self.queue.popleft())
        return taken


class Lanes:
    """The calls of one event loop, or of all threads. What it returns are the flights that are to leave."""

    def __init__(self, limits: Limits, *, ordered: bool) -> None:
        self._limits, self._lanes = limits, dict[Kind, Lane]()
        self._keys = KeyOrder[Waiter]() if ordered else None  # reads alone need no order

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        return not self._keys and not any(lane.queue or lane.flights for lane in self._lanes.values())

    def lane(self, kind: Kind) -> Lane:
        """Return the lane of a kind."""
        lane = self._lanes.get(kind)
        if lane is None:
            lane = self._lanes[kind] = Lane(kind, self._limits)
        return lane

    def enter(self, one: Waiter) -> Sequence[Flight]:
        """Add a call, behind those of its key."""
        one.role = WAIT
        if self._keys is None or self._keys.enter(one.key, one, one.lane.kind.writes):
            return self._queue(one)
        return NONE

    def _queue(self, one: Waiter) -> Sequence[Flight]:
        one.admitted = True
        one.lane.queue.append(one)
        return one.lane.due()

    def _queue_all(self, ready: Iterable[Waiter]) -> Sequence[Flight]:
        return [flight for one in ready for flight in self._queue(one)]

    def leave(self, one: Waiter) -> Sequence[Flight]:
        """End a call whose caller goes: it has its outcome, was cancelled or gave up. One that is sent goes on."""
        flight, one.gone = one.flight, True
        if one.role is DONE or one.role is NEW or one.sent:
            one.flight = None  # no cycle: its memory is free at once
            return NONE
        if flight is None:
            return self._unqueue(one)
        flight.waiters.remove(one)
        if not flight.waiters:
            return self._end(flight, [one])
        handed_over = [flight] if one.role is CARRY else NONE
        return [*handed_over, *self._release([one])]

    def _unqueue(self, one: Waiter) -> Sequence[Flight]:
        if one.admitted:
            one.lane.queue.remove(one)
            return self._release([one])
        assert self._keys is not None
        return self._queue_all(self._keys.withdraw(one.key, one, one.lane.kind.writes))

    def settle(self, flight: Flight) -> Sequence[Flight]:
        """End a flight; those of its calls that have an outcome, or no caller any more, are over."""
        return self._end(flight, [one for one in flight.waiters if one.role is DONE or one.gone])

    def _end(self, flight: Flight, over: Iterable[Waiter]) -> Sequence[Flight]:
        flight.lane.flights.discard(flight)
        released = self._release(over)
        return [*released, *flight.lane.due()] if released else flight.lane.due()

    def _release(self, over: Iterable[Waiter]) -> Sequence[Flight]:
        if self._keys is None:
            return NONE
        return [flight for one in over for ready in self._keys.leave(one.key) for flight in self._queue(ready)]
