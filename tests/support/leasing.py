"""Leases: losing them, waiting for their end, and what keeps them alive in the background."""

from __future__ import annotations

import asyncio
import threading

import pytest

from etcd_factory import errors

from .faces import BOUND, settle

RENEWER, STREAM = "etcd_factory leases", "etcd_factory lease stream"  # names of threads and tasks
TICK = 0.02  # seconds between looks


def hex_id(lease):
    """Return a lease's id as etcdctl writes it."""
    return f"{lease.id:x}"


def workers():
    """Return the names of what works in the background for leases."""
    names = [task.get_name() for task in asyncio.all_tasks()] + [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if name.startswith("etcd_factory lease"))


async def until_workers(*names):
    """Wait until exactly these work in the background."""
    for _ in range(int(BOUND / TICK)):
        if workers() == sorted(names):
            return
        await asyncio.sleep(TICK)
    pytest.fail(f"working: {workers()}")


async def until_idle():
    """Wait until nothing works in the background; that ends when the next renewal would be due and none is needed."""
    await until_workers()


async def until_ended(client, lease_id):
    """Wait until etcd has no such lease any more."""
    for _ in range(int(BOUND / TICK)):
        if lease_id not in await settle(client.leases()):
            return
        await asyncio.sleep(TICK)
    pytest.fail("etcd still has the lease")


async def lose(client, etcdctl, *handlers):
    """Return a lease that was lost, with these handlers for it."""
    lease = client.lease(3)
    for handler in handlers:
        assert lease.on("lost", handler) is lease
    await settle(lease.keepalive_once())
    etcdctl("lease", "revoke", hex_id(lease))
    with pytest.raises((errors.LeaseNotFoundError, errors.ClientClosedError)):  # a handler may close the client
        await settle(lease.keepalive_once())
    return lease
