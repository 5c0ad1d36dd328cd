"""Deadlines of anyio around calls and waits: TimeoutError, nothing left at the server, and the client goes on."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from etcd_factory import AsyncETCDService
from etcd_factory.registry import AsyncServiceRegistry
from tests.support.faces import until

TTL = 600  # seconds; nothing ends by itself during a test
PATIENT = 60  # seconds: never the client's own timeout


@pytest.fixture
async def client(server, etcd_namespace):
    async with AsyncETCDService({"hosts": [server.endpoint], "namespace": etcd_namespace, "timeout": PATIENT}) as one:
        await one.put("k").value("v")
        yield one


@pytest.fixture
async def mine(client):
    """A client of another user of the same keys."""
    async with AsyncETCDService(client.options) as one:
        yield one


async def pages(client):
    async for _ in client.get_all():
        pass


async def late(mirror):
    await mirror.wait(1 << 60, timeout=PATIENT)


SILENT = {
    "get": lambda client: client.get("k").string(),
    "put": lambda client: client.put("k").value("v"),
    "delete": lambda client: client.delete().key("other"),
    "txn": lambda client: client.if_("k", "version", ">", 0).commit(),
    "pages": pages,
    "keys": lambda client: client.get_all().keys(),
    "grant": lambda client: client.lease(TTL).grant(),
    "lock": lambda client: client.lock("lock").acquire(),
    "campaign": lambda client: client.election("election").campaign("me"),
    "leader": lambda client: anext(client.election("election").observe()),
    "watch": lambda client: client.watch().key("k").create(),
    "mirror": lambda client: client.mirror("k"),
    "register": lambda client: AsyncServiceRegistry(client).register("user"),
    "health": lambda client: client.health(),
    "snapshot": lambda client: client.leases(),
}


@pytest.mark.parametrize("call", SILENT.values(), ids=SILENT)
async def test_a_deadline_of_anyio_around_a_call_to_a_silent_server_is_a_timeout_error(client, server, call):
    server.pause()
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0.1):
            await call(client)
    server.resume()
    assert await client.get("k").string() == "v"


async def test_a_deadline_of_anyio_around_the_wait_of_a_mirror_is_a_timeout_error(client):
    async with client.mirror("k") as mirror:
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.1):
                await late(mirror)
        assert mirror.get("k").string() == "v"


async def acquire(client):
    await client.lock("lock", ttl=TTL).acquire()


async def campaign(client):
    await client.election("lock", ttl=TTL).campaign("me")


async def hold_lock(client):
    async with client.lock("other", ttl=TTL):
        await anyio.sleep_forever()


async def lead(client):
    async with await client.election("other", ttl=TTL).campaign("me"):
        await anyio.sleep_forever()


async def hold_lease(client):
    async with client.lease(TTL) as lease:
        await lease.put("leased").value("v")
        await anyio.sleep_forever()


async def register(client):
    async with AsyncServiceRegistry(client).register("user", ttl=TTL):
        await anyio.sleep_forever()


@pytest.mark.parametrize("body", [acquire, campaign, hold_lock, lead, hold_lease, register])
async def test_what_a_scope_of_anyio_ends_leaves_nothing_at_the_server(client, mine, body):
    async with mine.lock("lock", ttl=TTL):  # the first two wait for it
        leases = await mine.leases()
        keys = await mine.get_all().keys()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(body, client)
            await until(partial(has_begun, mine, leases, keys))
            tasks.cancel_scope.cancel()
        await until(partial(is_same, mine, leases, keys))


async def has_begun(client, leases, keys):
    """Whether there are more leases and keys than before."""
    return len(await client.leases()) > len(leases) and len(await client.get_all().keys()) > len(keys)


async def is_same(client, leases, keys):
    """Whether there are the leases and keys of before."""
    return await client.leases() == leases and await client.get_all().keys() == keys


async def test_a_waiter_behind_one_that_a_scope_ended_gets_the_lock_at_once(client, mine):
    async with AsyncETCDService(client.options) as third:
        holder = await mine.lock("lock", ttl=TTL).acquire()
        leases, keys = await mine.leases(), await mine.get_all().keys()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(acquire, client)
            await until(partial(has_begun, mine, leases, keys))
            tasks.cancel_scope.cancel()
        await holder.release()
        assert (await third.lock("lock", ttl=TTL).acquire(timeout=PATIENT)).held


async def test_acquires_cancelled_many_times_leave_no_lease(client, mine):
    leases = await mine.leases()
    for number in range(40):
        with anyio.move_on_after(number / 10_000):
            async with client.lock("lock", ttl=TTL):
                pass
        with anyio.move_on_after(number / 20_000):
            async with client.lease(TTL) as lease:
                await lease.grant()
    await until(partial(is_same, mine, leases, ["k"]))
