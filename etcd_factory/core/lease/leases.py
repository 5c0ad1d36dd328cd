"""Where leases come from, and which there are."""

from __future__ import annotations

from typing import Any

from etcd_factory.core.call.rpc import ask
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, operation
from etcd_factory.core.op import number
from etcd_factory.wire import methods

from .lease import Lease
from .session import ExistingLease, LeaseSession

IDS = range(1, 1 << 63)


def seconds(ttl: Any) -> int:
    """A ttl: a whole number, at least 1."""
    if isinstance(ttl, bool) or not isinstance(ttl, int):
        raise TypeError(f"a lease's ttl is an int, in seconds, not {type(ttl).__name__}")
    if ttl < 1:
        raise ValueError(f"a lease's ttl is at least 1 second, not {ttl}")
    return ttl


def ident(given: Any) -> int:
    """A lease's id: a whole number that fits into 63 bits; etcd takes 0 for none."""
    if number(given, "a lease's id") not in IDS:
        raise ValueError(f"a lease's id is from {IDS[0]} to {IDS[-1]}, not {given}")
    return int(given)


class Leases(Bound[F]):
    """The part of a service that has leases."""

    __slots__ = ()

    _run: View

    def lease(self, ttl: int, *, id: int | None = None) -> Lease[F]:  # noqa: A002
        """A lease of so many seconds, at least 1. No I/O: it is granted at its first use.

        With ``id`` it is not the server that chooses one. The use that grants it raises ``LeaseExistsError`` if there
        is such a lease. A grant whose answer was lost is then not sent again; its error says ``maybe_applied``.
        """
        return Lease(self._run, LeaseSession(self._run, seconds(ttl), 0 if id is None else ident(id)))

    def lease_of(self, id: int) -> Lease[F]:  # noqa: A002
        """A lease that exists, whoever was granted it. No I/O: from its first use, or ``grant()``, it is kept alive.

        That raises ``LeaseNotFoundError`` if it is gone. ``time_to_live`` and ``revoke`` need no use before them, and
        ``release`` before the first use lets it not be kept alive.
        """
        return Lease(self._run, ExistingLease(self._run, ident(id)))

    @operation
    async def leases(self) -> list[int]:
        """The ids of all leases of the cluster."""
        reply = await ask(self._run, "list the leases", methods.LEASE_LEASES)
        return [found.ID for found in reply.leases]
