"""When each lease must be renewed, and when it has expired. Pure state: the clock is passed in."""

from __future__ import annotations

from heapq import heappop, heappush

from attrs import define

SHARE = 3  # a lease is renewed after this share of its ttl, as in Go's client: that leaves time for two more attempts
AHEAD = 0.1  # seconds: leases due within it are renewed together
LONGEST = 9_000_000_000  # seconds, etcd's own limit of a ttl
LEAST_PATIENCE = 1.0  # seconds that a response may take at least before another host is asked


@define(eq=False)
class Renewal:
    """What is certain about one lease: it lives for ``ttl`` seconds from ``sent`` on.

    ``sent`` is when the last answered request was sent. The server counts from its arrival, so it never expires the
    lease before this clock does.
    """

    id: int
    ttl: int
    sent: float

    @property
    def deadline(self) -> float:
        """When it expires if it is not renewed."""
        return self.sent + self.ttl

    @property
    def due(self) -> float:
        """When it must be renewed."""
        return self.sent + self.ttl / SHARE

    @property
    def patience(self) -> float:
        """The seconds that the response to a renewal may take."""
        return max(self.ttl / SHARE, LEAST_PATIENCE)


class Timetable:
    """Leases, each with one time: the last that was set."""

    def __init__(self) -> None:
        self._times: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def set(self, lease: int, time: float) -> None:
        """Set the lease's time, replacing the one before."""
        self._times[lease] = time
        heappush(self._heap, (time, lease))

    def drop(self, lease: int) -> None:
        """Forget the lease."""
        self._times.pop(lease, None)

    def first(self) -> tuple[float, int] | None:
        """Return the earliest time and its lease."""
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)  # the lease was dropped, or has another time by now
        return self._heap[0] if self._heap else None

    def take(self, now: float) -> list[int]:
        """Remove and return the leases whose time has come."""
        taken: list[int] = []
        while (first := self.first()) and first[0] <= now:
            taken.append(first[1])
            self.drop(first[1])
        return taken

    def clear(self) -> None:
        """Forget all leases."""
        self._times, self._heap = {}, []


class RenewalSchedule:
    """The leases of one client. A lease is either due at some time, or requested and waiting for its response."""

    def __init__(self) -> None:
        self._leases: dict[int, Renewal] = {}
        self._requested: dict[int, float] = {}
        self._due, self._late, self._expiry = Timetable(), Timetable(), Timetable()
        self._apart = Timetable()  # when those are asked for again whose renewal was refused

    def __len__(self) -> int:
        return len(self._leases)

    def add(self, lease: Renewal, now: float) -> None:
        """Add a lease that was granted, or renewed elsewhere."""
        self._leases[lease.id] = lease
        self._due.set(lease.id, max(now, lease.due))
        self._expiry.set(lease.id, lease.deadline)

    def drop(self, lease: int) -> None:
        """Stop renewing a lease."""
        self._leases.pop(lease, None)
        self._requested.pop(lease, None)
        for table in (self._due, self._late, self._expiry, self._apart):
            table.drop(lease)

    def request(self, now: float) -> list[int]:
        """Return the leases to renew now, with those due soon after; they count as requested."""
        due = self._due.take(now + AHEAD)
        for one in due:
            self._requested[one] = now
            self._late.set(one, now + self._leases[one].patience)
        return due

    def answered(self, lease: int, ttl: int, now: float) -> bool:
        """Take a response from the stream; returns False if it says that the lease is gone."""
        sent = self._requested.pop(lease, None)
        self._late.drop(lease)
        if sent is None:  # dropped meanwhile
            return True
        return self.renewed(lease, ttl, sent, now)

    def renewed(self, lease: int, ttl: int, sent: float, now: float) -> bool:
        """Take the result of a renewal sent at ``sent``; returns False if the lease is gone."""
        known, ttl = self._leases.get(lease), min(ttl, LONGEST)
        if known is not None and ttl > 0:
            known.ttl, known.sent = ttl, max(known.sent, sent)
            self._expiry.set(lease, known.deadline)
            if lease not in self._requested:
                self._due.set(lease, now + ttl / SHARE)
        return known is None or ttl > 0

    def refused(self, lease: int, now: float) -> None:
        """The server refused to renew a lease, and ended the stream: that one is asked for later, and apart."""
        self._requested.pop(lease, None)
        self._late.drop(lease)
        if lease in self._leases:
            self._apart.set(lease, now + self._leases[lease].ttl / SHARE)

    def apart(self, now: float) -> list[int]:
        """Return the refused leases to ask for now, each in a call of its own."""
        return self._apart.take(now)

    def disconnected(self, now: float) -> None:
        """The stream broke: what was requested is due again, or if nothing was, the lease that is due first."""
        self._late.clear()
        again = list(self._requested) or [first[1] for first in [self._due.first()] if first]
        self._requested.clear()
        for one in again:
            self._due.set(one, now)

    def is_unresponsive(self, now: float) -> bool:
        """Whether a response takes too long."""
        first = self._late.first()
        return first is not None and first[0] <= now

    def expired(self, now: float) -> list[int]:
        """Return the leases whose ttl has passed without a response, and drop them."""
        over = self._expiry.take(now)
        for one in over:
            self.drop(one)
        return over

    def due(self) -> float | None:
        """Return when the first lease must be renewed that is not requested yet."""
        first = self._due.first()
        return first[0] if first else None

    def next(self, *, connected: bool) -> float | None:
        """Return when to look again; leases that are due count only while a stream is connected."""
        tables = (self._expiry, self._apart, *((self._late, self._due) if connected else ()))
        return min((first[0] for table in tables if (first := table.first())), default=None)
