"""A transport that is another one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.core.ports import Metadata, Q, R, Stream, Transport

if TYPE_CHECKING:
    from etcd_factory.wire.methods import Method


class Borrowed:
    """Passes everything on, but for its own end: closing it leaves the other one open."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host."""
        return await self._transport.unary(host, method, request, timeout, metadata)

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream to one host."""
        return await self._transport.stream(host, method, metadata, request)

    def apart(self) -> Borrowed:
        """Return one more."""
        return Borrowed(self._transport)

    async def close(self) -> None:
        """Leave the other one open."""

    def forget(self) -> object:
        """Leave to the other one what it must do in a forked child."""
        return None
