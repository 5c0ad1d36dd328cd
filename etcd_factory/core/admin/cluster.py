"""The members of the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from etcd_factory.core.call.discovery import sync
from etcd_factory.core.call.rpc import ask, labelled, text
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, operation
from etcd_factory.core.op import number
from etcd_factory.model.cluster import Member
from etcd_factory.wire import admin, methods
from etcd_factory.wire.methods import Method


def urls(given: str | Iterable[str]) -> list[str]:
    """One URL or several, as a list."""
    several = (given,) if isinstance(given, str) else given
    return [text(url, "a peer URL") for url in several]


def id_of(member: Any) -> int:
    """A member's id, from one or from the member."""
    return number(getattr(member, "id", member), "a member id")


@frozen
class Cluster(Bound[F]):
    """The members of the cluster: who they are, and how they come and go.

    Changes need a healthy majority (else ``UnhealthyClusterError``) and are never sent twice.
    """

    _run: View = field(repr=False)

    async def _ask(self, what: str, method: Method, /, **fields: Any) -> Any:
        return await ask(self._run, f"cluster {what}", method, **fields)

    @operation
    async def members(self) -> tuple[Member, ...]:
        """All members, as a majority knows them."""
        reply = await self._ask("members", methods.MEMBER_LIST, linearizable=True)
        return tuple(map(admin.member, reply.members))

    @operation
    async def sync(self) -> tuple[str, ...]:
        """Go on with the hosts that the members tell, those started and no learners; gives them.

        A client with TLS takes those that have it, one without those that do not; ``ConnectionFailedError`` if there
        is none. The option ``sync`` does this from time to time.
        """
        with labelled("cluster sync"):
            return await sync(self._run.client, self._run.timeout)

    @operation
    async def add(self, peer_urls: str | Iterable[str], learner: bool = False) -> Member:
        """Make room for a member, which is then to be started; a learner gets all data and has no vote."""
        reply = await self._ask("add", methods.MEMBER_ADD, peerURLs=urls(peer_urls), isLearner=learner)
        return admin.member(reply.member)

    @operation
    async def update(self, member: int | Member, peer_urls: str | Iterable[str]) -> None:
        """Give a member other peer URLs."""
        id = id_of(member)  # noqa: A001
        await self._ask(f"update {id:x}", methods.MEMBER_UPDATE, ID=id, peerURLs=urls(peer_urls))

    @operation
    async def remove(self, member: int | Member) -> None:
        """Let a member go for good."""
        id = id_of(member)  # noqa: A001
        await self._ask(f"remove {id:x}", methods.MEMBER_REMOVE, ID=id)

    @operation
    async def promote(self, member: int | Member) -> None:
        """Give a learner that has caught up its vote; ``PreconditionError`` if it has not, or is no learner."""
        id = id_of(member)  # noqa: A001
        await self._ask(f"promote {id:x}", methods.MEMBER_PROMOTE, ID=id)
