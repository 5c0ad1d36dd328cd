"""The rosters of a registry: one for each service that is followed, for as long as it is."""

from __future__ import annotations

from functools import partial
from typing import Generic

from attrs import define

from etcd_factory.core.face import F
from etcd_factory.core.hub import Hub
from etcd_factory.core.view import View

from .live import Leave
from .roll import Roll
from .roster import Roster

Key = tuple[Hub, str, float | None, float | None]


@define(eq=False)
class Entry(Generic[F]):
    """A roster, and how many views it has."""

    roster: Roster[F]
    views: int = 0


class Rosters(Generic[F]):
    """Opens a roster for its first view, and closes it behind the last one."""

    def __init__(self, view: View, prefix: bytes) -> None:
        self._view, self._prefix, self._client = view, prefix, view.client
        self._guard = view.client.guard()
        self._entries: dict[Key, Entry[F]] = {}

    async def enter(self, service: str, threshold: float | None, hold: float | None) -> tuple[Roster[F], Leave]:
        """The service's roster with one more view, and what that one does when it is closed."""
        hub = self._client.io.keep("watch", partial(Hub, self._client))  # of this loop; raises if the client is closed
        key = hub, service, threshold, hold
        while True:
            with self._guard:
                if (entry := self._entries.get(key)) is not None:
                    entry.views += 1
                    return entry.roster, partial(self._leave, key)
            await self._client.flights.once((self, key), partial(self._open, key), self._view.timeout)

    async def _open(self, key: Key) -> None:
        _, service, threshold, hold = key
        if key not in self._entries:
            roster: Roster[F] = Roster(self._view, self._prefix, service, Roll(threshold, hold))
            await roster.load()
            self._entries[key] = Entry(roster)

    async def _leave(self, key: Key) -> None:
        with self._guard:
            entry = self._entries[key]
            entry.views -= 1
            if not entry.views:
                del self._entries[key]
        if not entry.views:
            await entry.roster.leave()
