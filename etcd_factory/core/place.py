"""A place in a queue that others stand in too: the order of locks and elections.

Keys and order are those of Go's ``concurrency`` package, so that programs in both can share a lock or an election: each
who waits puts the key ``<name>/<lease id in hex>`` under a lease of its own, and it is the turn of the one that was
created first. One waits for the key just before one's own to go, not for all, so that nobody is woken in vain.
"""

from __future__ import annotations

import logging
from typing import Any

from etcd_factory.errors import CompactedError, EtcdError, EtcdFactoryError, LockFailedError
from etcd_factory.model import KeyValue, RangeResponse, TxnResponse

from .face import Unbound
from .kv import GetAll
from .op import Text, raw
from .tenure import Tenure
from .txn import Txn, ops
from .view import View
from .watcher import Watcher

log = logging.getLogger("etcd_factory.lock")

AGAIN = (
    3  # attempts at an entry whose answer was lost: the key is this lease's alone, so that doing it twice is harmless
)


def queue(prefix: bytes) -> GetAll[Unbound]:
    """Who stands in a queue, the first one only."""
    return ops.get_all().prefix(prefix).sort("create", "ascend").limit(1)


class Place:
    """One's own place: entered, waited in, left. The lease behind it lives no longer."""

    def __init__(self, view: View, name: Text, ttl: int) -> None:
        self.prefix = raw(name, "a name") + b"/"
        self.tenure = Tenure(view, ttl)
        self.key, self.revision = b"", 0
        self._view = view
        self._watcher: Watcher[Any] | None = None

    @property
    def alive(self) -> bool:
        """Whether the lease is surely not lost yet."""
        life = self.tenure.life
        ended = life.renewal is None or life.ended or life.lost
        return not ended and self._view.client.io.now() < life.renewal.deadline  # type: ignore[union-attr]

    async def enter(self, value: bytes) -> None:
        """Take the place; ``revision`` is that of the key's creation."""
        lease = await self.tenure.grant()
        self.key = self.prefix + f"{lease:x}".encode()
        entry = ops.if_(self.key, "create", "==", 0).then(ops.put(self.key).lease(lease).value(value))
        done = await self._surely(entry.else_(ops.get(self.key)))
        self.revision = done.revision if done.succeeded else done.results[0].kvs[0].create_revision

    async def _surely(self, txn: Txn[Unbound]) -> TxnResponse:
        for left in reversed(range(AGAIN)):
            try:
                return await self._view.execute(txn.op())
            except EtcdError as error:
                if not (error.maybe_applied and left):
                    raise
        raise AssertionError  # the last attempt returns or raises

    async def before(self) -> RangeResponse:
        """The one just before this place, if there is one."""
        last = ops.get_all().prefix(self.prefix).sort("create", "descend").limit(1)
        return await self._view.execute(last.max_create_revision(self.revision - 1).op())

    async def wait(self, deadline: float | None) -> bool:
        """Whether it is this place's turn before the deadline; ``LockFailedError`` if the lease is lost meanwhile."""
        self.tenure.listen(self._wake)
        while (found := await self.before()).kvs:
            if not self.alive:
                raise LockFailedError(f"the lease of {self.prefix[:-1]!r} was lost while waiting")
            if deadline is not None and self._view.client.io.now() >= deadline:
                return False
            await self._gone(found.kvs[0], found.revision + 1, deadline)
        return await self._mine()

    async def _mine(self) -> bool:
        """The key is still there: without it the place is another's, whatever the clock says here."""
        own = await self._view.execute(ops.get(self.key).op())
        if not own.kvs or own.kvs[0].create_revision != self.revision:
            raise LockFailedError(f"the lease of {self.prefix[:-1]!r} was lost while waiting")
        return True

    async def _gone(self, kv: KeyValue, start: int, deadline: float | None) -> None:
        """Wait until a key is deleted, or there is reason to look again."""
        view, now = self._view, self._view.client.io.now()
        self._watcher = watcher = Watcher[Any](view, {"key": kv.key, "range_end": b"", "filters": ["NOPUT"]})
        try:
            await watcher.open(start)
            await watcher.take(None if deadline is None else max(0.0, deadline - now))
        except CompactedError:
            return  # it may have gone already
        finally:
            await watcher.leave()

    def _wake(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()

    async def leave(self) -> None:
        """Give the place up: its key goes with its lease."""
        await self.tenure.revoke()


async def drop(place: Place, name: Text) -> None:
    """Leave a place; where that fails its lease dies by its ttl."""
    try:
        await place.leave()
    except EtcdFactoryError as error:
        log.warning("the lease for %r could not be revoked and dies by its ttl: %s", name, error)
