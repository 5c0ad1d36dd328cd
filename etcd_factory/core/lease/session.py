"""One lease from before its grant until it is over: what its handle does."""

from __future__ import annotations

import logging
from contextlib import suppress

from attrs import evolve

from etcd_factory.core.call import rpc
from etcd_factory.core.call.rpc import labelled
from etcd_factory.core.call.view import View
from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import EtcdFactoryError, LeaseNotFoundError
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .keepalive import KeepAlive, LeaseState, Listener
from .schedule import Renewal

log = logging.getLogger("etcd_factory.lease")

OVER = "this lease has ended; create a new one with lease(ttl)"
# Repeating the grant of a chosen id would meet the lease that the first attempt created.
GRANT_CHOSEN = evolve(methods.LEASE_GRANT, repeatable=False)


class LeaseSession:
    """One lease of ``ttl`` seconds. With 0 as ``id`` the server chooses it."""

    def __init__(self, view: View, ttl: int, id: int = 0) -> None:  # noqa: A002
        self.ttl, self.id, self.state = ttl, id, LeaseState()
        self._view, self._client = view, view.client
        self._keepalive: KeepAlive | None = None

    @property
    def alive(self) -> bool:
        """Whether it is kept alive: granted, neither released nor revoked, and certainly not expired yet."""
        state = self.state
        if state.renewal is None or state.ended or state.lost:
            return False
        return self._client.runtime.now() < state.renewal.deadline

    @property
    def over(self) -> bool:
        """Whether its keys are gone, or will be within its ttl."""
        return self.state.lost or self.state.revoked

    async def resolve_id(self) -> int:
        """Return the id to ask the server about."""
        return await self.grant()

    async def grant(self) -> int:
        """Return its id, granted by one caller for all."""
        if self.state.renewal is None:
            await self._client.single_flight.run(self, self._grant, self._view.timeout)
        if self.state.renewal is None:  # revoked at the same time
            raise LeaseNotFoundError(OVER)
        return self.state.renewal.id

    async def _grant(self) -> None:
        if self.state.renewal is not None or self.state.revoked:
            return
        keepalive = self._client.background.get(KeepAlive)
        renewal = await self._begin()
        self._keepalive = keepalive
        keepalive.add(self.state, renewal)

    async def _begin(self) -> Renewal:
        """Grant it at the server."""
        label, method = (
            (f"grant lease {self.id:x}", GRANT_CHOSEN) if self.id else ("grant a lease", methods.LEASE_GRANT)
        )
        reply, sent = await self._timed(label, method, TTL=self.ttl, ID=self.id)
        return Renewal(reply.ID, reply.TTL, sent)

    async def _timed(self, label: str, method: Method[Q, R], **fields: int) -> tuple[R, float]:
        """Return the response, and when the answered attempt was sent: the lease lives from then on, or later."""
        runtime, unary, sent = self._client.runtime, self._client.transport.unary, 0.0

        async def send(host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
            nonlocal sent
            sent = runtime.now()
            return await unary(host, method, request, timeout, metadata)

        with labelled(label):
            reply, _ = await self._client.call_endpoint(method, method.request(**fields), self._view.timeout, send=send)
        return reply, sent

    async def renew(self) -> int:
        """Renew it now, and return the seconds that it has left."""
        renewal = await self._keep_alive(await self.grant())
        if self._keepalive is not None:
            self._keepalive.renewed(self.state, renewal)
        return existing(renewal).ttl

    async def _keep_alive(self, lease: int) -> Renewal:
        reply, sent = await self._timed(f"keep lease {lease:x} alive", methods.LEASE_KEEP_ALIVE_ONCE, ID=lease)
        return Renewal(lease, reply.TTL, sent)

    def listen(self, listener: Listener) -> None:
        """Call the listener when the lease is lost; at once if it is already."""
        self.state.listeners.append(listener)
        if self.state.lost and self._keepalive is not None:
            self._keepalive.notify_lost(self.state)

    def ignore(self, listener: Listener) -> None:
        """Do not call the listener any more."""
        with suppress(ValueError):
            self.state.listeners.remove(listener)

    def release(self) -> None:
        """Keep it alive no longer."""
        self.state.ended = True
        self.state.alarm()
        if self._keepalive is not None:
            self._keepalive.drop(self.state)

    async def revoke(self) -> None:
        """End it, here and at the server; one that was never granted never will be."""
        self.state.revoked = True
        self.release()
        if self._keepalive is None:
            await self._await_grant()
        if self._keepalive is not None and self.state.renewal is not None:
            with labelled(f"revoke lease {self.state.renewal.id:x}"):
                await self._keepalive.revoke(self.state, self._view.timeout)

    async def _await_grant(self) -> None:
        """Wait for a grant under way; if it failed there is nothing to revoke."""
        try:
            await self._client.single_flight.join(self, self._view.timeout)
        except EtcdFactoryError as error:
            log.debug("a lease that is to be revoked was not granted: %s", error)


class ExistingLease(LeaseSession):
    """A lease of that id that exists already. Its ttl is known after its first use."""

    def __init__(self, view: View, id: int) -> None:  # noqa: A002
        super().__init__(view, 0, id)
        self.state.existing = True

    async def resolve_id(self) -> int:
        """Return the id; asking about the lease does not use it."""
        return self.id

    async def _begin(self) -> Renewal:
        return existing(await self._keep_alive(self.id))

    async def revoke(self) -> None:
        """End it, whether it was in use here or not; one that is gone is no error."""
        await super().revoke()
        if self.state.renewal is None:
            with suppress(LeaseNotFoundError):
                await rpc.call(self._view, f"revoke lease {self.id:x}", methods.LEASE_REVOKE, ID=self.id)


def existing(renewal: Renewal) -> Renewal:
    """Return a renewal if the response says that the lease exists; else raise ``LeaseNotFoundError``."""
    if renewal.ttl <= 0:
        with labelled(f"keep lease {renewal.id:x} alive"):
            raise LeaseNotFoundError("requested lease not found")
    return renewal
