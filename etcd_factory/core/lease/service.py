"""The part of a service that has leases; the modules of leases are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.core.arguments import lease_id, ttl_seconds
from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call import rpc
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.wire import methods

if TYPE_CHECKING:
    from .lease import Lease


class Leases(Bound[F]):
    """The part of a service that has leases."""

    __slots__ = ()

    _run: View

    def lease(self, ttl: int, *, id: int | None = None) -> Lease[F]:  # noqa: A002
        """Return a lease of ``ttl`` seconds, at least 1. No I/O: it is granted at its first use.

        With ``id`` you choose its id instead of the server; the use that grants it raises ``LeaseExistsError`` if there
        is such a lease. A grant whose response is lost is then not retried; its error has ``maybe_applied`` set.
        """
        from .lease import Lease
        from .session import LeaseSession

        return Lease(self._run, LeaseSession(self._run, ttl_seconds(ttl), 0 if id is None else lease_id(id)))

    def lease_of(self, id: int) -> Lease[F]:  # noqa: A002
        """Return a lease that exists already. No I/O: from its first use, or ``grant()``, it is kept alive.

        That raises ``LeaseNotFoundError`` if it is gone. ``time_to_live`` and ``revoke`` work without a use before;
        ``release`` before the first use prevents that it is kept alive.
        """
        from .lease import Lease
        from .session import ExistingLease

        return Lease(self._run, ExistingLease(self._run, lease_id(id)))

    @operation
    async def leases(self) -> list[int]:
        """Return the ids of all leases of the cluster."""
        reply = await rpc.call(self._run, "list the leases", methods.LEASE_LEASES)
        return [found.ID for found in reply.leases]
