"""Transactions in software."""

import asyncio

import pytest

from etcd_factory import AsyncETCDService, errors, ops
from etcd_factory.core.concurrency.stm import LEVELS
from etcd_factory.core.face import finish
from tests.support.faces import closed, fill, settle, texts

SNAPSHOTS = ["serializable_snapshot", "serializable"]
CHECKED = [*SNAPSHOTS, "repeatable_reads"]
LOOSE = "read_committed"
WORKERS, TRANSFERS = 8, 5


@pytest.fixture
def other(make):
    """One who works on the same keys at the same time."""
    return make()


@pytest.fixture
def fitted(face):
    """The function of a transaction as this face takes it, from a coroutine function."""
    return lambda body: body if face.name == "asyncio" else lambda tx: finish(body(tx))


@pytest.fixture
def transact(client, fitted):
    """Runs a coroutine function as a transaction."""

    async def run(body, isolation="serializable_snapshot", **options):
        return await settle(client.stm(isolation, **options).transact(fitted(body)))

    return run


@pytest.fixture
def calls(client, monkeypatch):
    """The calls to etcd since the test began, by name."""
    inner, made, call = client._run.client, [], client._run.client.call

    async def counted(method, *args):
        made.append(method.name)
        return await call(method, *args)

    monkeypatch.setattr(inner, "call", counted)
    return made


@pytest.fixture
def pauses(client, monkeypatch):
    """The pauses that were made, which then take no time."""
    made = []

    async def sleep(seconds):
        made.append(seconds)

    monkeypatch.setattr(client._run.client.io, "sleep", sleep)
    return made


class Once:
    """What happens in the first run only, and how many runs there were."""

    def __init__(self, call):
        self.call, self.runs = call, 0

    async def __call__(self):
        self.runs += 1
        if self.runs == 1:
            await settle(self.call())


async def move(tx):
    """One unit from ``a`` to ``b``."""
    a, b = await settle(tx.get("a").number()), await settle(tx.get("b").number())
    tx.put("a").value(a - 1)
    tx.put("b").value(b + 1)


async def increment(tx, key="n"):
    tx.put(key).value(await settle(tx.get(key).number()) + 1)


@pytest.mark.parametrize("level", CHECKED)
async def test_many_at_once_lose_nothing(face, client, fitted, level):
    await fill(client, {"a": 100, "b": 0})

    def work():
        return client.stm(level, retries=100).transact(fitted(move))

    for _ in range(TRANSFERS):
        await asyncio.gather(*[face.begin(work) for _ in range(WORKERS)])
    assert await texts(client) == {"a": "60", "b": "40"}


@pytest.mark.parametrize("level", LEVELS)
async def test_what_the_function_returned_is_the_result(client, transact, level):
    await fill(client, {"n": 1})

    async def body(tx):
        await increment(tx)
        return ["done"]

    assert await transact(body, level) == ["done"]
    assert await texts(client) == {"n": "2"}


@pytest.mark.parametrize("level", LEVELS)
async def test_keys_of_different_revisions_are_written_together_at_the_first_run(client, transact, level):
    """Node's client compares with the oldest key's revision there, and never gets through."""
    await settle(client.put("a").value(5))
    await settle(client.put("b").value(5))
    await transact(move, level, retries=0)
    assert await texts(client) == {"a": "4", "b": "6"}


@pytest.mark.parametrize("level", CHECKED)
async def test_an_update_of_another_is_not_lost(client, other, transact, level):
    await fill(client, {"n": 1})
    disturb = Once(lambda: other.put("n").value(10))

    async def body(tx):
        n = await settle(tx.get("n").number())
        await disturb()
        tx.put("n").value(n + 1)

    await transact(body, level)
    assert (disturb.runs, await texts(client)) == (2, {"n": "11"})


async def test_read_committed_overwrites_an_update_of_another(client, other, transact):
    await fill(client, {"n": 1})
    disturb = Once(lambda: other.put("n").value(10))

    async def body(tx):
        n = await settle(tx.get("n").number())
        await disturb()
        tx.put("n").value(n + 1)

    await transact(body, LOOSE)
    assert (disturb.runs, await texts(client)) == (1, {"n": "2"})


@pytest.mark.parametrize(("level", "left"), [*((level, {"b"}) for level in CHECKED), (LOOSE, set())])
async def test_two_that_read_both_keys_and_write_one_each_do_not_both_get_through(client, other, transact, level, left):
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
async def test_a_key_that_is_only_written_is_guarded_by_the_snapshot_level_alone(client, other, transact, level, runs):
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
async def test_one_that_reads_nothing_is_never_disturbed(client, other, transact, level):
    disturb = Once(lambda: other.put("k").value("theirs"))

    async def body(tx):
        await disturb()
        tx.put("k").value("ours")

    await transact(body, level, retries=0)
    assert await texts(client) == {"k": "ours"}


