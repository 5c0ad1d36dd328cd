"""The leases that a client keeps alive, and who is told when one is lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import chain

from attrs import define, field

from etcd_factory.core.call.client import Client
from etcd_factory.core.ports import Task, value_of
from etcd_factory.errors import ClientClosedError, EtcdFactoryError, LeaseNotFoundError
from etcd_factory.wire import messages, methods

from .renewer import Renewer
from .schedule import Renewal

log = logging.getLogger("etcd_factory.lease")

BOUND = 5.0  # seconds that revoking at the end may take, and ending the background work


@define(eq=False)
class LeaseState:
    """What became of one lease; its handle and its keeper share it.

    Only the user's side sets ``ended`` (released or revoked), ``revoked`` and ``gone`` (the server has confirmed it),
    only the keeper ``lost``: so neither overwrites the other. ``listeners`` are told in the background that it is lost,
    ``alarms`` ring at once, however it ends. An ``adopted`` one was not granted here: the client's end leaves it.
    """

    renewal: Renewal | None = None
    adopted: bool = False
    ended: bool = False
    revoked: bool = False
    gone: bool = False
    lost: bool = False
    listeners: deque[Callable[[], object]] = field(factory=deque[Callable[[], object]])
    alarms: set[Callable[[], object]] = field(factory=set[Callable[[], object]])

    def ring(self) -> None:
        """Wake those who wait for something that it is needed for."""
        for alarm in tuple(self.alarms):
            alarm()


class KeepAlive:
    """Keeps leases alive; ``client.io.keep`` has one for each client, in asyncio for each loop."""

    def __init__(self, client: Client) -> None:
        self._client, self._io = client, client.io
        self._guard = client.guard()
        self._held: dict[int, list[LeaseState]] = {}  # several handles may be of one lease
        self._leaving: set[LeaseState] = set()  # their revoking is under way
        self._renewer: Renewer | None = None
        self._tasks: dict[object, Task] = {}
        self._over: list[object] = []
        self._closed = False

    def hold(self, life: LeaseState, renewal: Renewal) -> None:
        """Keep a lease alive that has just been granted or renewed, unless it has been ended meanwhile."""
        life.renewal = renewal
        with self._guard:
            if self._closed:
                raise ClientClosedError
            lives = self._held.setdefault(renewal.id, [])
            if lives and self._renewer:
                life.renewal = lives[0].renewal
                self._renewer.learn(renewal.id, renewal.ttl, renewal.sent)
            else:
                self._renew(renewal)
            lives.append(life)
        if life.ended:
            self.drop(life)

    def _renew(self, renewal: Renewal) -> None:
        if self._renewer is None:
            self._renewer = Renewer(self._client, self._lose)
            self._spawn(partial(self._renewer.run, self._holds), "etcd_factory leases")
        self._renewer.add(renewal)

    def drop(self, life: LeaseState) -> None:
        """Keep it alive no longer."""
        with self._guard:
            if life.revoked:
                self._leaving.add(life)
            if life.renewal and self._part(life, life.renewal.id) and self._renewer:
                self._renewer.drop(life.renewal.id)

    def _part(self, life: LeaseState, lease: int) -> bool:
        """Let go of one handle of a lease; whether it was the last one."""
        lives = self._held.get(lease, [])
        if life not in lives:
            return False
        lives.remove(life)
        return not lives and self._held.pop(lease) is lives

    def learn(self, life: LeaseState, renewal: Renewal) -> None:
        """What a renewal by somebody else was answered."""
        with self._guard:
            if life.renewal and life.renewal.id in self._held and self._renewer:
                self._renewer.learn(renewal.id, renewal.ttl, renewal.sent)

    def tell(self, life: LeaseState) -> None:
        """Call those who want to know that the lease is lost, in the background, each once."""
        if life.listeners:
            with self._guard:
                self._spawn(partial(self._tell, life), "etcd_factory lease lost")

    async def close(self) -> None:
        """Revoke all leases that are held, those too whose revoking the end would cut off; end the background work."""
        with self._guard:
            self._closed, held = True, [*chain(*self._held.values()), *self._leaving]
        end = self._io.now() + min(self._client.options.timeout, BOUND)
        for life in held:
            await self._release(life, end)
        if self._renewer is not None:
            self._renewer.wake()
        end = self._io.now() + BOUND
        for task in list(self._tasks.values()):
            await task.join(max(0.0, end - self._io.now()))

    async def _release(self, life: LeaseState, end: float) -> None:
        life.ended, life.revoked = True, life.revoked or not life.adopted
        life.ring()
        self.drop(life)
        left = end - self._io.now()
        try:
            if left > 0 and life.revoked:
                await self.revoke(life, left)
        except EtcdFactoryError as error:
            log.info("a lease was left to die by its ttl: %s", error)

    async def revoke(self, life: LeaseState, timeout: float) -> None:
        """End the lease at the server; one that is gone already is fine."""
        try:
            if life.renewal is not None and not life.gone:
                request = messages.LeaseRevokeRequest(ID=life.renewal.id)
                with suppress(LeaseNotFoundError):
                    await self._client.call(methods.LEASE_REVOKE, request, timeout)
                life.gone = True
        finally:
            with self._guard:
                self._leaving.discard(life)

    def _holds(self) -> bool:
        """Whether there is a lease to be kept alive; where there is none the task is over."""
        with self._guard:
            if not self._held:
                self._renewer = None
            return bool(self._held)

    def _lose(self, lease: int) -> None:
        with self._guard:
            lives = self._held.pop(lease, [])
        if lives:
            log.warning("lease %x is lost", lease)
        for life in lives:
            life.lost = True
            life.ring()
            self.tell(life)

    async def _tell(self, life: LeaseState) -> None:
        while life.listeners and not life.ended:
            try:
                await value_of(life.listeners.popleft()())
            except Exception:
                log.exception("a function called for a lost lease failed")

    def _spawn(self, body: Callable[[], Awaitable[object]], name: str) -> None:
        """Run it in the background, known until it has ended."""
        while self._over:
            self._tasks.pop(self._over.pop(), None)
        key = object()

        async def run() -> None:
            try:
                await body()
            finally:
                self._over.append(key)

        self._tasks[key] = self._io.spawn(run(), name)
