"""Queue entries under a lease of the user's, which may have several: the lease stays when one of them is left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from etcd_factory.core.arguments import Text, to_bytes, ttl_seconds
from etcd_factory.core.background import Closing
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.view import View
from etcd_factory.core.lease.lease import session_of
from etcd_factory.core.lease.session import OVER, LeaseSession
from etcd_factory.core.op import Op, message
from etcd_factory.core.ports import Task
from etcd_factory.errors import EtcdError, EtcdFactoryError, LeaseNotFoundError, LockFailedError

from .queue import QueueEntry

log = logging.getLogger("etcd_factory.lock")


class SharedLeaseEntry(QueueEntry):
    """An entry whose key is deleted when it is left, and whose lease stays."""

    FATE = "its key is deleted as soon as etcd answers"

    def __init__(self, view: View, name: Text, session: LeaseSession) -> None:
        super().__init__(view, name, session)
        self._entries: SharedEntries | None = None
        self._entered = False
        self.path = b""  # the key as etcd has it

    @property
    def may_remain(self) -> bool:
        """Whether its key may exist, and outlive its use."""
        return self._entered and not self.session.over

    async def enter(self, value: bytes) -> None:
        """Create the entry; ``LockFailedError`` if this lease has one in use here."""
        lease = await self.session.grant()
        if not self.session.alive:
            raise LeaseNotFoundError(OVER)
        self.key = self.prefix + b"%x" % lease
        self.path = self._view.namespace + self.key
        self._entries = self._view.client.background.get(SharedEntries)
        self._entries.claim(self)
        self._entered = True
        try:
            await self._create(lease, value)
        except EtcdError:
            self._entered = self.in_doubt or self.revision > 0
            raise

    async def _remove(self) -> None:
        if self._entries is None:
            return
        try:
            if self.may_remain:
                await self.delete_key(self._view.timeout)
        except BaseException:
            self._entries.delete_later(self)
            raise
        self._entries.release(self)

    def remove_later(self) -> None:
        """Do nothing: the key is being deleted already, and the lease is the user's."""

    async def delete_key(self, timeout: float) -> None:
        """Delete the key if it is still this entry's."""
        fields = {"key": self.key, "owned": self._owned()}
        await self._view.within(timeout).execute(Op("leave", fields, message, name="txn"))
        self._entered = False

    def _owned(self) -> tuple[str, int]:
        """Return what tells the key from another's."""
        if self.revision:
            return "create_revision", self.revision
        renewal = self.session.state.renewal
        return "lease", renewal.id if renewal else 0


class SharedEntries:
    """The entries under shared leases of one client, in asyncio of one event loop: a key has one entry at a time."""

    closing: ClassVar = Closing.QUEUE_ENTRIES

    def __init__(self, client: Client) -> None:
        self._client, self._runtime = client, client.runtime
        self._lock = self._runtime.lock()
        self._claimed: dict[bytes, SharedLeaseEntry] = {}
        self._deleting: dict[SharedLeaseEntry, Task] = {}
        self._stop = self._runtime.signal()

    def claim(self, entry: SharedLeaseEntry) -> None:
        """Reserve the entry's key for it; ``LockFailedError`` if another entry has it."""
        with self._lock:
            if self._claimed.setdefault(entry.path, entry) is not entry:
                problem = f"this lease already waits for or holds {entry.prefix[:-1]!r}, or has not finished leaving it"
                raise LockFailedError(f"{problem}; use another lease, or none")

    def release(self, entry: SharedLeaseEntry) -> None:
        """Let other entries have its key."""
        with self._lock:
            if self._claimed.get(entry.path) is entry:
                del self._claimed[entry.path]

    def delete_later(self, entry: SharedLeaseEntry) -> None:
        """Delete its key in the background: its lease may live for ever."""
        with self._lock:
            if entry not in self._deleting and not self._stop.is_set():
                self._deleting[entry] = self._runtime.spawn(self._delete(entry), "etcd_factory lock left")

    async def _delete(self, entry: SharedLeaseEntry) -> None:
        failures = 0
        while not await self._deleted(entry):
            failures += 1
            await self._stop.wait(self._client.backoff(failures))
        self.release(entry)
        with self._lock:
            del self._deleting[entry]

    async def _deleted(self, entry: SharedLeaseEntry) -> bool:
        """Return whether nothing more has to be done about a key."""
        if entry.session.alive and not self._stop.is_set():
            try:
                await entry.delete_key(self._client.options.timeout)
            except EtcdFactoryError as error:
                log.info("the key %r could not be deleted, retrying: %s", entry.key, error)
                return False
        return True

    async def close(self) -> None:
        """Delete the keys of all entries, in bounded time."""
        self._stop.set()
        end = self._runtime.now() + self._client.patience
        for entry in list(self._claimed.values()):
            left = end - self._runtime.now()
            try:
                if left > 0 and entry.may_remain:
                    await entry.delete_key(left)
            except EtcdFactoryError as error:
                log.info("the key %r could not be deleted and expires with its lease: %s", entry.key, error)
        for task in list(self._deleting.values()):
            await task.join(max(0.0, end - self._runtime.now()))


def entry_factory(view: View, name: Text, ttl: int | None, default: int, lease: object) -> Callable[[], QueueEntry]:
    """Return how entries of that name are made: each with a lease of its own, or all under the ``lease`` passed."""
    to_bytes(name, "a name")
    if lease is None:
        seconds = ttl_seconds(default if ttl is None else ttl)
        return lambda: QueueEntry(view, name, LeaseSession(view, seconds))
    if ttl is not None:
        raise ValueError("pass ttl or lease, not both: the lease has its own ttl")
    session = session_of(lease, view.face)
    return lambda: SharedLeaseEntry(view, name, session)
