"""The queue behind locks and elections: whose turn it is.

Keys and order are those of Go's ``concurrency`` package, so that programs in both can share a lock or an election: each
contender puts the key ``<name>/<lease id in hex>`` under a lease of its own, and it is the turn of the one created
first. Each waits only for the key just before its own to be deleted, so that nobody is woken needlessly. A lease is one
contender: it has one entry in a queue, whoever uses it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from etcd_factory.core.arguments import Text, to_bytes
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Unbound
from etcd_factory.core.kv.builders import GetAll
from etcd_factory.core.kv.txn import Txn, ops
from etcd_factory.core.lease.session import LeaseSession
from etcd_factory.core.watch.watcher import AnyWatcher
from etcd_factory.errors import ClientClosedError, CompactedError, EtcdError, EtcdFactoryError, LockFailedError
from etcd_factory.model import KeyValue, RangeResponse, TxnResponse

log = logging.getLogger("etcd_factory.lock")

# Attempts to create an entry whose response was lost: the key is this lease's alone, so that creating it twice is
# harmless.
ENTER_ATTEMPTS = 3


def first_entry(prefix: bytes) -> GetAll[Unbound]:
    """Read the first entry of a queue."""
    return ops.get_all().prefix(prefix).sort("create", "ascend").limit(1)


class QueueEntry:
    """One contender's entry: entered, waited for, left. Its lease is its own, and ends with it."""

    FATE = "its lease expires by its ttl"

    def __init__(self, view: View, name: Text, session: LeaseSession) -> None:
        self.prefix = to_bytes(name, "a name") + b"/"
        self.session = session
        self.key, self.revision = b"", 0
        self.is_first = self.is_left = self.in_doubt = False
        self._view = view
        self._watcher: AnyWatcher | None = None
        self._listeners: list[Callable[[], object]] = []

    @property
    def alive(self) -> bool:
        """Whether it is not left, and its lease certainly not expired yet."""
        return not self.is_left and self.session.alive

    async def enter(self, value: bytes) -> None:
        """Create the entry; ``revision`` is its key's create revision."""
        lease = await self.session.grant()
        self.key = self.prefix + f"{lease:x}".encode()
        create = ops.if_(self.key, "create", "==", 0).then(ops.put(self.key).lease(lease).value(value))
        done = await self._execute_surely(create.else_(ops.get(self.key)))
        if done.succeeded:
            self.revision = done.revision
        else:
            await self._reuse(done.results[0].kvs[0], value)

    async def _execute_surely(self, txn: Txn[Unbound]) -> TxnResponse:
        for left in reversed(range(ENTER_ATTEMPTS)):
            try:
                return await self._view.execute(txn.op())
            except EtcdError as error:
                self.in_doubt = self.in_doubt or error.maybe_applied
                if not (error.maybe_applied and left):
                    raise
        raise AssertionError  # the last attempt returns or raises

    async def _reuse(self, own: KeyValue, value: bytes) -> None:
        """Continue with an entry that this lease has already, as Go's client does."""
        self.revision = own.create_revision
        if own.value != value and not await self.set_value(value):
            raise self._lost()

    async def set_value(self, value: bytes) -> bool:
        """Give the key another value; returns False if the key is gone."""
        put = ops.put(self.key).ignore_lease().value(value)
        done = await self._view.execute(ops.if_(self.key, "create", "==", self.revision).then(put).op())
        return done.succeeded

    def _lost(self) -> EtcdFactoryError:
        if self._view.client.background.closed:
            return ClientClosedError()
        what, fate = ("entry for", "left") if self.is_left else ("lease of", "lost")
        return LockFailedError(f"the {what} {self.prefix[:-1]!r} was {fate} while waiting")

    async def previous(self) -> RangeResponse:
        """Read the entry just before this one."""
        last = ops.get_all().prefix(self.prefix).sort("create", "descend").limit(1)
        return await self._view.execute(last.max_create_revision(self.revision - 1).op())

    async def wait(self, deadline: float | None) -> bool:
        """Return whether it is this entry's turn before the deadline; ``LockFailedError`` if its lease is lost."""
        alarms = self.session.state.alarms
        alarms.add(self._interrupt)
        try:
            self.is_first = await self._reach_front(deadline) and await self._verify()
        finally:
            alarms.discard(self._interrupt)
        return self.is_first

    async def _reach_front(self, deadline: float | None) -> bool:
        """Wait until no entry is before this one; returns False at the deadline."""
        while self.alive:
            found = await self.previous()
            if not found.kvs:
                return True
            if deadline is not None and self._view.client.runtime.now() >= deadline:
                return False
            await self._await_deletion(found.kvs[0], found.revision + 1, deadline)
        raise self._lost()

    async def _verify(self) -> bool:
        """Check that the key still exists: without it the turn is another's, whatever the clock says here."""
        own = await self._view.execute(ops.get(self.key).op())
        if not self.alive or not own.kvs or own.kvs[0].create_revision != self.revision:
            raise self._lost()
        return True

    async def _await_deletion(self, kv: KeyValue, start: int, deadline: float | None) -> None:
        """Wait until a key is deleted, or there is a reason to look again."""
        view, now = self._view, self._view.client.runtime.now()
        self._watcher = watcher = AnyWatcher(view, {"key": kv.key, "range_end": b"", "filters": ["NOPUT"]})
        try:
            if self.alive:  # what ended it before there was a watcher has woken nobody
                await watcher.open(start)
                await watcher.take(None if deadline is None else max(0.0, deadline - now))
        except CompactedError:
            return  # it may have been deleted already
        finally:
            await watcher.end()

    def _interrupt(self) -> None:
        if self._watcher is not None:
            self._watcher.interrupt()

    def listen(self, listener: Callable[[], object]) -> None:
        """Call the listener when the lease is lost, unless the entry is left before."""
        if not self.is_left:
            self._listeners.append(listener)
            self.session.listen(listener)

    async def leave(self) -> None:
        """Give the entry up; a caller that waits for its turn is woken."""
        self.is_left = True
        self._interrupt()
        for listener in self._listeners:
            self.session.ignore(listener)
        await self._remove()

    async def _remove(self) -> None:
        """Remove the key, with its lease."""
        await self.session.revoke()


async def leave_and_log(entry: QueueEntry, name: Text) -> None:
    """Leave an entry; a failure is logged."""
    try:
        await entry.leave()
    except EtcdFactoryError as error:
        log.warning("the entry for %r could not be removed, %s: %s", name, entry.FATE, error)
