"""The leases that a client keeps alive, and who is notified when one is lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import ClassVar, cast

from attrs import define, field

from etcd_factory import model
from etcd_factory.core.background import CLOSE_TIMEOUT, Closing
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.hooks import report
from etcd_factory.core.handlers import Listener, call_listeners
from etcd_factory.errors import ClientClosedError, EtcdFactoryError, LeaseNotFoundError
from etcd_factory.wire import messages, methods

from .renewer import Renewer
from .schedule import Renewal

log = logging.getLogger("etcd_factory.lease")


@define(eq=False)
class LeaseState:
    """What became of one lease; shared by its session and the keep-alive.

    Only the user's side sets ``ended`` (released or revoked), ``revoked`` and ``gone`` (confirmed by the server), only
    the keep-alive ``lost``: so neither overwrites the other. ``listeners`` are called in the background when it is
    lost, ``alarms`` at once, however it ends. An ``existing`` one was not granted here: closing the client does not
    revoke it.
    """

    renewal: Renewal | None = None
    existing: bool = False
    ended: bool = False
    revoked: bool = False
    gone: bool = False
    lost: bool = False
    # A call of deque[...] takes five times as long as one of deque.
    listeners: deque[Listener] = field(factory=cast("type[deque[Listener]]", deque))
    alarms: set[Listener] = field(factory=cast("type[set[Listener]]", set))

    def alarm(self) -> None:
        """Wake those who wait for something that needs the lease."""
        for alarm in tuple(self.alarms):
            alarm()


class KeepAlive:
    """Keeps the leases of a client alive, in asyncio those of one event loop."""

    closing: ClassVar = Closing.LEASES

    def __init__(self, client: Client) -> None:
        self._client, self._runtime = client, client.runtime
        self._lock = self._runtime.lock()
        self._states: dict[int, list[LeaseState]] = {}  # several sessions may share a lease
        self._revoking: set[LeaseState] = set()
        self._grants: set[LeaseState] = set()
        self._grant_ended = self._runtime.signal()
        client.lease_keepers.add(self)
        self._renewer: Renewer | None = None
        self._closed = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no lease to keep alive."""
        return not self._states

    def begin_grant(self, state: LeaseState) -> None:
        """Count a grant as under way until ``end_grant``: closing waits for it, so that no lease is left."""
        with self._lock:
            if self._closed:
                raise ClientClosedError
            self._grants.add(state)

    def end_grant(self, state: LeaseState) -> None:
        """Count a grant as under way no longer, if it was."""
        self._grants.discard(state)
        if self._closed:
            self._grant_ended.set()

    async def add(self, state: LeaseState, renewal: Renewal) -> None:
        """Keep a lease alive that was just granted or renewed; one that was ended meanwhile is not."""
        state.renewal = renewal
        if self._closed:
            await self._end(state, self._runtime.now() + CLOSE_TIMEOUT)
            raise ClientClosedError
        with self._lock:
            states = self._states.get(renewal.id, [])
            if states and self._renewer:
                state.renewal = states[0].renewal
                self._renewer.renewed(renewal.id, renewal.ttl, renewal.sent)
            self._states[renewal.id] = [*states, state]
            if not states or self._renewer is None:
                renewer = self._renewer or self._begin_renewals()
                renewer.add(renewal)
        if state.ended:
            self.drop(state)

    def _begin_renewals(self) -> Renewer:
        renewer = Renewer(self._client, self._on_lost)
        self._client.background.spawn(partial(renewer.run, partial(self._wanted, renewer)), "etcd_factory leases")
        self._renewer = renewer  # now: an interrupt may come before it runs
        return renewer

    def drop(self, state: LeaseState) -> None:
        """Keep it alive no longer."""
        with self._lock:
            if state.revoked:
                self._revoking.add(state)
            if state.renewal and self._remove(state, state.renewal.id) and self._renewer:
                self._renewer.drop(state.renewal.id)

    def _remove(self, state: LeaseState, lease: int) -> bool:
        """Remove one session's state; returns whether it was the last one of the lease."""
        states = self._states.get(lease, [])
        if state not in states:
            return False
        states.remove(state)
        return not states and self._states.pop(lease) is states

    def renewed(self, state: LeaseState, renewal: Renewal) -> None:
        """Take the result of a renewal that was made elsewhere."""
        with self._lock:
            if state.renewal and state.renewal.id in self._states and self._renewer:
                self._renewer.renewed(renewal.id, renewal.ttl, renewal.sent)

    def notify_lost(self, state: LeaseState) -> None:
        """Call the listeners of a lost lease in the background, each once."""
        if state.listeners:
            self._client.background.spawn(partial(self._notify, state), "etcd_factory lease lost")

    async def close(self) -> None:
        """Revoke all leases, also those whose revocation the end would cut off; end the background work."""
        with self._lock:
            self._closed = True
        end = self._runtime.now() + self._client.patience
        await self._await_grants(end)
        with self._lock:
            states = [*chain(*self._states.values()), *self._revoking]
        for state in states:
            await self._end(state, end)
        with self._lock:
            self._states.clear()  # whatever is left: an interrupt may come at any moment
        if self._renewer is not None:
            self._renewer.wake()

    async def _await_grants(self, end: float) -> None:
        while self._grants and (left := end - self._runtime.now()) > 0:
            self._grant_ended.clear()
            if self._grants:  # else the last one ended just before
                await self._grant_ended.wait(left)

    async def _end(self, state: LeaseState, end: float) -> None:
        state.ended, state.revoked = True, state.revoked or not state.existing
        state.alarm()
        self.drop(state)
        left = end - self._runtime.now()
        try:
            if left > 0 and state.revoked:
                await self.revoke(state, left)
        except EtcdFactoryError as error:
            log.info("a lease could not be revoked and expires by its ttl: %s", error)

    async def revoke(self, state: LeaseState, timeout: float) -> None:
        """Revoke the lease at the server; one that is gone already is no error."""
        try:
            if state.renewal is not None and not state.gone:
                request = messages.LeaseRevokeRequest(ID=state.renewal.id)
                await self._client.call(methods.LEASE_REVOKE, request, timeout)
                state.gone = True
        except LeaseNotFoundError:
            state.gone = True
        finally:
            with self._lock:
                self._revoking.discard(state)

    def _wanted(self, renewer: Renewer, idle: bool) -> bool:
        """Whether this renewer goes on: there is a lease to keep alive, or was just now."""
        with self._lock:
            if self._renewer is not renewer:
                return False
            if not self._states and (idle or self._closed):
                self._renewer = None
            return self._renewer is renewer

    def lost(self, lease: int) -> None:
        """Note that etcd said in some response that it does not have the lease."""
        with self._lock:
            if self._renewer is not None and lease in self._states:
                self._renewer.drop(lease)
                self._renewer.wake()
        self._on_lost(lease)

    def call_later(self, seconds: float, action: Callable[[], object]) -> None:
        """Call ``action``, which must not wait, after about so many seconds if any lease is still kept alive then."""
        with self._lock:
            if self._renewer is not None:
                self._renewer.call_later(seconds, action)

    def _on_lost(self, lease: int) -> None:
        with self._lock:
            states = self._states.pop(lease, [])
        if states:
            log.warning("lease %x is lost: it expired or was revoked", lease)
            report(self._client.hooks, model.activity.LeaseLost(lease))
        for state in states:
            state.lost = True
            state.alarm()
            self.notify_lost(state)

    async def _notify(self, state: LeaseState) -> None:
        await call_listeners(state.listeners, log, "a lost lease", lambda: not state.ended)
