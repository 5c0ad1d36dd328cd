"""Routes of leases, and of locks and elections: who holds them, who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from etcd_factory.model import KeyValue, LeaseInfo
from etcd_factory.service import AsyncETCDService

from .scene import Scene, number_of
from .values import Json, cut, encoded

LEASES = 200  # of one answer
KEYS = 20  # of a lease, and contenders of a lock, in an answer
PREVIEW = 200  # bytes of a value


@frozen
class Queue:
    """Those who contend for a lock or an election; the first one has it."""

    name: bytes
    entries: list[KeyValue]


async def holders(scene: Scene, request: Request) -> Response:
    """Answer leases from an id on, with their keys in the client's namespace, and the locks among those."""
    etcd, start = scene.client(request), number_of(request, "start")
    ids = sorted(one for one in await etcd.leases() if one >= start)
    found = await asyncio.gather(*(etcd.lease_of(one).time_to_live(keys=True) for one in ids[:LEASES]))
    queues = await asyncio.gather(*(queue(etcd, name) for name in sorted(names(found))))
    ttls = {one.id: one.ttl for one in found}
    return Json(
        {
            "leases": [described(one) for one in found if one.ttl >= 0],
            "locks": [of_queue(one, ttls) for one in queues if one.entries],
            "next": str(ids[LEASES]) if len(ids) > LEASES else None,  # a number that JavaScript does not have
        }
    )


def names(leases: Iterable[LeaseInfo]) -> set[bytes]:
    """Return the names of locks and elections: a contender's key is ``<name>/<its lease>``, as Go's client has it."""
    keys = [(key, b"/%x" % one.id) for one in leases for key in one.keys]
    return {key.removesuffix(end) for key, end in keys if key.endswith(end)}


async def queue(etcd: AsyncETCDService, name: bytes) -> Queue:
    """Return who contends now, in the order of their turn."""
    kvs = await etcd.get_all().prefix(name + b"/").sort("create").limit(KEYS + 1).kvs()
    return Queue(name, [kv for kv in kvs if kv.lease and kv.key == name + b"/%x" % kv.lease])


def described(lease: LeaseInfo) -> dict[str, object]:
    """Return a lease as JSON has it."""
    keys = [encoded(key) for key in lease.keys[:KEYS]]
    return {"id": f"{lease.id:x}", "ttl": lease.ttl, "granted": lease.granted, "keys": keys, "count": len(lease.keys)}


def of_queue(found: Queue, ttls: dict[int, int]) -> dict[str, object]:
    """Return a lock or an election as JSON has it."""
    contenders = [
        {
            "key": encoded(kv.key),
            "lease": f"{kv.lease:x}",
            "ttl": ttls.get(kv.lease),
            "revision": kv.create_revision,
            "value": cut(kv.value, PREVIEW),
        }
        for kv in found.entries
    ]
    return {"name": encoded(found.name), "contenders": contenders[:KEYS], "more": len(contenders) > KEYS}