@pytest.mark.parametrize(
    ("level", "first"),
    [*((level, ("1", "1")) for level in SNAPSHOTS), *((level, ("1", "2")) for level in ["repeatable_reads", LOOSE])],
)
async def test_the_snapshot_levels_read_all_keys_at_one_revision(client, other, transact, level, first):
    await fill(client, {"a": 1, "b": 1})
    disturb, seen = Once(lambda: other.batch([ops.put("a").value(2), ops.put("b").value(2)])), []

    async def body(tx):
        a = await settle(tx.get("a").string())
        await disturb()
        seen.append((a, await settle(tx.get("b").string())))

    await transact(body, level)
    assert seen == ([first] if level == LOOSE else [first, ("2", "2")])


@pytest.mark.parametrize("level", SNAPSHOTS)
async def test_a_key_made_after_the_first_read_is_not_seen(client, other, transact, level):
    disturb, seen = Once(lambda: other.put("b").value(1)), []

    async def body(tx):
        await settle(tx.get("a").exists())
        await disturb()
        seen.append(await settle(tx.get("b").exists()))

    await transact(body, level)
    assert seen == [False, True]


async def test_reads_side_by_side_are_of_one_revision(options, monkeypatch):
    async with AsyncETCDService(options) as client:
        await fill(client, {"a": 1, "b": 1})
        inner, call, seen = client._run.client, client._run.client.call, []

        async def late(method, request, timeout):
            """The first read of ``b`` comes after a change behind the read of ``a``."""
            if request.key.endswith(b"b") and not request.revision:
                await asyncio.sleep(0.05)
                monkeypatch.setattr(inner, "call", call)
                await client.batch([ops.put("a").value(2), ops.put("b").value(2)])
            return await call(method, request, timeout)

        async def body(tx):
            seen.append(await asyncio.gather(tx.get("a").number(), tx.get("b").number()))

        monkeypatch.setattr(inner, "call", late)
        await client.stm().transact(body)
        assert seen == [[1, 1], [2, 2]]


@pytest.mark.parametrize("level", LEVELS)
async def test_a_key_read_twice_gives_the_first_value(client, other, transact, level):
    await fill(client, {"k": 1})
    disturb, seen = Once(lambda: other.put("k").value(2)), []

    async def body(tx):
        before = await settle(tx.get("k").number())
        await disturb()
        seen.append((before, await settle(tx.get("k").number())))

    await transact(body, level)
    assert seen == ([(1, 1)] if level == LOOSE else [(1, 1), (2, 2)])


async def test_every_reader_reads(client, transact):
    await fill(client, {"k": "12"})
    kept = await settle(client.get("k").kv())

    async def body(tx):
        got = tx.get("k")
        return [await settle(read()) for read in (got.string, got.bytes, got.json, got.number, got.exists, got.kv)]

    assert await transact(body) == ["12", b"12", 12, 12, True, kept]


async def test_what_is_missing_is_none(transact):
    async def body(tx):
        got = tx.get("k")
        return [await settle(read()) for read in (got.string, got.bytes, got.json, got.number, got.exists, got.kv)]

    assert await transact(body) == [None, None, None, None, False, None]


@pytest.mark.parametrize("level", LEVELS)
async def test_it_sees_its_own_writes(client, transact, level):
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


async def test_the_last_write_of_a_key_counts(client, transact):
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


async def test_a_write_may_be_awaited_and_has_nothing_to_wait_for():
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


async def test_a_lease_that_is_not_granted_yet_is_at_the_commit(client, transact):
    lease = client.lease(60)

    async def body(tx):
        tx.put("k").lease(lease).value("v")
        return (await settle(tx.get("k").kv())).lease

    assert await transact(body) == 0
    assert (await settle(client.get("k").kv())).lease == lease.id
    await settle(lease.revoke())


async def test_all_is_written_at_one_revision(client, transact):
    async def body(tx):
        tx.put("a").value("1")
        tx.put("b").value("2")

    await transact(body)
    assert len({kv.mod_revision for kv in await settle(client.get_all().kvs())}) == 1


async def test_what_the_function_raises_passes_through_and_nothing_is_written(client, transact):
    async def body(tx):
        tx.put("k").value("v")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await transact(body)
    assert await texts(client) == {}


async def test_the_error_of_a_read_passes_through_the_function(client, transact):
    await fill(client, {"k": "word"})

    async def body(tx):
        with pytest.raises(ValueError, match="the value of b'k' is not a number"):
            await settle(tx.get("k").number())
        return "caught"

    assert await transact(body) == "caught"


@pytest.mark.parametrize("retries", [0, 2])
async def test_too_many_conflicts_are_an_error_that_says_how_many_and_of_which_keys(
    client, other, transact, pauses, retries
):
    await fill(client, {"n": 1, "calm": 1})
    runs = []

    async def body(tx):
        await settle(tx.get("calm").number())
        await increment(tx)
        runs.append(await settle(other.put("n").value(len(runs))))

    with pytest.raises(
        errors.STMConflictError, match=f"attempt {retries + 1} of {retries + 1} .* changed 'n'"
    ) as caught:
        await transact(body, retries=retries)
    error = caught.value
    assert (error.attempts, error.operation, error.code) == (retries + 1, "stm", "ABORTED")
    assert error.endpoint in str(error)
    assert len(runs) == retries + 1


