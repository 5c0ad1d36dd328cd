"""Functions that a mirror calls for changes: what stood there and what stands there now, in order, without a gap."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from functools import partial

import pytest

from etcd_factory import errors, ops
from etcd_factory.core import notifier as module
from tests.support.faces import fill, settle
from tests.support.gates import BOUND, hearing
from tests.unit.core.mirror.test_store import compose

from .test_mirror import caught_up, kvs, opened
from .test_watch import Told

MANY = 300  # writes
KEYS = "abcd"


@pytest.fixture
def told():
    return Told()


def texts(calls):
    """Values before and after."""
    return [(old and old.text, new and new.text) for _, old, new in calls]


async def test_each_change_is_told_with_what_stood_there_in_order(client, told):
    mirror = await opened(client, "p/")
    assert mirror.on("change", partial(told, "change")) is mirror
    await settle(client.put("p/k").value("1"))
    await settle(client.put("q").value("0"))
    await settle(client.put("p/k").value("2"))
    await settle(client.delete().key("p/k"))
    await settle(client.put("p/k").value("3"))
    await told.until("change", 4)
    assert texts(told.calls) == [(None, "1"), ("1", "2"), ("2", None), (None, "3")]
    assert {kv.key for call in told.calls for kv in call[1:] if kv} == {b"p/k"}
    assert told.calls[3][2] == await settle(client.get("p/k").kv())


async def test_what_was_there_before_is_not_told(client, told):
    await fill(client, {"k": "old"})
    mirror = (await opened(client)).on("change", partial(told, "change"))
    await settle(client.put("k").value("new"))
    await told.until("change")
    assert texts(told.calls) == [("old", "new")]
    assert told.calls[0][2] == mirror[b"k"]


async def test_the_changes_of_a_transaction_are_told_in_its_order_when_all_of_it_is_there(client, told):
    await fill(client, {"b": "old"})
    mirror = await opened(client)
    mirror.on("change", lambda old, new: told(new.text if new else "gone", len(mirror)))
    await settle(client.txn().then(ops.put("c").value("1"), ops.delete().key("b"), ops.put("a").value("2")).commit())
    await told.until("2")
    assert told.calls == [("1", 2), ("gone", 2), ("2", 2)]


async def test_all_keys_of_a_deletion_are_told(client, told):
    await fill(client, {"p/a": "1", "p/b": "2"})
    (await opened(client)).on("change", partial(told, "change"))
    await settle(client.delete().prefix("p/"))
    await told.until("change", 2)
    assert texts(told.calls) == [("1", None), ("2", None)]


async def test_every_function_is_called(client, told):
    mirror = await opened(client)
    mirror.on("change", partial(told, "one")).on("change", partial(told, "two"))
    await fill(client, {"k": "v"})
    await told.until("two")
    assert told.names == ["one", "two"]


async def test_what_a_function_raises_is_logged_and_the_next_change_still_comes(client, told, caplog):
    def fails(old, new):
        if new.text == "bad":
            raise RuntimeError("no good")

    (await opened(client)).on("change", fails).on("change", partial(told, "change"))
    for value in ("bad", "good"):
        await settle(client.put("k").value(value))
    await told.until("change", 2)
    assert [new for _, new in texts(told.calls)] == ["bad", "good"]
    (record,) = [one for one in caplog.records if one.name == "etcd_factory.mirror" and one.exc_info]
    assert "no good" in str(record.exc_info[1])
    assert "'change'" in record.getMessage()


async def test_a_function_may_be_async_in_asyncio_and_has_ended_before_the_next_call(face, client, told):
    entered, go = threading.Event(), threading.Event()

    async def slow(old, new):
        await asyncio.to_thread(slow_blocking, old, new)

    def slow_blocking(old, new):
        told("begun", new.text)
        entered.set()
        assert go.wait(BOUND)
        told("done", new.text)

    mirror = (await opened(client)).on("change", slow_blocking if face.name == "blocking" else slow)
    for value in "12":
        await settle(client.put("k").value(value))
    assert await asyncio.to_thread(entered.wait, BOUND)
    await caught_up(mirror, client)  # nobody waits for the function
    assert mirror.get("k").string() == "2"
    go.set()
    await told.until("done", 2)
    assert told.calls == [("begun", "1"), ("done", "1"), ("begun", "2"), ("done", "2")]


async def test_a_function_may_use_the_client_and_the_mirror(face, client, told):
    async def answer(old, new):
        await client.put("answer").value(new.text)
        told("done", await mirror.get("k", fresh=True).string(), len(mirror))

    def answer_blocking(old, new):
        client.put("answer").value(new.text)
        told("done", mirror.get("k", fresh=True).string(), len(mirror))

    mirror = await opened(client, "k")
    mirror.on("change", answer_blocking if face.name == "blocking" else answer)
    await settle(client.put("k").value("asked"))
    await told.until("done")
    assert told.calls == [("done", "asked", 1)]
    assert await settle(client.get("answer").string()) == "asked"


async def test_a_function_may_close_the_mirror_and_is_called_no_more(face, client, told):
    async def stop(old, new):
        await mirror.close()
        told("closed")

    def stop_blocking(old, new):
        mirror.close()
        told("closed")

    mirror, other = await opened(client), await opened(client)
    mirror.on("change", stop_blocking if face.name == "blocking" else stop)
    other.on("change", partial(told, "other"))
    await settle(client.txn().then(ops.put("a").value("1"), ops.put("b").value("2")).commit())
    await told.until("closed")
    await settle(client.put("c").value("3"))
    await told.until("other", 3)
    assert told.names.count("closed") == 1


@pytest.mark.parametrize(("event", "hint"), [("chnage", "did you mean 'change'"), ("put", "it has: change")])
async def test_an_unknown_event_is_a_value_error_that_says_which_there_are(client, event, hint):
    mirror = await opened(client)
    with pytest.raises(ValueError, match=f"no event '{event}'.*{hint}"):
        mirror.on(event, print)


async def test_no_change_is_swallowed_by_waiting_for_a_later_one(client, make, told):
    other = make()
    with hearing(client) as streams:
        mirror = (await opened(client, "p/")).on("change", partial(told, "change"))
        streams.shut()
        await settle(other.put("p/k").value("brief"))
        await settle(other.delete().key("p/k"))
        last = (await settle(other.put("q").value("v"))).revision
        with suppress(errors.DeadlineExceededError):
            await settle(mirror.wait(last, timeout=0.2))
    await settle(other.put("p/k").value("lasting"))
    await told.until("change", 3)
    assert texts(told.calls) == [(None, "brief"), ("brief", None), (None, "lasting")]


def write(chance, number):
    """One of a few keys, put or deleted."""
    key = chance.choice(KEYS)
    return ops.put(key).value(str(number)) if chance.random() < 0.7 else ops.delete().key(key)


@pytest.mark.parametrize("most", [1, 3, 10**6])
async def test_what_is_told_leads_from_the_first_state_to_the_last_however_slow_the_function_is(
    client, make, told, monkeypatch, most
):
    monkeypatch.setattr(module, "MOST", most)
    await fill(client, {"a": "first", "b": "first"})
    mirror, other, chance = await opened(client), make(), random.Random(most)
    first, go = mirror.copy(), threading.Event()
    mirror.on("change", slow(client, go, partial(told, "change")))
    await settle(other.batch([write(chance, number) for number in range(MANY)]))
    await caught_up(mirror, client)
    go.set()
    await settle(other.put("end").value("v"))
    await until_told(told, "end")
    await caught_up(mirror, client)
    changes = [change for _, *change in told.calls]
    assert compose(first, changes) == mirror.copy() == await kvs(client)
    assert (len(changes) < MANY / 2) == (most < MANY)


def slow(client, go, noted):
    """A function that first waits until it is let go on."""

    def call(old, new):
        assert go.wait(BOUND)
        noted(old, new)

    async def awaited(old, new):
        await asyncio.to_thread(call, old, new)

    return call if client._run.client.io.face.__name__ == "Sync" else awaited


async def until_told(told, key):
    """Wait for the change of a key."""
    count = 1
    while told.calls[-1:] == [] or told.calls[-1][2] is None or told.calls[-1][2].key_text != key:
        await told.until("change", count)
        count = len(told.calls) + 1
