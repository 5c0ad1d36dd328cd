"""Calls that are cancelled at any moment, by their task or by a scope of anyio: nothing is left, none is swallowed."""

from __future__ import annotations

import asyncio
import random
import warnings

import anyio
import pytest

from etcd_factory import AsyncETCDService, ops
from etcd_factory.registry import AsyncServiceRegistry
from tests.support.faces import in_time

SEED, RUNS, LONGEST = 20261130, 1000, 0.004  # seconds; most calls take 1 to 5 ms
TTL = 600  # seconds; nothing ends by itself during a test


async def lock(client, number):
    async with client.lock(f"lock/{number % 3}", ttl=TTL):
        await client.get("k").exists()


async def campaign(client, number):
    async with await client.election(f"election/{number % 3}", ttl=TTL).campaign("me"):
        await client.get("k").exists()


async def lease(client, number):
    async with client.lease(TTL) as held:
        await held.put(f"leased/{number}").value("v")


async def watch(client, number):
    async with client.watch().prefix("k").create() as watcher:
        await client.put("k").value(str(number))
        await anext(watcher)


async def mirror(client, number):
    async with client.mirror("k") as held:
        await held.wait((await client.put("k").value(str(number))).revision)
        held.get("k").string()


async def register(client, number):
    async with AsyncServiceRegistry(client).register("user", f"id{number}", ttl=TTL):
        await AsyncServiceRegistry(client).discover("user")


async def subscribe(client, number):
    async with AsyncServiceRegistry(client).subscribe("user") as view:
        view.on("change", lambda instances: None)
        await client.get("k").exists()


async def observe(client, number):
    async with await client.election(f"election/own{number}", ttl=TTL).campaign("me"):
        await anext(client.election(f"election/own{number}").observe())


async def pages(client, number):
    async for _ in client.get_all().prefix("page/"):
        pass


# Without transactions that only read, as fresh reads of a mirror are: etcd 3.5.1 panics if one is cancelled while it
# reads ("unexpected error during txn").
CALLS = {
    "get": lambda client, number: client.get("k").string(),
    "put": lambda client, number: client.put("k").value(str(number)),
    "delete": lambda client, number: client.delete().key("k"),
    "txn": lambda client, number: client.if_("k", "version", ">", 0).then(ops.put("k").value("v")).commit(),
    "batch": lambda client, number: client.batch([ops.put(f"page/{one}").value("v") for one in range(9)]),
    "health": lambda client, number: client.health(),
    "pages": pages,
    "lock": lock,
    "campaign": campaign,
    "observe": observe,
    "lease": lease,
    "watch": watch,
    "mirror": mirror,
    "register": register,
    "subscribe": subscribe,
}


async def by_task(body, seconds):
    """Cancel a task after so many seconds; returns whether it was cancelled. Fails if it went on all the same."""
    task = asyncio.ensure_future(body)
    await asyncio.wait([task], timeout=seconds)
    was_cancelled = task.cancel()
    await in_time(asyncio.wait([task]))
    assert task.cancelled() == was_cancelled, task
    return was_cancelled


async def by_scope(body, seconds):
    """Cancel it by a scope of anyio after so many seconds; returns whether it was. No CancelledError leaks."""
    with anyio.move_on_after(seconds) as scope:
        await body
    return scope.cancelled_caught


@pytest.mark.parametrize("cancelled", [by_task, by_scope])
async def test_calls_cancelled_at_any_moment_leave_nothing(server, direct, face, cancelled, etcd_namespace):
    if face.is_blocking:
        pytest.skip("threads cannot be cancelled")
    moments, problems, before = random.Random(SEED), [], asyncio.all_tasks()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    others = await direct.leases()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with AsyncETCDService({"hosts": [server.endpoint], "namespace": etcd_namespace}) as client:
            count = 0
            for number in range(RUNS):
                call = moments.choice([*CALLS.values()])
                count += await in_time(cancelled(call(client, number), moments.random() * LONGEST))
    assert RUNS / 10 < count < RUNS, count  # a faster machine ends more of them before
    assert (problems, [one.message for one in caught if one.category is not DeprecationWarning]) == ([], [])
    assert {task for task in asyncio.all_tasks() - before if task.get_name().startswith("etcd_factory")} == set()

    left = {key.partition("/")[0] for key in await direct.get_all().keys()} - {"k", "page"}
    assert (left, await direct.leases()) == (set(), others)
