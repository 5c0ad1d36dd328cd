"""Software transactions: what a transaction reads, writes and returns."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, errors
from tests.support.faces import closed, fill, settle, texts
from tests.support.transactions import LEVELS, UNCHECKED, Once, increment, move

WORKERS = 8


@pytest.fixture
def client(make, recorded):
    return make(transport=recorded)


@pytest.mark.parametrize("level", LEVELS)
async def test_the_result_is_what_the_function_returned(client, transact, level):
    await fill(client, {"n": 1})

    async def body(tx):
        await increment(tx)
        return ["done"]

    assert await transact(body, level) == ["done"]
    assert await texts(client) == {"n": "2"}


@pytest.mark.parametrize("level", LEVELS)
async def test_keys_of_different_revisions_are_written_together_in_the_first_run(client, transact, level):
    """Node's client compares with the revision of the oldest key there, and never commits."""
    await settle(client.put("a").value(5))
    await settle(client.put("b").value(5))
    await transact(move, level, retries=0)
    assert await texts(client) == {"a": "4", "b": "6"}


# --- reading


async def test_every_reader_returns_the_value(client, transact):
    await fill(client, {"k": "12"})
    kept = await settle(client.get("k").kv())

    async def body(tx):
        got = tx.get("k")
        return [await settle(read()) for read in (got.string, got.bytes, got.json, got.number, got.exists, got.kv)]

    assert await transact(body) == ["12", b"12", 12, 12, True, kept]


async def test_a_missing_key_is_none(transact):
    async def body(tx):
        got = tx.get("k")
        return [await settle(read()) for read in (got.string, got.bytes, got.json, got.number, got.exists, got.kv)]

    assert await transact(body) == [None, None, None, None, False, None]


@pytest.mark.parametrize("level", LEVELS)
async def test_a_transaction_sees_its_own_writes(client, transact, level):
    await fill(client, {"k": "old", "gone": "x"})

    async def body(tx):
        tx.put("k").value(7)
        tx.put("new").json({"a": 1})
        tx.delete().key("gone")
        kv = await settle(tx.get("k").kv())
        found = [await settle(tx.get("k").number()), await settle(tx.get("new").json())]
        return [*found, await settle(tx.get("gone").string()), kv.key_text, kv.text, kv.mod_revision]

    assert await transact(body, level) == [7, {"a": 1}, None, "k", "7", 0]
    assert await texts(client) == {"k": "7", "new": '{"a": 1}'}


async def test_the_last_write_of_a_key_is_committed(client, transact):
    await fill(client, {"a": "1", "b": "1"})

    async def body(tx):
        tx.put("a").value("2")
        tx.delete().key("a")
        tx.delete().key("b")
        tx.put("b").value("3")
        return await settle(tx.get("a").exists()), await settle(tx.get("b").string())

    assert await transact(body) == (False, "3")
    assert await texts(client) == {"b": "3"}


async def test_nothing_is_written_before_the_end(client, other, transact):
    async def body(tx):
        tx.put("k").value("v")
        return await texts(other)

    assert await transact(body) == {}
    assert await texts(client) == {"k": "v"}


async def test_awaiting_a_write_is_optional():
    async with AsyncETCDService() as client:

        async def body(tx):
            assert await tx.put("k").value("v") is None
            assert await tx.delete().key("k") is None
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await client.stm().transact(body)


async def test_a_key_is_written_with_a_lease(client, transact, lease):
    async def body(tx):
        tx.put("k").lease(lease).value("v")
        return (await settle(tx.get("k").kv())).lease

    assert await transact(body) == lease
    assert (await settle(client.get("k").kv())).lease == lease


async def test_an_ungranted_lease_is_granted_at_the_commit(client, transact):
    lease = client.lease(60)

    async def body(tx):
        tx.put("k").lease(lease).value("v")
        return (await settle(tx.get("k").kv())).lease

    assert await transact(body) == 0
    assert (await settle(client.get("k").kv())).lease == lease.id
    await settle(lease.revoke())


async def test_all_keys_are_written_at_one_revision(client, transact):
    async def body(tx):
        tx.put("a").value("1")
        tx.put("b").value("2")

    await transact(body)
    assert len({kv.mod_revision for kv in await settle(client.get_all().kvs())}) == 1


