"""Whether a store that is behind what a watch has seen lags, or went back: emptied, or restored from a backup.

A watch from a revision that the store has not reached waits there without a word. One that lags gets there; one that
went back would let it wait over all that is written meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.retry import backoff
from etcd_factory.errors import ClientClosedError, EtcdError, FutureRevisionError
from etcd_factory.wire import messages, methods

from .state import WatchEntry

log = logging.getLogger("etcd_factory.watch")

Refuse = Callable[[WatchEntry, EtcdError], Awaitable[None]]
Doubt = tuple[WatchEntry, int, int | None]  # a watch, what it waited for, and its id at that server


class RollbackDetector:
    """Asks a majority how far the store is, once for all watches that wait to know."""

    def __init__(self, client: Client, refuse: Refuse) -> None:
        self._client, self._refuse = client, refuse
        self._guard = client.guard()
        self._open: list[Doubt] = []
        self._task: Any = None

    def add(self, state: WatchEntry) -> None:
        """This watch is ahead of its member."""
        with self._guard:
            self._open.append((state, state.next, state.server_id))
            if self._task is None:
                self._task = self._client.io.spawn(self._run(), "etcd_factory doubts")

    async def _run(self) -> None:
        failures = 0
        while doubts := self._take():
            try:
                revision = await self._revision(doubts[0][0])
            except ClientClosedError:
                return
            except EtcdError as error:
                failures += 1
                log.info("how far the store is could not be asked and is asked again: %s", error)
                with self._guard:
                    self._open += doubts
                await self._client.io.sleep(backoff(self._client.options.retry, failures, self._client.chance()))
            else:
                for doubt in doubts:
                    await self._judge(doubt, revision)

    def _take(self) -> list[Doubt]:
        """Those that still wait; where none does the task is over."""
        with self._guard:
            doubts = [doubt for doubt in self._open if doubt[0].server_id == doubt[2]]
            self._open = []
            if not doubts:
                self._task = None
            return doubts

    async def _revision(self, state: WatchEntry) -> int:
        """How far the store is; asked by a key that the user may read."""
        request = messages.RangeRequest(key=state.fields["key"], keys_only=True)
        reply = await self._client.call(methods.RANGE, request, self._client.options.timeout)
        return int(reply.header.revision)

    async def _judge(self, doubt: Doubt, revision: int) -> None:
        state, wanted, server_id = doubt
        if revision + 1 < wanted and state.server_id == server_id:
            seen = f"it is at revision {revision}, and this watch has seen {wanted - 1}"
            await self._refuse(state, FutureRevisionError(f"the store was emptied or restored: {seen}"))
