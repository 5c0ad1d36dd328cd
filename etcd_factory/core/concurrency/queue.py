"""The queue behind locks and elections: whose turn it is.

Keys and order are those of Go's ``concurrency`` package, so that programs in both can share a lock or an election: each
contender puts the key ``<name>/<lease id in hex>`` under a lease of its own, and it is the turn of the one created
first. Each waits only for the key just before its own to be deleted, so that nobody is woken needlessly. A lease is one
contender: it has one entry in a queue, whoever uses it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from weakref import ref

from etcd_factory.core.arguments import Text, seconds, to_bytes
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Unbound
from etcd_factory.core.handlers import Listener, call_listeners
from etcd_factory.core.kv.builders import GetAll
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.lease.session import LeaseSession, revoke_later
from etcd_factory.core.op import Op
from etcd_factory.core.watch.key_watch import KeyWatch
from etcd_factory.core.watch.watcher import AnyWatcher
from etcd_factory.errors import (
    ClientClosedError,
    CompactedError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    EtcdFactoryError,
    LockFailedError,
    TLSError,
)
from etcd_factory.model import KeyValue, RangeResponse
from etcd_factory.wire.replies import Entered, entered

from .deadline import NEVER, PATIENCE, Deadline

if TYPE_CHECKING:
    from etcd_factory.wire import messages as m

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("etcd_factory.lock")

# Attempts to create an entry whose response was lost: the key is this lease's alone, so that creating it twice is
# harmless.
ENTER_ATTEMPTS = 3
GUARD_AFTER = 0.2  # seconds: who holds a lock for less is faster than its watch would be


def first_entry(prefix: bytes) -> GetAll[Unbound]:
    """Read the first entry of a queue."""
    return ops.get_all().prefix(prefix).sort("create", "ascend").limit(1)


class QueueEntry:
    """One contender's entry: entered, waited for, left. Its lease is its own, and ends with it."""

    FATE = "its lease expires by its ttl"

    def __init__(self, view: View, name: Text, session: LeaseSession) -> None:
        self.name, self.prefix = name, to_bytes(name, "a name") + b"/"
        self.session = session
        self.key, self.revision = b"", 0
        self.is_first = self.is_left = self.is_deleted = self.in_doubt = False
        self._view = view
        self._deadline = NEVER
        self._before = b""  # the key that is waited for
        self._failure: EtcdError | None = None
        self._watcher: AnyWatcher | None = None
        self._guard: KeyWatch | None = None
        self._listeners: deque[Listener] = deque()

    @property
    def alive(self) -> bool:
        """Whether it is not left, its key not seen deleted, and its lease certainly not expired yet."""
        return not (self.is_left or self.is_deleted) and self.session.alive

    # --- contending

    async def contend(self, value: bytes, timeout: float | None, failed: str) -> None:
        """Enter, and wait for the turn, for ever or ``timeout`` seconds; 0 tries once.

        Raises ``LockFailedError`` if it does not come in time, which is what ``failed`` says, or the lease is lost
        meanwhile: then nothing is left.
        """
        if timeout is not None:
            timeout = seconds(timeout)
            self._deadline = Deadline.after(timeout, self._view.timeout, self._view.client.runtime.now)
        try:
            if not await self._reaches(value):
                waits = f"it waits for the key {self._before!r}" if self._before else "etcd did not answer"
                raise LockFailedError(f"{failed} within {timeout:g} s: {waits}") from self._failure
            self._deadline = NEVER
            self.session.call_later(GUARD_AFTER, weakly(self, QueueEntry._begin_guard))
        except BaseException:
            await self.abandon()
            raise

    async def _reaches(self, value: bytes) -> bool:
        """Return whether it is this entry's turn before the deadline."""
        try:
            await self.enter(value)
            return self.is_first or await self.wait()
        except (DeadlineExceededError, ConnectionFailedError) as error:
            if not self._deadline.limits or isinstance(error, TLSError):
                raise
            self._failure = error
            return False

    @property
    def _bounded(self) -> View:
        """The view for calls that the deadline bounds too."""
        return self._view if self._deadline is NEVER else self._view.within(self._deadline.call_timeout)

    async def abandon(self) -> None:
        """Leave in the background, which does not end with the caller; waits a moment for it."""
        left, self.is_left = self._view.client.runtime.signal(), True

        async def leave() -> None:
            try:
                await leave_and_log(self)
            finally:
                left.set()

        self._view.client.background.spawn(leave, "etcd_factory lock left")
        await left.wait(PATIENCE)

    async def enter(self, value: bytes) -> None:
        """Create the entry; ``revision`` is its key's create revision.

        The transaction reads the first entry too, as that of Go's client does: a free lock takes no other call.
        """
        await self._create(await self.session.grant(self._bounded.timeout), value)

    async def _create(self, lease: int, value: bytes) -> None:
        self.key = self.prefix + b"%x" % lease
        fields = {"queue": self.prefix, "key": self.key, "value": value, "lease": lease}
        found = await self._execute_surely(Op("enter", fields, entered, name="txn"))
        self.revision = found.revision
        if found.value not in (None, value):
            await self._reuse(value)
        self.is_first = found.first == (self.key, self.revision) and self.alive

    def _is_own(self, kv: KeyValue) -> bool:
        return (kv.key, kv.create_revision) == (self.key, self.revision)

    async def _execute_surely(self, op: Op[Entered]) -> Entered:
        for left in reversed(range(ENTER_ATTEMPTS)):
            try:
                return await self._bounded.execute(op)
            except EtcdError as error:
                self.in_doubt = self.in_doubt or error.maybe_applied
                if not (error.maybe_applied and left) or self._deadline.over:
                    raise
        raise AssertionError  # the last attempt returns or raises

    async def _reuse(self, value: bytes) -> None:
        """Continue with an entry that this lease has already, under another value, as Go's client does."""
        if not await self.set_value(value):
            raise self._lost()

    async def set_value(self, value: bytes) -> bool:
        """Give the key another value; returns False if the key is gone, or another's."""
        put = ops.put(self.key).ignore_lease().value(value)
        done = await self._bounded.execute(ops.if_(self.key, "create", "==", self.revision).then(put).op())
        if not done.succeeded:
            self.lose()
        return done.succeeded

    def _lost(self) -> EtcdFactoryError:
        if self._view.client.background.closed:
            return ClientClosedError()
        if self.is_left:
            return LockFailedError(f"the entry for {self.name!r} was left while waiting")
        if self.session.alive:  # as far as is known here
            why = "it was deleted, or its lease expired"
            return LockFailedError(f"the key of {self.name!r} was lost while waiting: {why}; try again")
        return LockFailedError(f"the lease of {self.name!r} was lost while waiting; try again")

    async def previous(self) -> RangeResponse:
        """Read the entry just before this one."""
        last = ops.get_all().prefix(self.prefix).sort("create", "descend").limit(1)
        return await self._bounded.execute(last.max_create_revision(self.revision - 1).op())

    async def wait(self) -> bool:
        """Return whether it is this entry's turn before the deadline; ``LockFailedError`` if its lease is lost."""
        alarms = self.session.state.alarms
        alarms.add(self._interrupt)
        try:
            self.is_first = (self.is_first and self.alive) or await self._reach_front()
        finally:
            alarms.discard(self._interrupt)
        return self.is_first

    async def _reach_front(self) -> bool:
        """Wait until no entry is before this one; returns False at the deadline."""
        while self.alive:
            found = await self.previous()
            self._before = found.kvs[0].key if found.kvs else b""
            if not found.kvs:
                return await self._verify()
            if self._deadline.reached:
                return False
            await self._await_deletion(found.kvs[0], found.revision)
        raise self._lost()

    async def _verify(self) -> bool:
        """Check that the key still exists: without it the turn is another's, whatever the clock says here."""
        own = await self._bounded.execute(ops.get(self.key).op())
        if not self.alive or not any(map(self._is_own, own.kvs)):
            raise self._lost()
        return True

    async def _await_deletion(self, kv: KeyValue, seen: int) -> None:
        """Wait until a key, which was there at revision ``seen``, is deleted, or there is a reason to look again.

        etcd serves a watch of the past only every 100 ms. One from now on it serves at once, and the key is read again
        if the store was changed before the watch began.
        """
        self._watcher = watcher = AnyWatcher(self._bounded, {"key": kv.key, "range_end": b"", "filters": ["NOPUT"]})
        try:
            if self.alive:  # what ended it before there was a watcher has woken nobody
                await watcher.open(0)
                if watcher.begun <= seen or await self._is_there(kv):
                    await watcher.received(self._deadline.wait_timeout)
        except CompactedError:
            return  # it may have been deleted already
        finally:
            await watcher.end()

    async def _is_there(self, kv: KeyValue) -> bool:
        found = await self._bounded.execute(ops.get(kv.key).op())
        return any(one.create_revision == kv.create_revision for one in found.kvs)

    def _interrupt(self) -> None:
        if self._watcher is not None:
            self._watcher.interrupt()

    # --- holding

    def _begin_guard(self) -> None:
        """Watch the own key: whoever deletes it, the turn is another's. Go's client has no such watch."""
        if self.alive and self._guard is None:
            changed, read = weakly(self, QueueEntry._changed), weakly(self, QueueEntry._read)
            self._guard = KeyWatch(self._view, self.key, changed, read)
            self._guard.begin(self.revision + 1)

    def _changed(self, kv: m.KeyValue | None, revision: int) -> None:
        del revision
        if kv is None or kv.create_revision != self.revision:
            self.lose()

    def _read(self, kv: m.KeyValue | None, revision: int, rolled_back: bool) -> None:
        del rolled_back
        self._changed(kv, revision)

    def lose(self) -> None:
        """Note that the key is gone, and call the listeners in the background."""
        if self.alive:
            self.is_deleted = True
            log.warning("the key %r is gone, and %r lost: it was deleted, or its lease ended", self.key, self.name)
            self._view.client.background.spawn(self._notify, "etcd_factory lock lost")

    async def _notify(self) -> None:
        for listener in self._listeners:
            self.session.ignore(listener)
        await call_listeners(self._listeners, log, "a lost lock or leadership", lambda: not self.is_left)

    def listen(self, listener: Listener) -> None:
        """Call the listener when the key or the lease is lost, unless the entry is left before; at once if it is."""
        if not self.is_left:
            self._listeners.append(listener)
            self.session.listen(listener)
        if self.is_deleted:
            self._view.client.background.spawn(self._notify, "etcd_factory lock lost")

    async def leave(self) -> None:
        """Give the entry up, even if the caller is cancelled; one that waits for its turn is woken."""
        self.session.check_owner()
        await self._view.client.background.complete(self._leave, "etcd_factory lock left")

    async def _leave(self) -> None:
        self.is_left = True
        if self._watcher is not None:
            self._watcher.interrupt()
        for listener in self._listeners:
            self.session.ignore(listener)
        if self._guard is not None:
            await self._guard.end()
        await self._remove()

    async def _remove(self) -> None:
        """Remove the key, with its lease."""
        await self.session.end()

    def remove_later(self) -> None:
        """Try again in the background to remove it."""
        renewal = self.session.state.renewal
        if renewal is not None and not self._view.client.background.closed:
            revoke_later(self._view.client, renewal.id, renewal.ttl)


async def leave_and_log(entry: QueueEntry) -> None:
    """Leave an entry; a failure is logged. In a forked child it is the parent's, and stays."""
    if entry.session.inherited:
        return
    try:
        await entry.leave()
    except EtcdFactoryError as error:
        log.warning("the entry for %r could not be removed, %s: %s", entry.name, entry.FATE, error)
        entry.remove_later()


def weakly(one: T, method: Callable[Concatenate[T, P], None]) -> Callable[P, None]:
    """Return a function that calls a method of an object for as long as that exists, which it does not keep alive."""
    reference = ref(one)

    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        found = reference()
        if found is not None:
            method(found, *args, **kwargs)

    return call
