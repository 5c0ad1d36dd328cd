"""One stream of lease renewals to one host."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.rpc import HAS_LEADER
from etcd_factory.core.ports import Stream
from etcd_factory.errors import EtcdFactoryError, InvalidAuthTokenError
from etcd_factory.wire import messages, methods

if TYPE_CHECKING:
    from etcd_factory.wire.messages import LeaseKeepAliveRequest, LeaseKeepAliveResponse

    Requests = Stream[LeaseKeepAliveRequest, LeaseKeepAliveResponse]
    OnResponse = Callable[["KeepAliveStream", LeaseKeepAliveResponse], None]
    OnEnd = Callable[["KeepAliveStream", Exception | None], None]


class KeepAliveStream:
    """Begins with the renewal of one lease, and is connected once that is answered.

    It runs in a task of its own, so that whoever watches the clock never waits for a connection.
    """

    def __init__(self, client: Client, host: str, leases: list[int]) -> None:
        self.host, self.is_connected, self.is_closed = host, False, False
        self._client = client
        self._first, *self._waiting = leases
        self._stream: Requests | None = None
        self._unanswered: deque[int] = deque()

    async def run(self, on_response: OnResponse, on_end: OnEnd) -> None:
        """Open it, and report what it receives until it ends."""
        error: Exception | None = None
        try:
            await self._serve(partial(on_response, self))
        except Exception as caught:
            error = caught
        finally:
            await self.close()
            on_end(self, error)

    async def _serve(self, on_response: Callable[[LeaseKeepAliveResponse], None]) -> None:
        client = self._client
        token = await client.auth_metadata(client.options.timeout)
        stream = await client.transport.stream(self.host, methods.LEASE_KEEP_ALIVE, (*token, *HAS_LEADER))
        self._stream = stream
        if self.is_closed:
            return
        try:
            self._request(stream, self._first)
            while (response := await stream.receive()) is not None:
                if self._unanswered:
                    self._unanswered.popleft()
                on_response(response)
        except InvalidAuthTokenError:
            client.token.drop(token)
            raise

    def send(self, leases: list[int]) -> None:
        """Renew these leases, and those that wait for the stream to be connected."""
        self._waiting += leases
        if not self.is_connected or self._stream is None:
            return
        ready, self._waiting = self._waiting, []
        with suppress(EtcdFactoryError):  # it is broken, which its own task finds out
            for one in ready:
                self._request(self._stream, one)

    def _request(self, stream: Requests, lease: int) -> None:
        self._unanswered.append(lease)
        stream.send(messages.LeaseKeepAliveRequest(ID=lease))

    @property
    def refused(self) -> int | None:
        """The lease that a refusal is about: etcd answers in the order of the requests."""
        return self._unanswered[0] if self._unanswered else None

    async def close(self) -> None:
        """End it."""
        self.is_closed, self.is_connected = True, False
        if self._stream is not None:
            await self._stream.close()
