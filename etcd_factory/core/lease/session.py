"""One lease from before its grant until it is over: what its handle does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from attrs import evolve

from etcd_factory.core.call import rpc
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.rpc import labelled
from etcd_factory.core.call.view import View
from etcd_factory.core.handlers import Listener
from etcd_factory.core.ports import Metadata, Q, R
from etcd_factory.errors import ClientClosedError, EtcdError, EtcdFactoryError, LeaseExistsError, LeaseNotFoundError
from etcd_factory.wire import messages, methods
from etcd_factory.wire.methods import Method

from .keepalive import KeepAlive, LeaseState
from .schedule import Renewal

log = logging.getLogger("etcd_factory.lease")

OVER = "this lease has ended; create a new one with lease(ttl)"
INHERITED = "a lease belongs to the process that it was granted to; create another one in a forked child"
# Seconds before each attempt to revoke a lease that nobody wants any more: its grant may still be on its way, so that
# "not found" is not the last word. What then is left expires by its ttl.
PAUSES = (0.0, 0.1, 0.3, 0.6, 1.0)
LEFT = "a lease that may have been granted could not be revoked, and ends by itself within %d s: %s"
# Repeating the grant of a chosen id would meet the lease that the first attempt created.
GRANT_CHOSEN = evolve(methods.LEASE_GRANT, repeatable=False)


class LeaseSession:
    """One lease of ``ttl`` seconds. With 0 as ``id`` a random one is chosen."""

    def __init__(self, view: View, ttl: int, id: int = 0) -> None:  # noqa: A002
        self.ttl, self.id, self.state = ttl, id, LeaseState()
        self._view, self._client = view, view.client
        self._keepalive: KeepAlive | None = None
        self._forks = 0

    @property
    def alive(self) -> bool:
        """Whether it is kept alive: granted, neither released nor revoked, and certainly not expired yet."""
        state, renewal = self.state, self.state.renewal
        if renewal is None or state.ended or state.lost or self._forks != self._client.forks:
            return False
        return self._client.runtime.now() < renewal.sent + renewal.ttl

    @property
    def inherited(self) -> bool:
        """Whether this process is a fork of the one that the lease was granted to."""
        return self.state.renewal is not None and self._forks != self._client.forks

    def check_owner(self) -> None:
        """Raise ``ClientClosedError`` in a forked child: the lease is its parent's."""
        if self._forks != self._client.forks and self.state.renewal is not None:
            raise ClientClosedError(INHERITED)

    @property
    def over(self) -> bool:
        """Whether its keys are gone, or will be within its ttl."""
        return self.state.lost or self.state.revoked

    async def resolve_id(self) -> int:
        """Return the id to ask the server about."""
        return await self.grant()

    async def grant(self, timeout: float | None = None) -> int:
        """Return its id, granted by one caller for all."""
        self.check_owner()
        if self.state.renewal is None:
            timeout = self._view.timeout if timeout is None else min(timeout, self._view.timeout)
            await self._client.single_flight.run(self, partial(self._grant, timeout), timeout)
        if self.state.renewal is None:  # revoked at the same time
            raise LeaseNotFoundError(OVER)
        return self.state.renewal.id

    async def _grant(self, timeout: float) -> None:
        if self.state.renewal is not None or self.state.revoked:
            return
        keepalive, self._forks = self._client.background.get(KeepAlive), self._client.forks
        lease = self.id or random_id(self._client)
        try:
            keepalive.begin_grant(self.state)
            renewal = await self._begin(lease, timeout)
            self._keepalive = keepalive
            await keepalive.add(self.state, renewal)
        except (Exception, GeneratorExit):
            raise
        except BaseException:  # the caller is cancelled or interrupted
            if not self.id:
                revoke_later(self._client, lease, self.ttl)
            raise
        finally:
            keepalive.end_grant(self.state)

    async def _begin(self, lease: int, timeout: float) -> Renewal:
        """Grant it at the server, under an id chosen here: so it can be revoked even if the response never comes."""
        if self.id:
            reply, sent = await self._timed(f"grant lease {lease:x}", GRANT_CHOSEN, timeout, TTL=self.ttl, ID=lease)
            return Renewal(reply.ID, reply.TTL, sent)
        try:
            reply, sent = await self._timed("grant a lease", methods.LEASE_GRANT, timeout, TTL=self.ttl, ID=lease)
        except LeaseExistsError:  # an attempt whose response was lost granted it
            return existing(await self._keep_alive(lease))
        except EtcdError as error:
            if error.maybe_applied:
                revoke_later(self._client, lease, self.ttl)
            raise
        return Renewal(reply.ID, reply.TTL, sent)

    async def _timed(self, label: str, method: Method[Q, R], timeout: float, **fields: int) -> tuple[R, float]:
        """Return the response, and when the answered attempt was sent: the lease lives from then on, or later."""
        runtime, unary, sent = self._client.runtime, self._client.transport.unary, 0.0

        async def send(host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
            nonlocal sent
            sent = runtime.now()
            return await unary(host, method, request, timeout, metadata)

        try:
            reply = await self._client.call(method, method.request(**fields), timeout, send)
        except EtcdError as error:
            error.operation = error.operation or label
            raise
        return reply, sent

    async def renew(self) -> int:
        """Renew it now, and return the seconds that it has left."""
        renewal = await self._keep_alive(await self.grant())
        self.seen(renewal.ttl)
        if self._keepalive is not None:
            self._keepalive.renewed(self.state, renewal)
        return existing(renewal).ttl

    async def _keep_alive(self, lease: int) -> Renewal:
        label, timeout = f"keep lease {lease:x} alive", self._view.timeout
        reply, sent = await self._timed(label, methods.LEASE_KEEP_ALIVE_ONCE, timeout, ID=lease)
        return Renewal(lease, reply.TTL, sent)

    def seen(self, ttl: int) -> None:
        """Note the time to live that the server reported: a lease that is gone is lost now."""
        if ttl <= 0 and self._keepalive is not None and self.state.renewal is not None:
            self._keepalive.lost(self.state.renewal.id)

    def call_later(self, seconds: float, action: Callable[[], object]) -> None:
        """Call ``action``, which must not wait, after about so many seconds if the lease is still kept alive then."""
        if self._keepalive is not None:
            self._keepalive.call_later(seconds, action)

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
        self.check_owner()
        self._release()

    def _release(self) -> None:
        self.state.ended = True
        if self.state.alarms:
            self.state.alarm()
        if self._keepalive is not None:
            self._keepalive.drop(self.state)

    async def revoke(self) -> None:
        """End it, here and at the server, even if the caller is cancelled; one never granted never will be."""
        self.check_owner()
        await self._client.background.complete(self.end, "etcd_factory lease left")

    async def end(self) -> None:
        """Revoke it; whoever calls this sees to it that it is called again if it is cut off."""
        self.state.revoked = True
        self._release()
        if self._keepalive is None:
            await self._await_grant()
        if self._keepalive is not None and self.state.renewal is not None:
            try:
                await self._keepalive.revoke(self.state, self._view.timeout)
            except EtcdError as error:
                error.operation = error.operation or f"revoke lease {self.state.renewal.id:x}"
                raise

    def abandon(self) -> None:
        """Revoke in the background a lease whose grant was interrupted; it may have been granted by another caller."""
        if not self.state.revoked:
            self._client.background.spawn(self.end, "etcd_factory lease left")

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

    async def _begin(self, lease: int, timeout: float) -> Renewal:
        del timeout
        return existing(await self._keep_alive(lease))

    async def end(self) -> None:
        """Revoke it, whether it was in use here or not; one that is gone is no error."""
        await super().end()
        if self.state.renewal is None:
            with suppress(LeaseNotFoundError):
                await rpc.call(self._view, f"revoke lease {self.id:x}", methods.LEASE_REVOKE, ID=self.id)


def existing(renewal: Renewal) -> Renewal:
    """Return a renewal if the response says that the lease exists; else raise ``LeaseNotFoundError``."""
    if renewal.ttl <= 0:
        with labelled(f"keep lease {renewal.id:x} alive"):
            raise LeaseNotFoundError("requested lease not found")
    return renewal


def random_id(client: Client) -> int:
    """Return an id for a lease, of 62 bits: no other lease has it."""
    random = client.runtime.random
    return 1 + (int(random() * (1 << 31)) << 31) + int(random() * (1 << 31))


def revoke_later(client: Client, lease: int, ttl: int) -> None:
    """Revoke in the background a lease that may have been granted, and that nobody waits for any more."""
    client.background.spawn(partial(revoke_unwanted, client, lease, ttl), "etcd_factory lease left")


async def revoke_unwanted(client: Client, lease: int, ttl: int) -> None:
    """Revoke a lease that may have been granted, or say that it may be left."""
    failure: EtcdFactoryError | str = ""
    request = messages.LeaseRevokeRequest(ID=lease)
    try:
        for pause in PAUSES:
            await client.runtime.sleep(pause)
            try:
                await client.call(methods.LEASE_REVOKE, request, client.options.timeout)
            except LeaseNotFoundError:
                failure = ""
            except EtcdError as error:  # perhaps of a connection that has stalled, and is given up now
                failure = error
            else:
                return
    except ClientClosedError:
        failure = "the client was closed first"
    if failure:
        log.warning(LEFT, ttl, failure)
