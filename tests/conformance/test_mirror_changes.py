"""Handlers of a mirror's changes: the old and the new value, in order, without a gap."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from functools import partial

import pytest

from etcd_factory import errors, ops
from etcd_factory.wire import methods
from tests.support.faces import BOUND, fill, settle
from tests.support.mirroring import caught_up, open_mirror, stored
from tests.support.stores import compose
from tests.support.transports import Held

MANY = 300  # writes
KEYS = "abcd"


def texts(calls):
    """Return values before and after."""
    return [(old and old.text, new and new.text) for _, old, new in calls]


async def test_each_change_is_reported_with_the_old_value_in_order(client, recorder):
    mirror = await open_mirror(client, "p/")
    assert recorder.on(mirror, "change") is mirror
    await settle(client.put("p/k").value("1"))
    await settle(client.put("q").value("0"))
    await settle(client.put("p/k").value("2"))
    await settle(client.delete().key("p/k"))
    await settle(client.put("p/k").value("3"))
    await recorder.until("change", 4)
    assert texts(recorder.calls) == [(None, "1"), ("1", "2"), ("2", None), (None, "3")]
    assert {kv.key for call in recorder.calls for kv in call[1:] if kv} == {b"p/k"}
    assert recorder.calls[3][2] == await settle(client.get("p/k").kv())


async def test_what_existed_before_is_not_reported(client, recorder):
    await fill(client, {"k": "old"})
    mirror = recorder.on(await open_mirror(client), "change")
    await settle(client.put("k").value("new"))
    await recorder.until("change")
    assert texts(recorder.calls) == [("old", "new")]
    assert recorder.calls[0][2] == mirror[b"k"]


async def test_the_changes_of_a_transaction_are_reported_in_order_once_all_are_applied(client, recorder):
    await fill(client, {"b": "old"})
    mirror = await open_mirror(client)
    mirror.on("change", lambda old, new: recorder(new.text if new else "gone", len(mirror)))
    await settle(client.txn().then(ops.put("c").value("1"), ops.delete().key("b"), ops.put("a").value("2")).commit())
    await recorder.until("2")
    assert recorder.calls == [("1", 2), ("gone", 2), ("2", 2)]


async def test_all_keys_of_a_deletion_are_reported(client, recorder):
    await fill(client, {"p/a": "1", "p/b": "2"})
    recorder.on(await open_mirror(client), "change")
    await settle(client.delete().prefix("p/"))
    await recorder.until("change", 2)
    assert texts(recorder.calls) == [("1", None), ("2", None)]


async def test_every_handler_is_called(client, recorder):
    mirror = await open_mirror(client)
    mirror.on("change", partial(recorder, "one")).on("change", partial(recorder, "two"))
    await fill(client, {"k": "v"})
    await recorder.until("two")
    assert recorder.names == ["one", "two"]


async def test_an_exception_in_a_handler_is_logged_and_the_next_change_is_still_reported(client, recorder, caplog):
    def fails(old, new):
        if new.text == "bad":
            raise RuntimeError("no good")

    (await open_mirror(client)).on("change", fails).on("change", partial(recorder, "change"))
    for value in ("bad", "good"):
        await settle(client.put("k").value(value))
    await recorder.until("change", 2)
    assert [new for _, new in texts(recorder.calls)] == ["bad", "good"]
    (record,) = [one for one in caplog.records if one.name == "etcd_factory.mirror" and one.exc_info]
    assert "no good" in str(record.exc_info[1])
    assert "'change'" in record.getMessage()


async def test_a_handler_may_be_async_in_asyncio_and_ends_before_the_next_call(face, client, recorder):
    entered, go = threading.Event(), threading.Event()

    async def slow(old, new):
        await asyncio.to_thread(slow_blocking, old, new)

    def slow_blocking(old, new):
        recorder("begun", new.text)
        entered.set()
        assert go.wait(BOUND)
        recorder("done", new.text)

    mirror = (await open_mirror(client)).on("change", slow_blocking if face.name == "blocking" else slow)
    for value in "12":
        await settle(client.put("k").value(value))
    assert await asyncio.to_thread(entered.wait, BOUND)
    await caught_up(mirror, client)  # it does not wait for the handler
    assert mirror.get("k").string() == "2"
    go.set()
    await recorder.until("done", 2)
    assert recorder.calls == [("begun", "1"), ("done", "1"), ("begun", "2"), ("done", "2")]


async def test_a_handler_may_use_the_client_and_the_mirror(face, client, recorder):
    async def answer(old, new):
        await client.put("answer").value(new.text)
        recorder("done", await mirror.get("k", fresh=True).string(), len(mirror))

    def answer_blocking(old, new):
        client.put("answer").value(new.text)
        recorder("done", mirror.get("k", fresh=True).string(), len(mirror))

    mirror = await open_mirror(client, "k")
    mirror.on("change", answer_blocking if face.name == "blocking" else answer)
    await settle(client.put("k").value("asked"))
    await recorder.until("done")
    assert recorder.calls == [("done", "asked", 1)]
    assert await settle(client.get("answer").string()) == "asked"


async def test_a_handler_may_close_the_mirror_and_is_not_called_again(face, client, recorder):
    async def stop(old, new):
        await mirror.close()
        recorder("closed")

    def stop_blocking(old, new):
        mirror.close()
        recorder("closed")

    mirror, other = await open_mirror(client), await open_mirror(client)
    mirror.on("change", stop_blocking if face.name == "blocking" else stop)
    other.on("change", partial(recorder, "other"))
    await settle(client.txn().then(ops.put("a").value("1"), ops.put("b").value("2")).commit())
    await recorder.until("closed")
    await settle(client.put("c").value("3"))
    await recorder.until("other", 3)
    assert recorder.names.count("closed") == 1


@pytest.mark.parametrize(("event", "hint"), [("chnage", "; did you mean 'change'"), ("put", "$")])
async def test_an_unknown_event_is_a_value_error_that_lists_the_known_ones(client, event, hint):
    mirror = await open_mirror(client)
    with pytest.raises(ValueError, match=f"event of a mirror: expected one of change, got '{event}'{hint}"):
        mirror.on(event, print)


async def test_waiting_for_a_later_change_loses_no_change(make, wrap, other, recorder):
    watches = wrap(Held, methods.WATCH)
    mirror = recorder.on(await open_mirror(make(transport=watches), "p/"), "change")
    watches.hold()
    await settle(other.put("p/k").value("brief"))
    await settle(other.delete().key("p/k"))
    last = (await settle(other.put("q").value("v"))).revision
    with suppress(errors.DeadlineExceededError):
        await settle(mirror.wait(last, timeout=0.2))
    watches.release()
    await settle(other.put("p/k").value("lasting"))
    await recorder.until("change", 3)
    assert texts(recorder.calls) == [(None, "brief"), ("brief", None), (None, "lasting")]


def write(chance, number):
    """Return an operation that puts or deletes one of a few keys."""
    key = chance.choice(KEYS)
    return ops.put(key).value(str(number)) if chance.random() < 0.7 else ops.delete().key(key)


async def test_the_changes_lead_from_the_first_state_to_the_last_with_a_slow_handler(face, client, other, recorder):
    await fill(client, {"a": "first", "b": "first"})
    mirror, chance = await open_mirror(client), random.Random(1)
    first, go = mirror.copy(), threading.Event()

    def slow(old, new):
        assert go.wait(BOUND)
        recorder("change", old, new)

    mirror.on("change", face.handler(slow))
    await settle(other.batch([write(chance, number) for number in range(MANY)]))
    await caught_up(mirror, client)
    go.set()
    await settle(other.put("end").value("v"))
    await until_key(recorder, "end")
    await caught_up(mirror, client)
    changes = [change for _, *change in recorder.calls]
    assert compose(first, changes) == mirror.copy() == await stored(client)
    assert len(changes) >= MANY / 2  # none were merged


async def until_key(recorder, key):
    """Wait for the change of a key."""
    count = 1
    while recorder.calls[-1:] == [] or recorder.calls[-1][2] is None or recorder.calls[-1][2].key_text != key:
        await recorder.until("change", count)
        count = len(recorder.calls) + 1
