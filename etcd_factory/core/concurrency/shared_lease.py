"""Places under a lease of the user's own, which may have others: the lease stays when one of them is left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.retry import backoff
from etcd_factory.core.call.view import View
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.lease.lease import Lease
from etcd_factory.core.lease.leases import seconds
from etcd_factory.core.lease.session import OVER, LeaseSession
from etcd_factory.core.op import Text, raw
from etcd_factory.core.ports import Task
from etcd_factory.errors import EtcdError, EtcdFactoryError, LeaseNotFoundError, LockFailedError

from .queue import QueueEntry

log = logging.getLogger("etcd_factory.lock")

BOUND = 5.0  # seconds that leaving all places at the end may take


class SharedLeaseEntry(QueueEntry):
    """A place whose key goes when it is left, and whose lease stays."""

    FATE = "its key is deleted as soon as etcd answers"

    def __init__(self, view: View, name: Text, tenure: LeaseSession) -> None:
        super().__init__(view, name, tenure)
        self._places: SharedEntries | None = None
        self._entered = False

    @property
    def path(self) -> bytes:
        """The key as etcd has it."""
        return self._view.namespace + self.key

    @property
    def stands(self) -> bool:
        """Whether its key may be there, and stay."""
        return self._entered and not self.tenure.over

    async def enter(self, value: bytes) -> None:
        """Take the place; ``LockFailedError`` if this lease has one there that is in use here."""
        lease = await self.tenure.grant()
        if not self.tenure.alive:
            raise LeaseNotFoundError(OVER)
        self.key = self.prefix + f"{lease:x}".encode()
        self._places = self._view.client.io.keep("places", partial(SharedEntries, self._view.client))
        self._places.claim(self)
        self._entered = True
        try:
            await super().enter(value)
        except EtcdError:
            self._entered = self.in_doubt or self.revision > 0
            raise

    async def _give_back(self) -> None:
        if self._places is None:
            return
        try:
            if self.stands:
                await self.remove(self._view.timeout)
        except BaseException:
            self._places.sweep(self)
            raise
        self._places.free(self)

    async def remove(self, timeout: float) -> None:
        """Delete the key if it is still this place's."""
        lease = self.tenure.life.renewal
        own = ("create", "==", self.revision) if self.revision else ("lease", "==", lease.id if lease else 0)
        gone = ops.if_(self.key, *own).then(ops.delete().key(self.key))
        await evolve(self._view, timeout=timeout).execute(gone.op())
        self._entered = False


class SharedEntries:
    """The shared leases' places of one client, in asyncio of each loop: a key is one place's at a time."""

    def __init__(self, client: Client) -> None:
        self._client, self._io = client, client.io
        self._guard = client.guard()
        self._standing: dict[bytes, SharedLeaseEntry] = {}
        self._sweeping: dict[SharedLeaseEntry, Task] = {}
        self._stop = client.io.signal()

    def claim(self, place: SharedLeaseEntry) -> None:
        """Let no other place have its key; ``LockFailedError`` if one has."""
        with self._guard:
            if self._standing.setdefault(place.path, place) is not place:
                what = f"this lease has its place for {place.prefix[:-1]!r} already, or has not quite left it"
                raise LockFailedError(f"{what}; take another lease, or none, to wait beside it")

    def free(self, place: SharedLeaseEntry) -> None:
        """Let others have its key."""
        with self._guard:
            if self._standing.get(place.path) is place:
                del self._standing[place.path]

    def sweep(self, place: SharedLeaseEntry) -> None:
        """Let its key be deleted in the background: its lease may live for ever."""
        with self._guard:
            if place not in self._sweeping and not self._stop.is_set():
                self._sweeping[place] = self._io.spawn(self._sweep(place), "etcd_factory lock left")

    async def _sweep(self, place: SharedLeaseEntry) -> None:
        failures = 0
        while not await self._swept(place):
            failures += 1
            await self._stop.wait(backoff(self._client.options.retry, failures, self._client.chance()))
        self.free(place)
        with self._guard:
            del self._sweeping[place]

    async def _swept(self, place: SharedLeaseEntry) -> bool:
        """Whether nothing more is to be done about a key."""
        if place.tenure.alive and not self._stop.is_set():
            try:
                await place.remove(self._client.options.timeout)
            except EtcdFactoryError as error:
                log.info("the key %r could not be deleted and is tried again: %s", place.key, error)
                return False
        return True

    async def close(self) -> None:
        """Leave all places; bounded in time."""
        self._stop.set()
        end = self._io.now() + min(self._client.options.timeout, BOUND)
        for place in list(self._standing.values()):
            left = end - self._io.now()
            try:
                if left > 0 and place.stands:
                    await place.remove(left)
            except EtcdFactoryError as error:
                log.info("the key %r was left to die with its lease: %s", place.key, error)
        for task in list(self._sweeping.values()):
            await task.join(max(0.0, end - self._io.now()))


def entry_factory(view: View, name: Text, ttl: int | None, usual: int, lease: Any) -> Callable[[], QueueEntry]:
    """How places of that name are made: each with a lease of its own, or all with the one that is given."""
    raw(name, "a name")
    if lease is None:
        age = seconds(usual if ttl is None else ttl)
        return lambda: QueueEntry(view, name, LeaseSession(view, age))
    if ttl is not None:
        raise ValueError("ttl is that of a lease made for this alone; the lease that is given has its own: give one")
    if not isinstance(lease, Lease):
        raise TypeError(f"a lease is made by lease(ttl) or lease_of(id); got {type(lease).__name__}")
    tenure = lease._tenure  # pyright: ignore[reportPrivateUsage]
    return lambda: SharedLeaseEntry(view, name, tenure)
