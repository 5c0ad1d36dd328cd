"""Software transactions: when a function runs again, and when that is given up."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.concurrency.stm import LEVELS, STM
from etcd_factory.core.concurrency.stm_journal import Level
from etcd_factory.errors import Code, ConnectionFailedError, STMConflictError
from etcd_factory.model import KeyValue
from etcd_factory.testing import replies
from tests.support.faces import settle

DONE = replies.txn(replies.put())


def read(value, mod=3, key=b"k"):
    return replies.get(KeyValue(key, value, 1, mod, 1), revision=mod)


def refused(value=b"other", mod=12):
    return replies.txn(read(value, mod), succeeded=False, revision=mod)


@pytest.fixture
def increment(face):
    """A function of a transaction that appends to a key, and returns what it read."""
    seen = []

    def blocking(tx):
        seen.append(tx.get("k").string())
        tx.put("k").value(seen[-1] + "!")
        return seen[-1]

    async def awaited(tx):
        seen.append(await tx.get("k").string())
        tx.put("k").value(seen[-1] + "!")
        return seen[-1]

    function = blocking if face.name == "blocking" else awaited
    function.seen = seen
    return function


async def test_the_result_is_that_of_the_run_that_was_committed(connect, increment):
    client, transport = connect([read(b"v"), DONE])
    assert await settle(client.stm().transact(increment)) == "v"
    assert transport.calls[1].request.success[0].request_put.value == b"v!"


async def test_after_a_conflict_it_runs_again_at_once_on_what_the_refused_commit_found(connect, increment):
    client, transport = connect([read(b"v"), refused(b"other"), DONE])
    assert await settle(client.stm().transact(increment)) == "other"
    assert (increment.seen, [call.method for call in transport.calls]) == (["v", "other"], ["Range", "Txn", "Txn"])


async def test_from_the_second_conflict_on_it_pauses_and_reads_again(view_of, clock):
    steps = [read(b"v"), refused(b"1"), refused(b"2"), read(b"3"), refused(b"4"), read(b"5"), DONE]
    view, transport = view_of(steps, retry={"initial": 1, "maximum": 8})
    seen = []

    async def awaited(tx):
        seen.append((await tx.get("k").kv()).text)
        tx.put("k").value("new")

    def blocking(tx):
        seen.append(tx.get("k").kv().text)
        tx.put("k").value("new")

    await settle(STM(view, LEVELS["serializable"], 20).transact(awaited if is_asyncio(clock) else blocking))
    assert seen == ["v", "1", "3", "5"]
    assert clock.slept == [1.0, 2.0]
    assert [call.method for call in transport.calls].count("Range") == 3


def is_asyncio(clock):
    return clock.face.__name__ == "Async"


async def test_it_is_given_up_after_so_many_retries_with_the_keys_that_changed(connect, increment):
    client, transport = connect([read(b"v"), refused(mod=12), refused(mod=13)], hosts=["a:1"])
    with pytest.raises(STMConflictError, match="gave up after 2 attempts; others keep changing 'k'") as caught:
        await settle(client.stm(retries=1).transact(increment))
    error = caught.value
    assert (error.code, error.operation, error.attempts, error.endpoint) == (Code.ABORTED, "stm", 2, "a:1")
    assert [call.method for call in transport.calls].count("Txn") == 2


async def test_without_retries_it_runs_once(connect, increment):
    client, _ = connect([read(b"v"), refused()])
    with pytest.raises(STMConflictError, match="after 1 attempts"):
        await settle(client.stm(retries=0).transact(increment))
    assert increment.seen == ["v"]


async def test_what_the_function_raises_passes_and_nothing_is_written(connect, face):
    def blocking(tx):
        tx.put("k").value("v")
        raise ValueError("no good")

    async def awaited(tx):
        blocking(tx)

    client, transport = connect([])
    with pytest.raises(ValueError, match="no good"):
        await settle(client.stm().transact(blocking if face.name == "blocking" else awaited))
    assert transport.calls == []


async def test_a_commit_whose_response_was_lost_is_not_retried(connect, increment):
    client, transport = connect([read(b"v"), replies.lost()])
    with pytest.raises(ConnectionFailedError) as caught:
        await settle(client.stm().transact(increment))
    assert (caught.value.maybe_applied, len(transport.calls)) == (True, 2)


async def test_a_function_of_the_other_face_is_an_error_that_says_what_to_write(connect, face):
    async def awaited(tx):
        raise AssertionError("it is not run")

    client, transport = connect([])
    if face.name == "blocking":
        with pytest.raises(TypeError, match="is async; for the blocking ETCDService write 'def'"):
            client.stm().transact(awaited)
    else:
        with pytest.raises(TypeError, match="is not async; for AsyncETCDService write 'async def'"):
            await client.stm().transact(lambda tx: None)
    assert transport.calls == []


async def test_a_runner_may_be_used_again_and_concurrently(connect, increment, face):
    def answer(call):
        return read(b"v")

    client, _ = connect({"Range": answer, "Txn": DONE})
    stm = client.stm()
    results = await asyncio.gather(*[face.begin(lambda: stm.transact(increment)) for _ in range(3)])
    assert results == ["v", "v", "v"]


@pytest.mark.parametrize(
    ("isolation", "level"),
    [
        ("serializable_snapshot", Level(True, True, True)),
        ("serializable", Level(True, True, False)),
        ("repeatable_reads", Level(False, True, False)),
        ("read_committed", Level(False, False, False)),
    ],
)
def test_what_the_isolation_levels_guarantee(isolation, level):
    """As in Go's client (client/v3/concurrency/stm.go)."""
    assert LEVELS[isolation] == level


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda client: client.stm("serialisable"),
            ValueError,
            "isolation: expected .*'serialisable'.*'serializable'",
        ),
        (lambda client: client.stm(retries=-1), ValueError, "retries must not be negative"),
        (lambda client: client.stm(retries="2"), TypeError, "retries must be an int"),
    ],
)
async def test_a_wrong_argument_is_an_error_at_once(connect, call, error, text):
    client, transport = connect([])
    with pytest.raises(error, match=text):
        call(client)
    assert transport.calls == []


async def test_it_shows_its_client(connect):
    client, _ = connect([], hosts=["a:1"])
    assert repr(client.stm()) == "<STM of a:1>"
