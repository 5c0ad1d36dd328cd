"""When each lease is to be renewed, and when it is lost. Pure state: the clock is handed in."""

from __future__ import annotations

from heapq import heappop, heappush

from attrs import define

SHARE = 3  # a lease is renewed when so much of its ttl has passed, as by Go's client: two more tries are left
AHEAD = 0.1  # seconds: leases that are due so soon after each other are asked for together
PATIENCE = 1.0  # seconds that an answer may take at least, before another host is asked


@define(eq=False)
class Renewal:
    """What is known of one lease for sure: it lives for ``ttl`` seconds from ``sent`` on.

    ``sent`` is when the last answered request went. The server counts from when that arrived, so it never takes the
    lease for dead before this clock does.
    """

    id: int
    ttl: int
    sent: float

    @property
    def deadline(self) -> float:
        """Until when it lives if nothing more is heard."""
        return self.sent + self.ttl

    @property
    def due(self) -> float:
        """When it is to be renewed."""
        return self.sent + self.ttl / SHARE

    @property
    def patience(self) -> float:
        """How long the answer to a renewal may take."""
        return max(self.ttl / SHARE, PATIENCE)


class Agenda:
    """Leases, each with one time: the last that it was given."""

    def __init__(self) -> None:
        self._times: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def put(self, lease: int, time: float) -> None:
        """Give the lease this time, in place of the one that it had."""
        self._times[lease] = time
        heappush(self._heap, (time, lease))

    def drop(self, lease: int) -> None:
        """Forget the lease."""
        self._times.pop(lease, None)

    def first(self) -> tuple[float, int] | None:
        """The earliest time and its lease."""
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)  # of a lease that has another time by now, or is gone
        return self._heap[0] if self._heap else None

    def take(self, now: float) -> list[int]:
        """The leases whose time has come, which it forgets."""
        taken: list[int] = []
        while (first := self.first()) and first[0] <= now:
            taken.append(first[1])
            self.drop(first[1])
        return taken

    def clear(self) -> None:
        """Forget all leases."""
        self._times, self._heap = {}, []


class Renewals:
    """The leases of one client. A lease is either due at some time, or asked for and waited for."""

    def __init__(self) -> None:
        self._leases: dict[int, Renewal] = {}
        self._asked: dict[int, float] = {}
        self._due, self._late, self._ends = Agenda(), Agenda(), Agenda()

    def __len__(self) -> int:
        return len(self._leases)

    def add(self, lease: Renewal, now: float) -> None:
        """A lease that has been granted, or renewed by other means."""
        self._leases[lease.id] = lease
        self._due.put(lease.id, max(now, lease.due))
        self._ends.put(lease.id, lease.deadline)

    def drop(self, lease: int) -> None:
        """A lease that is to be renewed no more."""
        self._leases.pop(lease, None)
        self._asked.pop(lease, None)
        for agenda in (self._due, self._late, self._ends):
            agenda.drop(lease)

    def ask(self, now: float) -> list[int]:
        """The leases to be renewed now, and those soon after; they count as asked for."""
        due = self._due.take(now + AHEAD)
        for one in due:
            self._asked[one] = now
            self._late.put(one, now + self._leases[one].patience)
        return due

    def answered(self, lease: int, ttl: int, now: float) -> bool:
        """An answer on the stream; false if it says that the lease is gone."""
        sent = self._asked.pop(lease, None)
        self._late.drop(lease)
        if sent is None:  # it was dropped meanwhile
            return True
        return self.renewed(lease, ttl, sent, now)

    def renewed(self, lease: int, ttl: int, sent: float, now: float) -> bool:
        """What became of a renewal that was sent at ``sent``; false if the lease is gone."""
        known = self._leases.get(lease)
        if known is not None and ttl > 0:
            known.ttl, known.sent = ttl, max(known.sent, sent)
            self._ends.put(lease, known.deadline)
            if lease not in self._asked:
                self._due.put(lease, now + ttl / SHARE)
        return known is None or ttl > 0

    def broke(self, now: float) -> None:
        """The stream broke: what was asked for is due again, or if nothing was, the lease that is due first."""
        self._late.clear()
        again = list(self._asked) or [first[1] for first in [self._due.first()] if first]
        self._asked.clear()
        for one in again:
            self._due.put(one, now)

    def deaf(self, now: float) -> bool:
        """Whether an answer takes too long."""
        first = self._late.first()
        return first is not None and first[0] <= now

    def lost(self, now: float) -> list[int]:
        """The leases whose ttl has passed without an answer; they are dropped."""
        over = self._ends.take(now)
        for one in over:
            self.drop(one)
        return over

    def due(self) -> float | None:
        """When the first lease is to be renewed that is not asked for yet."""
        first = self._due.first()
        return first[0] if first else None

    def next(self, *, asking: bool) -> float | None:
        """When to look again; leases that are due count only if they can be asked for."""
        agendas = (self._ends, self._late, self._due) if asking else (self._ends,)
        return min((first[0] for agenda in agendas if (first := agenda.first())), default=None)
