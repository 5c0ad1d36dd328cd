"""What a client has registered, so that it is taken away before the client's connections are."""

from __future__ import annotations

from functools import partial
from typing import Any

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.view import View
from etcd_factory.core.lease.keepalive import KeepAlive
from etcd_factory.core.watch.stream import WatchStream
from etcd_factory.errors import ClientClosedError, EtcdFactoryError

from .instance import log
from .reconciler import Reconciler
from .registration import Registration


class Registrations:
    """All registrations of a client; ``client.io.keep`` has one, in asyncio for each loop."""

    def __init__(self, client: Client) -> None:
        self._client, self._guard = client, client.guard()
        self._tenders: set[Reconciler] = set()
        self._closed = False

    @staticmethod
    def of(client: Client) -> Registrations:
        """The client's one. What it stands on is made before, since the newest is closed first."""
        client.io.keep("watch", partial(WatchStream, client))
        client.io.keep("leases", partial(KeepAlive, client))
        return client.io.keep("registrations", partial(Registrations, client))

    def add(self, tender: Reconciler) -> None:
        """It is registered until the client is closed."""
        with self._guard:
            if self._closed:
                raise ClientClosedError
            self._tenders.add(tender)

    async def register(self, view: View, tender: Reconciler) -> Registration[Any]:
        """Begin to keep an instance registered."""
        self.add(tender)
        try:
            await tender.begin()
        except BaseException:
            self.drop(tender)
            raise
        return Registration(view, tender, partial(self.drop, tender))

    def drop(self, tender: Reconciler) -> None:
        """It sees to its own end."""
        with self._guard:
            self._tenders.discard(tender)

    async def close(self) -> None:
        """Take all of them away, side by side."""
        with self._guard:
            self._closed, tenders = True, [*self._tenders]
        if tenders:
            await self._client.io.gather([self._leave(tender) for tender in tenders])

    async def _leave(self, tender: Reconciler) -> None:
        try:
            await tender.leave()
        except EtcdFactoryError as error:
            log.warning("%s could not be taken away and dies by its ttl: %s", tender.goal.id, error)
