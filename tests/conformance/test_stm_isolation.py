"""Software transactions among others: what each isolation level prevents, by the rules of Go's client."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, ops
from tests.support.faces import FACES, fill, settle, texts
from tests.support.transactions import CHECKED, LEVELS, SNAPSHOTS, UNCHECKED, Once, move
from tests.support.transports import Held, real

WORKERS, TRANSFERS = 8, 5
ASYNCIO = FACES[1]


@pytest.mark.parametrize("level", CHECKED)
async def test_concurrent_transactions_lose_no_update(face, client, fitted, level):
    await fill(client, {"a": 100, "b": 0})

    def work():
        return client.stm(level, retries=100).transact(fitted(move))

    for _ in range(TRANSFERS):
        await asyncio.gather(*[face.begin(work) for _ in range(WORKERS)])
    assert await texts(client) == {"a": "60", "b": "40"}


@pytest.mark.parametrize("level", CHECKED)
async def test_an_update_of_another_client_is_not_lost(client, other, transact, level):
    await fill(client, {"n": 1})
    disturb = Once(lambda: other.put("n").value(10))

    async def body(tx):
        n = await settle(tx.get("n").number())
        await disturb()
        tx.put("n").value(n + 1)

    await transact(body, level)
    assert (disturb.runs, await texts(client)) == (2, {"n": "11"})


async def test_read_committed_overwrites_an_update_of_another_client(client, other, transact):
    await fill(client, {"n": 1})
    disturb = Once(lambda: other.put("n").value(10))

    async def body(tx):
        n = await settle(tx.get("n").number())
        await disturb()
        tx.put("n").value(n + 1)

    await transact(body, UNCHECKED)
    assert (disturb.runs, await texts(client)) == (1, {"n": "2"})


@pytest.mark.parametrize(("level", "left"), [*((level, {"b"}) for level in CHECKED), (UNCHECKED, set())])
async def test_write_skew_is_prevented_where_reads_are_checked(client, other, transact, level, left):
    """Write skew: one of two must stay on duty. Go's check of what was read prevents it at three levels."""
    await fill(client, {"a": "on duty", "b": "on duty"})
    disturb = Once(lambda: other.delete().key("a"))

    async def go_home(tx):
        both = await settle(tx.get("a").exists()) and await settle(tx.get("b").exists())
        await disturb()
        if both:
            tx.delete().key("b")

    await transact(go_home, level)
    assert set(await texts(client)) == left


@pytest.mark.parametrize(("level", "runs"), list(zip(LEVELS, [2, 1, 1, 1], strict=True)))
async def test_only_the_snapshot_level_checks_a_key_that_is_only_written(client, other, transact, level, runs):
    await fill(client, {"seen": "1"})
    disturb = Once(lambda: other.put("blind").value("theirs"))

    async def body(tx):
        await settle(tx.get("seen").string())
        await disturb()
        tx.put("blind").value("ours")

    await transact(body, level)
    assert disturb.runs == runs
    assert (await texts(client))["blind"] == "ours"


@pytest.mark.parametrize("level", LEVELS)
async def test_a_transaction_that_reads_nothing_never_conflicts(client, other, transact, level):
    disturb = Once(lambda: other.put("k").value("theirs"))

    async def body(tx):
        await disturb()
        tx.put("k").value("ours")

    await transact(body, level, retries=0)
    assert await texts(client) == {"k": "ours"}


@pytest.mark.parametrize(
    ("level", "first"),
    [
        *((level, ("1", "1")) for level in SNAPSHOTS),
        *((level, ("1", "2")) for level in ["repeatable_reads", UNCHECKED]),
    ],
)
async def test_the_snapshot_levels_read_all_keys_at_one_revision(client, other, transact, level, first):
    await fill(client, {"a": 1, "b": 1})
    disturb, seen = Once(lambda: other.batch([ops.put("a").value(2), ops.put("b").value(2)])), []

    async def body(tx):
        a = await settle(tx.get("a").string())
        await disturb()
        seen.append((a, await settle(tx.get("b").string())))

    await transact(body, level)
    assert seen == ([first] if level == UNCHECKED else [first, ("2", "2")])


@pytest.mark.parametrize("level", SNAPSHOTS)
async def test_a_key_created_after_the_first_read_is_not_seen(client, other, transact, level):
    disturb, seen = Once(lambda: other.put("b").value(1)), []

    async def body(tx):
        await settle(tx.get("a").exists())
        await disturb()
        seen.append(await settle(tx.get("b").exists()))

    await transact(body, level)
    assert seen == [False, True]


async def test_concurrent_reads_are_of_one_revision(options):
    late, seen = Held(real(ASYNCIO, options), is_read_of_b), []
    async with AsyncETCDService(options, transport=late) as client:
        await fill(client, {"a": 1, "b": 1})
        late.hold(1)

        async def body(tx):
            a, b = [asyncio.ensure_future(tx.get(key).number()) for key in "ab"]
            if not seen:  # the first read of b is sent after a change behind the read of a
                await late.arrived()
                await a
                await client.batch([ops.put("a").value(2), ops.put("b").value(2)])
                late.release()
            seen.append([await a, await b])

        await client.stm().transact(body)
        assert seen == [[1, 1], [2, 2]]


def is_read_of_b(call):
    return call.method == "Range" and call.request.key.endswith(b"b")


@pytest.mark.parametrize("level", LEVELS)
async def test_a_key_read_twice_returns_the_first_value(client, other, transact, level):
    await fill(client, {"k": 1})
    disturb, seen = Once(lambda: other.put("k").value(2)), []

    async def body(tx):
        before = await settle(tx.get("k").number())
        await disturb()
        seen.append((before, await settle(tx.get("k").number())))

    await transact(body, level)
    assert seen == ([(1, 1)] if level == UNCHECKED else [(1, 1), (2, 2)])
