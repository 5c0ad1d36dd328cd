"""Telling a member that lags from a store that was rolled back: emptied, or restored from a backup.

A watch from a revision that the store has not reached waits there in silence. If the member lags it gets there; if the
store was rolled back, the watch would miss all that is written until then.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from attrs import frozen

from etcd_factory.core.call.client import Client
from etcd_factory.core.ports import Task
from etcd_factory.errors import ClientClosedError, EtcdError, FutureRevisionError
from etcd_factory.wire import messages, methods

from .state import WatchEntry

log = logging.getLogger("etcd_factory.watch")

Refuse = Callable[[WatchEntry, EtcdError], Awaitable[None]]


@frozen(eq=False)
class Suspect:
    """A watch ahead of its member, the revision it waits for and its id at that server."""

    entry: WatchEntry
    wanted: int
    server_id: int | None

    @property
    def waiting(self) -> bool:
        """Whether the watch still waits there."""
        return self.entry.server_id == self.server_id


class RollbackDetector:
    """Asks a majority for the store's revision, once for all watches that wait to know."""

    def __init__(self, client: Client, refuse: Refuse) -> None:
        self._client, self._refuse = client, refuse
        self._lock = client.runtime.lock()
        self._suspects: list[Suspect] = []
        self._task: Task | None = None

    def add(self, entry: WatchEntry) -> None:
        """Check a watch that is ahead of its member."""
        with self._lock:
            self._suspects.append(Suspect(entry, entry.next, entry.server_id))
            if self._task is None:
                self._task = self._client.runtime.spawn(self._run(), "etcd_factory rollback")

    async def _run(self) -> None:
        failures = 0
        while suspects := self._take():
            try:
                revision = await self._revision(suspects[0].entry)
            except ClientClosedError:
                return
            except EtcdError as error:
                failures += 1
                log.debug("could not read the store's revision, retrying: %s", error)
                with self._lock:
                    self._suspects += suspects
                await self._client.runtime.sleep(self._client.backoff(failures))
            else:
                for suspect in suspects:
                    await self._judge(suspect, revision)

    def _take(self) -> list[Suspect]:
        """Return the watches that still wait; if there are none the task ends."""
        with self._lock:
            suspects = [suspect for suspect in self._suspects if suspect.waiting]
            self._suspects = []
            if not suspects:
                self._task = None
            return suspects

    async def _revision(self, entry: WatchEntry) -> int:
        """Return the store's revision, from a linearizable read of a key that the user may read."""
        request = messages.RangeRequest(key=entry.fields["key"], keys_only=True)
        reply = await self._client.call(methods.RANGE, request, self._client.options.timeout)
        return reply.header.revision

    async def _judge(self, suspect: Suspect, revision: int) -> None:
        if revision + 1 < suspect.wanted and suspect.waiting:
            seen = f"it is at revision {revision}, but this watch has seen {suspect.wanted - 1}"
            await self._refuse(suspect.entry, FutureRevisionError(f"the store was emptied or restored: {seen}"))