async def test_an_exception_of_the_function_is_raised_and_nothing_is_written(client, transact):
    async def body(tx):
        tx.put("k").value("v")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await transact(body)
    assert await texts(client) == {}


async def test_the_error_of_a_read_is_raised_in_the_function(client, transact):
    await fill(client, {"k": "word"})

    async def body(tx):
        with pytest.raises(ValueError, match="the value of b'k' is not a number"):
            await settle(tx.get("k").number())
        return "caught"

    assert await transact(body) == "caught"


async def test_an_empty_transaction_sends_nothing(client, transact, recorded):
    async def body(tx):
        return 1

    assert await transact(body) == 1
    assert recorded.calls == []


async def test_keys_are_relative_to_the_namespace(client, other, fitted):
    await fill(client, {"in/n": 1, "n": 50})
    inside = client.namespace("in/")
    disturb = Once(lambda: other.put("in/n").value(10))

    async def body(tx):
        await increment(tx)
        await disturb()
        tx.delete().key("none")
        return (await settle(tx.get("n").kv())).key_text

    assert await settle(inside.stm().transact(fitted(body))) == "n"
    assert await texts(client) == {"in/n": "11", "n": "50"}


async def test_the_client_can_be_used_inside(client, transact):
    async def body(tx):
        await settle(client.put("beside").value("now"))
        tx.put("k").value(await settle(client.get("beside").string()))

    await transact(body)
    assert await texts(client) == {"beside": "now", "k": "now"}


async def test_a_transaction_can_run_another(client, transact):
    await fill(client, {"n": 1, "m": 1})

    async def outer(tx):
        await increment(tx)
        await transact(lambda inner: increment(inner, "m"))

    await transact(outer)
    assert await texts(client) == {"n": "2", "m": "2"}


async def test_one_stm_runs_transactions_concurrently(face, client, fitted):
    await fill(client, {"n": 0})
    stm = client.stm(retries=100)
    await asyncio.gather(*[face.begin(lambda: stm.transact(fitted(increment))) for _ in range(WORKERS)])
    assert await texts(client) == {"n": str(WORKERS)}


# --- arguments


def test_an_unknown_isolation_is_a_value_error_that_suggests_a_known_one(client):
    with pytest.raises(
        ValueError, match=r"isolation: expected one of .*, got 'serialisable'; did you mean 'serializable'"
    ):
        client.stm("serialisable")


@pytest.mark.parametrize(("retries", "error"), [(-1, ValueError), ("3", TypeError), (None, TypeError)])
def test_retries_must_be_an_int_that_is_not_negative(client, retries, error):
    with pytest.raises(error, match="retries must"):
        client.stm(retries=retries)


@pytest.mark.parametrize("key", [3, None])
async def test_a_key_or_value_of_another_type_is_a_type_error_at_once(client, transact, key):
    async def body(tx):
        for call in (tx.get, tx.put, tx.delete().key):
            with pytest.raises(TypeError, match="a key must be str or bytes"):
                call(key)
        with pytest.raises(TypeError, match="a value must be str, bytes, int or float"):
            tx.put("k").value(None)

    await transact(body)
    assert await texts(client) == {}


async def test_a_function_of_the_other_face_is_a_type_error_that_says_what_to_write(face, client):
    async def coroutine(tx):
        tx.put("k").value("v")

    def plain(tx):
        tx.put("k").value("v")

    wrong, hint = (coroutine, "is async.*write 'def'") if face.name == "blocking" else (plain, "write 'async def'")
    with pytest.raises(TypeError, match=hint):
        await settle(client.stm().transact(wrong))
    assert await texts(client) == {}


async def test_a_lambda_is_accepted_in_both_faces(client):
    await settle(client.stm().transact(lambda tx: tx.put("k").value("v")))
    assert await texts(client) == {"k": "v"}


async def test_a_closed_client_runs_no_transaction(face, options):
    client = face.service(options)
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await settle(client.stm().transact(lambda tx: tx.put("k").value("v")))


# --- deleting ranges

