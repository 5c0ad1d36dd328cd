"""What the service is compared with: grpcio alone with the same messages, as a careful user writes it."""

from __future__ import annotations

from typing import Any

from etcd_factory.model.ranges import prefix_end
from etcd_factory.wire import methods
from etcd_factory.wire.messages import (
    Compare,
    LeaseGrantRequest,
    LeaseKeepAliveRequest,
    LeaseRevokeRequest,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
)
from etcd_factory.wire.methods import Method

TTL = 60
MANY = {False: "unary", True: "stream"}


def start_of(channel: Any, method: Method[Any, Any]) -> Any:
    """Return the function that starts calls of a method on a channel."""
    request, reply = method.types
    kind = f"{MANY[method.streams_requests]}_{MANY[method.streams_responses]}"
    return getattr(channel, kind)(method.path, request.SerializeToString, reply.FromString)


class Stub:
    """The calls on a channel, blocking or asyncio like the channel."""

    def __init__(self, channel: Any, timeout: float | None) -> None:
        self.channel, self.timeout = channel, timeout
        self.range, self.write = start_of(channel, methods.RANGE), start_of(channel, methods.PUT)
        self.txn = start_of(channel, methods.TXN)
        self.granting, self.revoking = start_of(channel, methods.LEASE_GRANT), start_of(channel, methods.LEASE_REVOKE)
        self.renewing = start_of(channel, methods.LEASE_KEEP_ALIVE_ONCE)

    def read(self, prefix: str) -> Any:
        """Start a read of all keys with a prefix."""
        key = prefix.encode()
        return self.range(RangeRequest(key=key, range_end=prefix_end(key)), timeout=self.timeout)

    def grant(self) -> Any:
        """Start the grant of a lease."""
        return self.granting(LeaseGrantRequest(TTL=TTL), timeout=self.timeout)

    def revoke(self, lease: int) -> Any:
        """Start the revocation of a lease."""
        return self.revoking(LeaseRevokeRequest(ID=lease), timeout=self.timeout)

    def renewal(self, lease: int) -> Any:
        """Start the renewal of a lease."""
        return self.renewing(LeaseKeepAliveRequest(ID=lease), timeout=self.timeout)

    def enter(self, queue: bytes, key: bytes, lease: int) -> Any:
        """Start a transaction that puts a key into a lock's queue, unless it exists, and reads the owner, as in Go."""
        wanted = Compare(key=key, target="CREATE", result="EQUAL", create_revision=0)
        owner = RangeRequest(key=queue, range_end=prefix_end(queue), sort_target="CREATE", sort_order="ASCEND", limit=1)
        put, get, first = PutRequest(key=key, lease=lease), RangeRequest(key=key), RequestOp(request_range=owner)
        success, failure = [RequestOp(request_put=put), first], [RequestOp(request_range=get), first]
        return self.txn(TxnRequest(compare=[wanted], success=success, failure=failure), timeout=self.timeout)


class Blocking(Stub):
    """Blocking calls, as a careful user writes them."""

    def get(self, key: str) -> str:
        reply = self.range(RangeRequest(key=key.encode()), timeout=self.timeout)
        text: str = reply.kvs[0].value.decode()
        return text

    def put(self, key: str, value: str) -> int:
        reply = self.write(PutRequest(key=key.encode(), value=value.encode()), timeout=self.timeout)
        revision: int = reply.header.revision
        return revision

    def strings(self, prefix: str) -> dict[str, str]:
        return {kv.key.decode(): kv.value.decode() for kv in self.read(prefix).kvs}

    def bytes(self, prefix: str) -> dict[bytes, bytes]:
        return {kv.key: kv.value for kv in self.read(prefix).kvs}

    def lease(self) -> None:
        self.revoke(self.grant().ID)

    def renew(self, lease: int) -> int:
        return int(self.renewal(lease).TTL)

    def lock(self, name: str) -> None:
        """Acquire a free lock and release it."""
        lease, queue = self.grant().ID, f"{name}/".encode()
        key = queue + f"{lease:x}".encode()
        entered = self.enter(queue, key, lease)
        assert entered.succeeded
        assert entered.responses[1].response_range.kvs[0].key == key
        self.revoke(lease)


class Awaited(Stub):
    """Calls in asyncio, as a careful user writes them."""

    async def get(self, key: str) -> str:
        reply = await self.range(RangeRequest(key=key.encode()), timeout=self.timeout)
        text: str = reply.kvs[0].value.decode()
        return text

    async def put(self, key: str, value: str) -> int:
        reply = await self.write(PutRequest(key=key.encode(), value=value.encode()), timeout=self.timeout)
        revision: int = reply.header.revision
        return revision

    async def strings(self, prefix: str) -> dict[str, str]:
        return {kv.key.decode(): kv.value.decode() for kv in (await self.read(prefix)).kvs}

    async def bytes(self, prefix: str) -> dict[bytes, bytes]:
        return {kv.key: kv.value for kv in (await self.read(prefix)).kvs}

    async def lease(self) -> None:
        await self.revoke((await self.grant()).ID)

    async def renew(self, lease: int) -> int:
        return int((await self.renewal(lease)).TTL)

    async def lock(self, name: str) -> None:
        """Acquire a free lock and release it."""
        lease, queue = (await self.grant()).ID, f"{name}/".encode()
        key = queue + f"{lease:x}".encode()
        entered = await self.enter(queue, key, lease)
        assert entered.succeeded
        assert entered.responses[1].response_range.kvs[0].key == key
        await self.revoke(lease)
