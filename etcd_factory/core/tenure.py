"""How one lease is granted, renewed by hand and ended: what its handle does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from etcd_factory.errors import EtcdFactoryError, LeaseNotFoundError
from etcd_factory.policy.lease import Renewal
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .ask import labelled
from .keeper import Keeper, Life
from .view import View

log = logging.getLogger("etcd_factory.lease")

OVER = "this lease is over; make a new one with lease(ttl)"


class Tenure:
    """One lease of ``ttl`` seconds, from before its grant until it is over."""

    def __init__(self, view: View, ttl: int) -> None:
        self.ttl, self.life = ttl, Life()
        self._view, self._client = view, view.client
        self._keeper: Keeper | None = None

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
        keeper = self._client.io.keep("leases", partial(Keeper, self._client))
        reply, sent = await self._timed("grant a lease", methods.LEASE_GRANT, TTL=self.ttl)
        self._keeper = keeper
        keeper.hold(self.life, Renewal(reply.ID, reply.TTL, sent))

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
        lease = await self.grant()
        label = f"keep lease {lease:x} alive"
        reply, sent = await self._timed(label, methods.LEASE_KEEP_ALIVE_ONCE, ID=lease)
        if self._keeper is not None:
            self._keeper.learn(self.life, reply.TTL, sent)
        if reply.TTL <= 0:
            with labelled(label):
                raise LeaseNotFoundError("requested lease not found")
        return int(reply.TTL)

    def listen(self, listener: Callable[[], Any]) -> None:
        """Call the listener when it is lost; at once if it is."""
        self.life.listeners.append(listener)
        if self.life.lost and self._keeper is not None:
            self._keeper.tell(self.life)

    def end(self) -> None:
        """Keep it alive no longer."""
        self.life.ended = True
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
