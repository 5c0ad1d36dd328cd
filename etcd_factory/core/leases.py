"""Where leases come from, and which there are."""

from __future__ import annotations

from typing import Any

from etcd_factory.wire import methods

from .ask import ask
from .face import Bound, F, operation
from .lease import Lease
from .view import View


def seconds(ttl: Any) -> int:
    """A ttl: a whole number, at least 1."""
    if isinstance(ttl, bool) or not isinstance(ttl, int):
        raise TypeError(f"a lease's ttl is an int, in seconds, not {type(ttl).__name__}")
    if ttl < 1:
        raise ValueError(f"a lease's ttl is at least 1 second, not {ttl}")
    return ttl


class Leases(Bound[F]):
    """The part of a service that has leases."""

    __slots__ = ()

    _run: View

    def lease(self, ttl: int) -> Lease[F]:
        """A lease of so many seconds, at least 1. No I/O: it is granted at its first use."""
        return Lease(self._run, seconds(ttl))

    @operation
    async def leases(self) -> list[int]:
        """The ids of all leases of the cluster."""
        reply = await ask(self._run, "list the leases", methods.LEASE_LEASES)
        return [found.ID for found in reply.leases]
