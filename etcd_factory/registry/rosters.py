"""The rosters of a registry: one for each service that is followed, for as long as it is."""

from __future__ import annotations

from functools import partial
from typing import Generic

from attrs import define

from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.watch.stream import WatchStream

from .instances import ServiceInstances
from .membership import Membership
from .view import Leave

Key = tuple[WatchStream, str, float | None, float | None]


@define(eq=False)
class Entry(Generic[F]):
    """A roster, and how many views it has."""

    roster: ServiceInstances[F]
    views: int = 0


class InstancesPool(Generic[F]):
    """Opens a roster for its first view, and closes it behind the last one."""

    def __init__(self, view: View, prefix: bytes) -> None:
        self._view, self._prefix, self._client = view, prefix, view.client
        self._guard = view.client.guard()
        self._entries: dict[Key, Entry[F]] = {}

    async def enter(
        self, service: str, threshold: float | None, hold: float | None
    ) -> tuple[ServiceInstances[F], Leave]:
        """The service's roster with one more view, and what that one does when it is closed."""
        hub = self._client.io.keep(
            "watch", partial(WatchStream, self._client)
        )  # of this loop; raises if the client is closed
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
            roster: ServiceInstances[F] = ServiceInstances(
                self._view, self._prefix, service, Membership(threshold, hold)
            )
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
