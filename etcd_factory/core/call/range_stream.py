"""The rest of a large read as one stream (``RangeStream`` of etcd 3.7) in place of pages.

Written from etcd's api/etcdserverpb/rpc.proto and server/etcdserver/v3_server.go. Each message has the next keys; only
the last one has a header. Servers that do not have it, and etcd's grpc-proxy, refuse it as UNIMPLEMENTED.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from etcd_factory.core.op import Fields
from etcd_factory.errors import Code, EtcdError
from etcd_factory.wire import methods

from .stall import StallTimeout, begin

if TYPE_CHECKING:
    from etcd_factory.wire.messages import RangeRequest, RangeResponse, RangeStreamResponse

    from .client import Client

# What etcd refuses to stream (v3rpc/key.go, checkRangeStreamRequest): the store would have to read all before it sends.
UNSTREAMED = (
    "sort_target",
    "sort_order",
    "min_mod_revision",
    "max_mod_revision",
    "min_create_revision",
    "max_create_revision",
)


def is_streamable(fields: Fields) -> bool:
    """Whether etcd streams such a read: in the order of the keys, not filtered by revisions."""
    return not any(map(fields.get, UNSTREAMED))


class RangeStream:
    """One stream of keys. Its request has a fixed revision, so whoever loses it can go on after the last key."""

    def __init__(self, client: Client, request: RangeRequest, timeout: float) -> None:
        self._client, self._request, self._timeout = client, request, timeout
        self._stream: StallTimeout[RangeStreamResponse] | None = None
        self._forks = client.forks

    async def next(self) -> RangeResponse | None:
        """Return the next keys; None if the host does not stream them, or the stream broke.

        Until the first message it is retried as a page is, and raises what that would raise. In a forked child a stream
        that has begun is its parent's: it is not touched.
        """
        if self._is_inherited:
            return None
        message = await (self._begin() if self._stream is None else self._receive(self._stream))
        if message is None:
            await self.close()
            return None
        reply = message.range_response
        if reply.HasField("header") and self._stream is not None:
            await self._receive(self._stream)  # the end
            await self.close()
        return reply

    async def close(self) -> None:
        """End the stream; idempotent."""
        stream, self._stream = self._stream, None
        if stream is not None and not self._is_inherited:
            await stream.close()

    @property
    def _is_inherited(self) -> bool:
        return self._forks != self._client.forks

    async def _begin(self) -> RangeStreamResponse | None:
        """Return the first message; None if the host refuses to stream, which is remembered."""
        client = self._client
        send = partial(begin, client.transport, client.runtime)
        try:
            opened, _ = await client.call_endpoint(methods.RANGE_STREAM, self._request, self._timeout, send=send)
        except EtcdError as error:
            if error.code is not Code.UNIMPLEMENTED:
                raise
            client.pages_only.add(error.endpoint or client.endpoint)
            return None
        self._stream, first = opened
        return first  # type: ignore[no-any-return]

    @staticmethod
    async def _receive(stream: StallTimeout[RangeStreamResponse]) -> RangeStreamResponse | None:
        with suppress(EtcdError):  # the next page meets the same error, or goes to another host
            return await stream.receive()
        return None
