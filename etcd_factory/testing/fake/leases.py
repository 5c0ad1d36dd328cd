"""Leases: granting, renewing, expiring, and their keys (server/lease/lessor.go)."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf

from attrs import Factory, define

from .refusals import refused

LEAST = 2  # seconds that etcd grants at least, with its usual election timeout
MOST = 9_000_000_000


@define
class Lease:
    """A lease; ``end`` is when it expires by the clock of the fake."""

    id: int
    ttl: int
    end: float
    keys: set[bytes] = Factory(set[bytes])


class Leases:
    """All leases of a fake etcd."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._leases: dict[int, Lease] = {}

    def grant(self, id: int, ttl: int) -> Lease:  # noqa: A002
        """Return a new lease; ``id`` 0 lets the server choose."""
        if ttl > MOST:
            raise refused("ttl too large")
        if id in self._leases:
            raise refused("lease exists")
        ttl = max(ttl, LEAST)
        lease = Lease(id or random.getrandbits(62) + 1, ttl, self._now() + ttl)
        return self._leases.setdefault(lease.id, lease)

    def get(self, id: int) -> Lease | None:  # noqa: A002
        """Return a lease, None if there is none."""
        return self._leases.get(id)

    def require(self, lease: int) -> None:
        """Raise etcd's refusal of a lease that does not exist."""
        if lease not in self._leases:
            raise refused("lease not found")

    def remove(self, id: int) -> list[bytes]:  # noqa: A002
        """End a lease; returns its keys, which must be deleted, in order."""
        self.require(id)
        return sorted(self._leases.pop(id).keys)

    def renew(self, id: int) -> int:  # noqa: A002
        """Return the ttl of a lease that begins again, 0 if there is none."""
        lease = self._leases.get(id)
        if lease is None:
            return 0
        lease.end = self._now() + lease.ttl
        return lease.ttl

    def left(self, lease: Lease) -> int:
        """Return the whole seconds that a lease has."""
        return int(max(0.0, lease.end - self._now()))

    def ids(self) -> list[int]:
        """Return the ids of all leases, in the order in which they expire."""
        return [lease.id for lease in sorted(self._leases.values(), key=lambda one: one.end)]

    def expired(self) -> list[int]:
        """Return the ids of those that have expired, in order."""
        return [id for id in self.ids() if self._leases[id].end <= self._now()]  # noqa: A001

    def next(self) -> float:
        """Return when the next one expires."""
        return min((lease.end for lease in self._leases.values()), default=inf)

    def renew_all(self) -> None:
        """Let all begin again, as a new leader does."""
        for id in self._leases:  # noqa: A001
            self.renew(id)

    def move(self, key: bytes, old: int, new: int) -> None:
        """Note that a key belongs to another lease; 0 is none."""
        if old in self._leases:
            self._leases[old].keys.discard(key)
        if new in self._leases:
            self._leases[new].keys.add(key)
