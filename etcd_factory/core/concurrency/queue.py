"""A place in a queue that others stand in too: the order of locks and elections.

Keys and order are those of Go's ``concurrency`` package, so that programs in both can share a lock or an election: each
who waits puts the key ``<name>/<lease id in hex>`` under a lease of its own, and it is the turn of the one that was
created first. One waits for the key just before one's own to go, not for all, so that nobody is woken in vain.
A lease is one participant: it has one place in a queue, whoever uses it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Unbound
from etcd_factory.core.kv.builders import GetAll
from etcd_factory.core.kv.txn import Txn, ops
from etcd_factory.core.lease.session import LeaseSession
from etcd_factory.core.op import Text, raw
from etcd_factory.core.watch.watcher import Watcher
from etcd_factory.errors import CompactedError, EtcdError, EtcdFactoryError, LockFailedError
from etcd_factory.model import KeyValue, RangeResponse, TxnResponse

log = logging.getLogger("etcd_factory.lock")

AGAIN = (
    3  # attempts at an entry whose answer was lost: the key is this lease's alone, so that doing it twice is harmless
)


def queue(prefix: bytes) -> GetAll[Unbound]:
    """Who stands in a queue, the first one only."""
    return ops.get_all().prefix(prefix).sort("create", "ascend").limit(1)


class QueueEntry:
    """One's own place: entered, waited in, left. The lease behind it is the place's own and lives no longer."""

    FATE = "its lease dies by its ttl"

    def __init__(self, view: View, name: Text, tenure: LeaseSession) -> None:
        self.prefix = raw(name, "a name") + b"/"
        self.tenure = tenure
        self.key, self.revision = b"", 0
        self.is_first = self.is_left = self.in_doubt = False
        self._view = view
        self._watcher: Watcher[Any] | None = None
        self._listeners: list[Callable[[], Any]] = []

    @property
    def alive(self) -> bool:
        """Whether it is not left, and its lease surely not lost yet."""
        return not self.is_left and self.tenure.alive

    async def enter(self, value: bytes) -> None:
        """Take the place; ``revision`` is that of the key's creation."""
        lease = await self.tenure.grant()
        self.key = self.prefix + f"{lease:x}".encode()
        entry = ops.if_(self.key, "create", "==", 0).then(ops.put(self.key).lease(lease).value(value))
        done = await self._surely(entry.else_(ops.get(self.key)))
        if done.succeeded:
            self.revision = done.revision
        else:
            await self._resume(done.results[0].kvs[0], value)

    async def _surely(self, txn: Txn[Unbound]) -> TxnResponse:
        for left in reversed(range(AGAIN)):
            try:
                return await self._view.execute(txn.op())
            except EtcdError as error:
                self.in_doubt = self.in_doubt or error.maybe_applied
                if not (error.maybe_applied and left):
                    raise
        raise AssertionError  # the last attempt returns or raises

    async def _resume(self, own: KeyValue, value: bytes) -> None:
        """Go on in a place that this lease has already, as Go's client does."""
        self.revision = own.create_revision
        if own.value != value and not await self.say(value):
            raise self._lost()

    async def say(self, value: bytes) -> bool:
        """Let the key have another value; false if it is not there any more."""
        put = ops.put(self.key).ignore_lease().value(value)
        done = await self._view.execute(ops.if_(self.key, "create", "==", self.revision).then(put).op())
        return bool(done.succeeded)

    def _lost(self) -> LockFailedError:
        what, fate = ("place for", "left") if self.is_left else ("lease of", "lost")
        return LockFailedError(f"the {what} {self.prefix[:-1]!r} was {fate} while waiting")

    async def before(self) -> RangeResponse:
        """The one just before this place, if there is one."""
        last = ops.get_all().prefix(self.prefix).sort("create", "descend").limit(1)
        return await self._view.execute(last.max_create_revision(self.revision - 1).op())

    async def wait(self, deadline: float | None) -> bool:
        """Whether it is this place's turn before the deadline; ``LockFailedError`` if the lease is lost meanwhile."""
        alarms = self.tenure.life.alarms
        alarms.add(self._wake)
        try:
            self.is_first = await self._reached(deadline) and await self._mine()
        finally:
            alarms.discard(self._wake)
        return self.is_first

    async def _reached(self, deadline: float | None) -> bool:
        """Whether nobody is before this place any more."""
        while self.alive:
            found = await self.before()
            if not found.kvs:
                return True
            if deadline is not None and self._view.client.io.now() >= deadline:
                return False
            await self._gone(found.kvs[0], found.revision + 1, deadline)
        raise self._lost()

    async def _mine(self) -> bool:
        """The key is still there: without it the place is another's, whatever the clock says here."""
        own = await self._view.execute(ops.get(self.key).op())
        if not self.alive or not own.kvs or own.kvs[0].create_revision != self.revision:
            raise self._lost()
        return True

    async def _gone(self, kv: KeyValue, start: int, deadline: float | None) -> None:
        """Wait until a key is deleted, or there is reason to look again."""
        view, now = self._view, self._view.client.io.now()
        self._watcher = watcher = Watcher[Any](view, {"key": kv.key, "range_end": b"", "filters": ["NOPUT"]})
        try:
            if self.alive:  # what ended it before there was a watcher has woken nobody
                await watcher.open(start)
                await watcher.take(None if deadline is None else max(0.0, deadline - now))
        except CompactedError:
            return  # it may have gone already
        finally:
            await watcher.leave()

    def _wake(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()

    def listen(self, listener: Callable[[], Any]) -> None:
        """Call the listener when the lease is lost, unless the place is left before."""
        if not self.is_left:
            self._listeners.append(listener)
            self.tenure.listen(listener)

    async def leave(self) -> None:
        """Give the place up; one who waits in it is woken."""
        self.is_left = True
        self._wake()
        for listener in self._listeners:
            self.tenure.forget(listener)
        await self._give_back()

    async def _give_back(self) -> None:
        """Let the key go, with its lease."""
        await self.tenure.revoke()


async def drop(place: QueueEntry, name: Text) -> None:
    """Leave a place, whatever comes of it."""
    try:
        await place.leave()
    except EtcdFactoryError as error:
        log.warning("the place for %r could not be left at once, %s: %s", name, place.FATE, error)
