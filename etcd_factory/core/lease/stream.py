"""One stream of lease renewals to one host."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from etcd_factory.core.call.client import Client
from etcd_factory.core.ports import Stream
from etcd_factory.core.watch.stream import LEADER
from etcd_factory.errors import EtcdFactoryError, InvalidAuthTokenError
from etcd_factory.wire import messages, methods


class KeepAliveStream:
    """Opens with the renewal of one lease, and is open once that was answered.

    It is opened in a task of its own, so that whoever counts the time never waits for a connection.
    """

    def __init__(self, client: Client, host: str, leases: list[int]) -> None:
        self.host, self.is_open, self.is_over = host, False, False
        self._client = client
        self._first, *self._waiting = leases
        self._stream: Stream | None = None

    async def run(
        self, hear: Callable[[KeepAliveStream, Any], None], broke: Callable[[KeepAliveStream, Exception | None], None]
    ) -> None:
        """Open it and tell what comes, to the end."""
        error: Exception | None = None
        try:
            await self._talk(partial(hear, self))
        except Exception as caught:
            error = caught
        finally:
            await self.hang_up()
            broke(self, error)

    async def _talk(self, hear: Callable[[Any], None]) -> None:
        client = self._client
        token = await client.shown(client.options.timeout)
        self._stream = stream = await client.io.stream(self.host, methods.LEASE_KEEP_ALIVE, (*token, *LEADER))
        if self.is_over:
            return
        try:
            await stream.send(renewal(self._first))
            while (answer := await stream.receive()) is not None:
                hear(answer)
        except InvalidAuthTokenError:
            client.token.drop(token)
            raise

    async def push(self, leases: list[int]) -> None:
        """Renew these, and those that wait for it to be open."""
        self._waiting += leases
        if not self.is_open or self._stream is None:
            return
        ready, self._waiting = self._waiting, []
        with suppress(EtcdFactoryError):  # it is broken: its own task finds out why
            for one in ready:
                await self._stream.send(renewal(one))

    async def hang_up(self) -> None:
        """End it."""
        self.is_over, self.is_open = True, False
        if self._stream is not None:
            await self._stream.close()


def renewal(lease: int) -> Any:
    """The request that renews a lease."""
    return messages.LeaseKeepAliveRequest(ID=lease)