async def test_a_conflict_over_a_key_that_is_only_written_names_it(client, other, transact):
    async def body(tx):
        await settle(tx.get("a").exists())
        await settle(other.put("b").value("theirs"))
        tx.put("b").value("ours")

    with pytest.raises(errors.STMConflictError, match="others changed 'b'"):
        await transact(body, retries=1)


async def test_the_refused_commit_brings_what_the_next_run_reads(client, other, transact, calls):
    await fill(client, {"a": 5, "b": 5})
    disturb = Once(lambda: other.put("a").value(9))
    calls.clear()

    async def body(tx):
        await move(tx)
        await disturb()

    await transact(body)
    assert calls == ["Range", "Range", "Txn", "Txn"]
    assert await texts(client) == {"a": "8", "b": "6"}


async def test_another_key_in_the_next_run_is_of_the_revision_of_what_the_commit_brought(client, other, transact):
    await fill(client, {"a": 1, "b": 1})
    disturb, seen = Once(lambda: other.put("a").value(2)), []

    async def body(tx):
        if disturb.runs == 1:  # after the refused commit
            await settle(other.batch([ops.put("a").value(3), ops.put("b").value(3)]))
            seen.append(await settle(tx.get("b").number()))
        seen.append(await settle(tx.get("a").number()))
        await disturb()

    await transact(body)
    assert seen == [1, 1, 2, 3]


async def test_the_pauses_between_runs_grow(client, other, transact, pauses):
    await fill(client, {"n": 1})

    async def body(tx):
        await increment(tx)
        await settle(other.put("n").value(1))

    with pytest.raises(errors.STMConflictError):
        await transact(body, retries=5)
    assert len(pauses) == 4  # the first run again is at once, on what the refused commit brought
    assert all(full / 2 <= pause <= full for pause, full in zip(pauses, [0.025, 0.05, 0.1, 0.2], strict=True))


async def test_after_a_pause_keys_are_read_anew(client, other, transact, calls, pauses):
    await fill(client, {"n": 1})
    calls.clear()
    runs = []

    async def body(tx):
        await increment(tx)
        runs.append(tx)
        if len(runs) < 3:
            await settle(other.put("n").value(7))

    await transact(body)
    assert calls == ["Range", "Txn", "Txn", "Range", "Txn"]


async def test_one_that_reads_and_writes_nothing_asks_nothing(client, transact, calls):
    async def body(tx):
        return 1

    assert await transact(body) == 1
    assert calls == []


async def test_a_commit_whose_answer_was_lost_is_not_done_again(client, make, relay, fitted):
    await fill(client, {"n": 1})
    far, runs = make(hosts=[relay.endpoint]), []
    await settle(far.get("n").string())

    async def body(tx):
        runs.append(tx)
        await increment(tx)
        tx.put("mark").value("unmistakable")

    relay.cut(b"unmistakable")
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await settle(far.stm().transact(fitted(body)))
    assert caught.value.maybe_applied
    assert len(runs) == 1
    assert await texts(client) in ({"n": "1"}, {"n": "2", "mark": "unmistakable"})  # as the relay was quicker or not


async def test_keys_are_those_of_the_namespace(client, other, fitted):
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


async def test_a_transaction_can_run_another_one(client, transact):
    await fill(client, {"n": 1, "m": 1})

    async def outer(tx):
        await increment(tx)
        await transact(lambda inner: increment(inner, "m"))

    await transact(outer)
    assert await texts(client) == {"n": "2", "m": "2"}


async def test_one_stm_serves_several_at_once(face, client, fitted):
    await fill(client, {"n": 0})
    stm = client.stm(retries=100)
    await asyncio.gather(*[face.begin(lambda: stm.transact(fitted(increment))) for _ in range(WORKERS)])
    assert await texts(client) == {"n": str(WORKERS)}


def test_an_unknown_isolation_is_a_value_error_at_once_that_suggests_a_known_one(client):
    with pytest.raises(ValueError, match=r"'serialisable' is none of .*; did you mean 'serializable'"):
        client.stm("serialisable")


@pytest.mark.parametrize(("retries", "error"), [(-1, ValueError), ("3", TypeError), (None, TypeError)])
def test_retries_are_a_number_that_is_not_negative(client, retries, error):
    with pytest.raises(error, match="retries is"):
        client.stm(retries=retries)


@pytest.mark.parametrize("key", [3, None])
async def test_what_is_no_key_is_a_type_error_at_once(client, transact, key):
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


async def test_a_lambda_serves(client):
    await settle(client.stm().transact(lambda tx: tx.put("k").value("v")))
    assert await texts(client) == {"k": "v"}


async def test_a_closed_client_runs_nothing_more(face, options):
    client = face.service(options)
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await settle(client.stm().transact(lambda tx: tx.put("k").value("v")))
