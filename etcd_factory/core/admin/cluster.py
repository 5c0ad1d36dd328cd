"""The members of the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from etcd_factory.core.arguments import count, name
from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call import rpc
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.ports import Q, R
from etcd_factory.model.cluster import Member
from etcd_factory.wire import admin, methods
from etcd_factory.wire.methods import Method


def urls(given: str | Iterable[str]) -> list[str]:
    """Return one URL or several as a list."""
    several = (given,) if isinstance(given, str) else given
    return [name(url, "a peer URL") for url in several]


def id_of(member: Any) -> int:
    """Return a member's id, from an id or a member."""
    return count(getattr(member, "id", member), "a member id", most=(1 << 64) - 1)


@frozen
class Cluster(Bound[F]):
    """The members of the cluster: list, add, update, promote and remove them.

    Changes need a healthy majority (else ``UnhealthyClusterError``) and are never retried.
    """

    _run: View = field(repr=False)

    async def _call(self, what: str, method: Method[Q, R], /, **fields: object) -> R:
        return await rpc.call(self._run, f"cluster {what}", method, **fields)

    @operation
    async def members(self) -> tuple[Member, ...]:
        """Return all members, as a majority knows them."""
        reply = await self._call("members", methods.MEMBER_LIST, linearizable=True)
        return tuple(map(admin.member, reply.members))

    @operation
    async def sync(self) -> tuple[str, ...]:
        """Use the client URLs that the members advertise as hosts from now on, and return them; learners are left out.

        A client with TLS takes those with https, one without those without; raises ``ConnectionFailedError`` if there
        is none. The option ``sync`` does this periodically.
        """
        with rpc.labelled("cluster sync"):
            return await self._run.client.discovery.sync(self._run.timeout)

    @operation
    async def add(self, peer_urls: str | Iterable[str], learner: bool = False) -> Member:
        """Add a member, which must then be started; a learner gets all data and has no vote."""
        reply = await self._call("add", methods.MEMBER_ADD, peerURLs=urls(peer_urls), isLearner=learner)
        return admin.member(reply.member)

    @operation
    async def update(self, member: int | Member, peer_urls: str | Iterable[str]) -> None:
        """Change a member's peer URLs."""
        id = id_of(member)  # noqa: A001
        await self._call(f"update {id:x}", methods.MEMBER_UPDATE, ID=id, peerURLs=urls(peer_urls))

    @operation
    async def remove(self, member: int | Member) -> None:
        """Remove a member for good."""
        id = id_of(member)  # noqa: A001
        await self._call(f"remove {id:x}", methods.MEMBER_REMOVE, ID=id)

    @operation
    async def promote(self, member: int | Member) -> None:
        """Promote a learner that has caught up. Raises ``PreconditionError`` if it has not, or is no learner."""
        id = id_of(member)  # noqa: A001
        await self._call(f"promote {id:x}", methods.MEMBER_PROMOTE, ID=id)
