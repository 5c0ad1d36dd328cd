"""Requests progress marks until they come: etcd from 3.5.8 on sends none while a watch of the stream is behind."""

from __future__ import annotations

from collections.abc import Callable

from etcd_factory.core.call.client import Client

from .state import WatchMux

AGAIN = 0.2  # seconds; etcd looks after watches that are behind every 0.1 s


class ProgressRequests:
    """The marks that the watches of one stream wait for."""

    def __init__(self, client: Client, mux: WatchMux, request: Callable[[], None]) -> None:
        self._client, self._mux, self._request = client, mux, request
        self._lock = client.runtime.lock()
        self._runs = False

    def add(self, id: int) -> None:  # noqa: A002
        """Request a mark for a watch, now and again until it comes, also on other streams after this one."""
        with self._lock:
            if self._mux.ask(id) and not self._runs:
                self._client.background.spawn(self._run, "etcd_factory progress")
                self._runs = True

    async def _run(self) -> None:
        while self._wanted():
            self._request()
            await self._client.runtime.sleep(AGAIN)

    def _wanted(self) -> bool:
        with self._lock:
            self._runs = self._mux.asks
            return self._runs
