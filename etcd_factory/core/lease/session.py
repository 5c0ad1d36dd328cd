"""How one lease is granted, renewed by hand and ended: what its handle does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from attrs import evolve

from etcd_factory.core.call.rpc import ask, labelled
from etcd_factory.core.call.view import View
from etcd_factory.errors import EtcdFactoryError, LeaseNotFoundError
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .keepalive import KeepAlive, LeaseState
from .schedule import Renewal

log = logging.getLogger("etcd_factory.lease")

OVER = "this lease is over; make a new one with lease(ttl)"
# The grant of an id, sent again, would meet the lease that it has made itself.
CHOSEN = evolve(methods.LEASE_GRANT, repeatable=False)


class LeaseSession:
    """One lease of ``ttl`` seconds, from before its grant until it is over. The server chooses its id if it is 0."""

    def __init__(self, view: View, ttl: int, id: int = 0) -> None:  # noqa: A002
        self.ttl, self.id, self.life = ttl, id, LeaseState()
        self._view, self._client = view, view.client
        self._keeper: KeepAlive | None = None

    @property
    def alive(self) -> bool:
        """Whether it is kept alive: it is granted, neither released nor revoked, and surely not lost by now."""
        life = self.life
        if life.renewal is None or life.ended or life.lost:
            return False
        return self._client.io.now() < life.renewal.deadline

    @property
    def over(self) -> bool:
        """Whether its keys are gone, or will be within its ttl whatever is done."""
        return self.life.lost or self.life.revoked

    async def known(self) -> int:
        """The id to ask the server about."""
        return await self.grant()

    async def grant(self) -> int:
        """Its id, asked for by one caller for all."""
        if self.life.renewal is None:
            await self._client.flights.once(self, self._grant, self._view.timeout)
        if self.life.renewal is None:  # it was revoked at the same time
            raise LeaseNotFoundError(OVER)
        return self.life.renewal.id

    async def _grant(self) -> None:
        if self.life.renewal is not None or self.life.revoked:
            return
        keeper = self._client.io.keep("leases", partial(KeepAlive, self._client))
        renewal = await self._begin()
        self._keeper = keeper
        keeper.hold(self.life, renewal)

    async def _begin(self) -> Renewal:
        """Ask for it."""
        label, method = (f"grant lease {self.id:x}", CHOSEN) if self.id else ("grant a lease", methods.LEASE_GRANT)
        reply, sent = await self._timed(label, method, TTL=self.ttl, ID=self.id)
        return Renewal(reply.ID, reply.TTL, sent)

    async def _timed(self, label: str, method: Method, **fields: Any) -> tuple[Any, float]:
        """The answer, and when the attempt that was answered was made: the lease lives from then on, or later."""
        io, sent = self._client.io, 0.0

        async def send(*call: Any) -> Any:
            nonlocal sent
            sent = io.now()
            return await io.unary(*call)

        with labelled(label):
            request = method.types[0](**fields)
            reply, _ = await self._client.visit(method, request, self._view.timeout, send=send)
        return reply, sent

    async def renew(self) -> int:
        """The seconds that it has left, renewed now."""
        renewal = await self._prolong(await self.grant())
        if self._keeper is not None:
            self._keeper.learn(self.life, renewal)
        return lasting(renewal).ttl

    async def _prolong(self, lease: int) -> Renewal:
        reply, sent = await self._timed(f"keep lease {lease:x} alive", methods.LEASE_KEEP_ALIVE_ONCE, ID=lease)
        return Renewal(lease, reply.TTL, sent)

    def listen(self, listener: Callable[[], Any]) -> None:
        """Call the listener when it is lost; at once if it is."""
        self.life.listeners.append(listener)
        if self.life.lost and self._keeper is not None:
            self._keeper.tell(self.life)

    def forget(self, listener: Callable[[], Any]) -> None:
        """Call it no more."""
        with suppress(ValueError):
            self.life.listeners.remove(listener)

    def end(self) -> None:
        """Keep it alive no longer."""
        self.life.ended = True
        self.life.ring()
        if self._keeper is not None:
            self._keeper.drop(self.life)

    async def revoke(self) -> None:
        """End it, here and at the server; one that was never granted never will be."""
        self.life.revoked = True
        self.end()
        if self._keeper is None:
            await self._settle()
        if self._keeper is not None and self.life.renewal is not None:
            with labelled(f"revoke lease {self.life.renewal.id:x}"):
                await self._keeper.revoke(self.life, self._view.timeout)

    async def _settle(self) -> None:
        """Let a grant that is under way come to its end; if it failed there is nothing to revoke."""

        async def nothing() -> None: ...

        try:
            await self._client.flights.once(self, nothing, self._view.timeout)
        except EtcdFactoryError as error:
            log.debug("a lease that is to be revoked was not granted: %s", error)


class ExistingLease(LeaseSession):
    """The lease of that id, which somebody was granted. Its ttl is known once it is in use."""

    def __init__(self, view: View, id: int) -> None:  # noqa: A002
        super().__init__(view, 0, id)
        self.life.adopted = True

    async def known(self) -> int:
        """The id; to ask about the lease is not to use it."""
        return self.id

    async def _begin(self) -> Renewal:
        return lasting(await self._prolong(self.id))

    async def revoke(self) -> None:
        """End it, whether it was in use here or not; one that is gone is fine."""
        await super().revoke()
        if self.life.renewal is None:
            with suppress(LeaseNotFoundError):
                await ask(self._view, f"revoke lease {self.id:x}", methods.LEASE_REVOKE, ID=self.id)


def lasting(renewal: Renewal) -> Renewal:
    """What a renewal was answered, if the lease is there."""
    if renewal.ttl <= 0:
        with labelled(f"keep lease {renewal.id:x} alive"):
            raise LeaseNotFoundError("requested lease not found")
    return renewal
