"""Conflicts of software transactions: how a transaction runs again, and when it gives up."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from etcd_factory import errors, ops
from tests.support.faces import fill, settle, texts
from tests.support.transactions import Once, increment, move

QUICK = {"initial": 0.001, "maximum": 0.001}  # seconds between runs


@pytest.fixture
def client(make, recorded):
    return make(transport=recorded, retry=QUICK)


@pytest.mark.parametrize("retries", [0, 2])
async def test_too_many_conflicts_are_an_error_with_their_number_and_keys(client, other, transact, retries):
    await fill(client, {"n": 1, "calm": 1})
    runs = []

    async def body(tx):
        await settle(tx.get("calm").number())
        await increment(tx)
        runs.append(await settle(other.put("n").value(len(runs))))

    text = f"gave up after {retries + 1} attempts; others keep changing 'n'"
    with pytest.raises(errors.STMConflictError, match=text) as caught:
        await transact(body, retries=retries)
    error = caught.value
    assert (error.attempts, error.operation, error.code) == (retries + 1, "stm", "ABORTED")
    assert error.endpoint in str(error)
    assert len(runs) == retries + 1


async def test_a_conflict_over_a_key_that_is_only_written_names_the_key(client, other, transact):
    async def body(tx):
        await settle(tx.get("a").exists())
        await settle(other.put("b").value("theirs"))
        tx.put("b").value("ours")

    with pytest.raises(errors.STMConflictError, match="others keep changing 'b'"):
        await transact(body, retries=1)


async def test_the_refused_commit_returns_what_the_next_run_reads(client, other, transact, recorded):
    await fill(client, {"a": 5, "b": 5})
    disturb = Once(lambda: other.put("a").value(9))
    recorded.calls.clear()

    async def body(tx):
        await move(tx)
        await disturb()

    await transact(body)
    assert recorded.names() == ["Range", "Range", "Txn", "Txn"]
    assert await texts(client) == {"a": "8", "b": "6"}


async def test_the_next_run_reads_other_keys_at_the_revision_of_the_refused_commit(client, other, transact):
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


async def test_the_pauses_between_runs_grow(make, other, fitted):
    await fill(other, {"n": 1})
    begun = []

    async def body(tx):
        begun.append(time.monotonic())
        await increment(tx)
        await settle(other.put("n").value(1))

    with pytest.raises(errors.STMConflictError):
        await settle(make().stm(retries=5).transact(fitted(body)))
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert len(gaps) == 5
    # the second run is at once, on what the refused commit returned; then the default pauses, at least half of each
    assert all(gap >= full / 2 for gap, full in zip(gaps[1:], [0.025, 0.05, 0.1, 0.2], strict=True))


async def test_after_a_pause_keys_are_read_again(client, other, transact, recorded):
    await fill(client, {"n": 1})
    recorded.calls.clear()
    runs = []

    async def body(tx):
        await increment(tx)
        runs.append(tx)
        if len(runs) < 3:
            await settle(other.put("n").value(7))

    await transact(body)
    assert recorded.names() == ["Range", "Txn", "Txn", "Range", "Txn"]


async def test_a_commit_whose_response_was_lost_is_not_retried(client, make, relay, fitted):
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
