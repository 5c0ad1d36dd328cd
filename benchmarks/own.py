"""Our own transport without the client on it, to be compared with the client."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from typing_extensions import Self

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.coroutine import finish
from etcd_factory.wire import methods
from etcd_factory.wire.messages import LeaseKeepAliveRequest
from etcd_factory.wire.methods import Method

from .stubs import Awaited, Blocking

METHODS = {method.path: method for method in vars(methods).values() if isinstance(method, Method)}


class Own:
    """A client's transport alone, as if it were a channel: calls without anything that a client does around them."""

    def __init__(self, etcd: ETCDService | AsyncETCDService) -> None:
        client = etcd._run.client
        self.transport, self.host = client.transport, client.options.hosts[0]
        self.end: Any = finish if isinstance(etcd, ETCDService) else lambda body: body

    def renewals(self) -> Any:
        """Open the stream on which leases are renewed; in asyncio awaited."""
        return self.end(self.transport.stream(self.host, methods.LEASE_KEEP_ALIVE, ()))

    def unary_unary(self, path: str, *_: object) -> Any:
        """Return the function that starts calls of a method."""
        method, unary, host, end = METHODS[path], self.transport.unary, self.host, self.end
        return lambda request, timeout: end(unary(host, method, request, timeout, ()))


class OwnKept(Blocking):
    """Calls that renew their leases on a stream from their grant on, and read the responses in a thread."""

    left = 0

    def __init__(self, channel: Own, timeout: float | None) -> None:
        super().__init__(channel, timeout)
        self._stream = channel.renewals()
        threading.Thread(target=self._listen, daemon=True).start()

    def grant(self) -> Any:
        granted = super().grant()
        self._stream.send(LeaseKeepAliveRequest(ID=granted.ID))
        return granted

    def _listen(self) -> None:
        while (response := finish(self._stream.receive())) is not None:
            self.left = response.TTL

    def close(self) -> None:
        finish(self._stream.close())


class AOwnKept(Awaited):
    """The same in asyncio; a task reads the responses."""

    _stream: Any
    _task: asyncio.Future[None]
    left = 0

    @classmethod
    async def open(cls, channel: Own, timeout: float | None) -> Self:
        stub = cls(channel, timeout)
        stub._stream = await channel.renewals()
        stub._task = asyncio.ensure_future(stub._listen())
        return stub

    async def grant(self) -> Any:
        granted = await super().grant()
        self._stream.send(LeaseKeepAliveRequest(ID=granted.ID))
        return granted

    async def _listen(self) -> None:
        while (response := await self._stream.receive()) is not None:
            self.left = response.TTL

    async def close(self) -> None:
        self._task.cancel()
        await self._stream.close()