RANGED = [level for level in LEVELS if level != "serializable_snapshot"]
PAIRS = {"a": "1", "p/1": "1", "p/2": "2", "p/3": "3", "q": "1"}
RANGES = {
    "prefix": (lambda delete: delete.prefix("p/"), {"a", "q"}),
    "range": (lambda delete: delete.range("p/2", "q"), {"a", "p/1", "q"}),
    "open range": (lambda delete: delete.range("p/2", "\0"), {"a", "p/1"}),
    "all": (lambda delete: delete.all(), set()),
    "nothing": (lambda delete: delete.prefix("x/"), set(PAIRS)),
}


@pytest.mark.parametrize("level", RANGED)
@pytest.mark.parametrize("name", RANGES)
async def test_a_range_is_deleted_and_later_reads_see_that(client, other, transact, level, name):
    deletes, left = RANGES[name]
    await fill(client, PAIRS)

    async def body(tx):
        deletes(tx.delete())
        assert await texts(other) == PAIRS
        return {key for key in PAIRS if await settle(tx.get(key).exists())}

    assert await transact(body, level) == left
    assert set(await texts(client)) == left


@pytest.mark.parametrize("level", RANGED)
async def test_what_is_written_before_a_range_is_deleted_goes_and_what_is_written_after_stays(client, transact, level):
    await fill(client, PAIRS)

    async def body(tx):
        tx.put("p/0").value("before")
        tx.put("p/2").value("before")
        tx.put("a").value("beside")
        tx.delete().prefix("p/")
        tx.put("p/2").value("after")
        tx.put("p/4").value("after")
        tx.delete().key("p/3")
        return [await settle(tx.get(key).string()) for key in ("a", "p/0", "p/1", "p/2", "p/3", "p/4")]

    assert await transact(body, level) == ["beside", None, None, "after", None, "after"]
    assert await texts(client) == {"a": "beside", "p/2": "after", "p/4": "after", "q": "1"}


async def test_a_range_deleted_twice_is_deleted_around_the_last_writes(client, transact):
    await fill(client, PAIRS)

    async def body(tx):
        tx.delete().prefix("p/")
        tx.put("p/1").value("between")
        tx.put("q").value("between")
        tx.delete().range("p/1", "p/3")
        tx.put("p/2").value("after")

    await transact(body, "serializable")
    assert await texts(client) == {"a": "1", "p/2": "after", "q": "between"}


@pytest.mark.parametrize("level", RANGED)
async def test_a_key_that_was_read_is_checked_though_its_range_is_deleted(client, other, transact, level):
    await fill(client, {"p/1": "1", "p/2": "2"})
    disturb = Once(lambda: other.put("p/1").value("theirs"))

    async def body(tx):
        first = await settle(tx.get("p/1").string())
        await disturb()
        if first == "1":
            tx.delete().prefix("p/")
        else:
            tx.delete().key("p/1")
        tx.put("mark").value(first)

    await transact(body, level)
    unchecked = level == UNCHECKED
    assert set(await texts(client)) == ({"mark"} if unchecked else {"p/2", "mark"})
    assert disturb.runs == (1 if unchecked else 2)


async def test_ranges_are_relative_to_the_namespace(client, fitted):
    await fill(client, {"in/1": 1, "in/2": 2, "out": 3})

    async def body(tx):
        tx.delete().all()
        tx.put("2").value("after")

    await settle(client.namespace("in/").stm("read_committed").transact(fitted(body)))
    assert await texts(client) == {"in/2": "after", "out": "3"}


@pytest.mark.parametrize("name", RANGES)
async def test_the_snapshot_level_refuses_to_delete_a_range_at_once(client, transact, recorded, name):
    async def body(tx):
        text = r"serializable_snapshot cannot delete a range.*one by one, or use stm\('serializable'\)"
        with pytest.raises(ValueError, match=text):
            RANGES[name][0](tx.delete())

    await transact(body)
    assert recorded.calls == []


async def test_a_range_needs_an_end(transact):
    async def body(tx):
        with pytest.raises(ValueError, match="a range needs an end"):
            tx.delete().range("a", "")

    await transact(body, "serializable")
