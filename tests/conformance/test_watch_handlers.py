"""Handlers of a watch: their order, what they may do, what happens to their errors."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from etcd_factory import errors, ops
from tests.support.faces import BOUND, closed, is_async, settle
from tests.support.watching import keys, put, take


async def test_handlers_are_called_in_order(client, recorder):
    watch = recorder.on(client.watch(), "connecting", "connected", "put", "delete", "data", "end")
    watcher = await settle(watch.create())
    await settle(client.txn().then(ops.put("a").value("1"), ops.put("b").value("2")).commit())
    await settle(client.delete().key("a"))
    await recorder.until("data", 2)
    await settle(watcher.cancel())
    await recorder.until("end")
    assert recorder.names == ["connecting", "connected", "put", "put", "data", "delete", "data", "end"]
    assert recorder.calls[4][1] == [recorder.calls[2][1], recorder.calls[3][1]]
    assert [len(call) - 1 for call in recorder.calls] == [0, 0, 1, 1, 1, 1, 1, 0]


async def test_handlers_added_to_a_running_watch_miss_nothing(client, recorder):
    watcher = await settle(client.watch().create())
    await put(client, "a")
    assert recorder.on(watcher, "put") is watcher
    await put(client, "b")
    await recorder.until("put", 2)
    assert keys([event for _, event in recorder.calls]) == ["a", "b"]


async def test_all_handlers_of_the_builder_see_the_past(client, recorder):
    start = (await settle(client.put("k").value("v"))).revision
    await settle(client.delete().key("k"))
    await put(client, "k")
    for number in range(1, 10):
        watch = client.watch().key("k").start_revision(start)
        watcher = await settle(recorder.on(watch, "put", "delete").create())
        await recorder.until("put", 2 * number)
        await settle(watcher.cancel())
    assert recorder.names == ["put", "delete", "put"] * 9


async def test_handlers_of_one_event_are_called_in_the_order_they_were_added(client, recorder):
    watch = client.watch().on("put", lambda event: recorder("one")).on("put", lambda event: recorder("two"))
    await settle(watch.create())
    await put(client, "k")
    await recorder.until("two")
    assert recorder.names == ["one", "two"]


async def test_a_handler_may_use_the_client_and_cancel_its_own_watcher(client, recorder):
    made = []

    async def answer(event):
        await client.put("answer").value(event.kv.text)
        await made[0].cancel()
        recorder("done")

    def answer_blocking(event):
        client.put("answer").value(event.kv.text)
        made[0].cancel()
        recorder("done")

    watcher = await settle(recorder.on(client.watch().key("k"), "end").create())
    made.append(watcher)
    watcher.on("put", answer if is_async(watcher) else answer_blocking)
    await put(client, "k", value="asked")
    await recorder.until("end")
    assert recorder.names == ["done", "end"]
    assert await settle(client.get("answer").string()) == "asked"


async def test_a_handler_may_create_a_watch(client, recorder):
    async def nest(event):
        (await client.watch().key("in").create()).on("put", partial(recorder, "inner"))
        recorder("created")

    def nest_blocking(event):
        client.watch().key("in").create().on("put", partial(recorder, "inner"))
        recorder("created")

    watcher = await settle(client.watch().key("k").create())
    watcher.on("put", nest if is_async(watcher) else nest_blocking)
    await put(client, "k")
    await recorder.until("created")
    await put(client, "in")
    await recorder.until("inner")


async def test_after_cancel_in_a_handler_only_end_is_called(client, recorder):
    watcher = await settle(recorder.on(client.watch(), "data", "end").create())

    async def stop(event):
        recorder("put")
        await watcher.cancel()

    def stop_blocking(event):
        recorder("put")
        watcher.cancel()

    watcher.on("put", stop if is_async(watcher) else stop_blocking)
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(3)]).commit())
    await recorder.until("end")
    assert recorder.names == ["put", "end"]


async def test_a_slow_handler_does_not_delay_another_watch(client, recorder):
    go, entered = threading.Event(), threading.Event()

    async def slow(event):
        entered.set()
        await asyncio.to_thread(go.wait, BOUND)
        recorder("slow")

    def slow_blocking(event):
        entered.set()
        go.wait(BOUND)
        recorder("slow")

    one = await settle(client.watch().key("k").create())
    one.on("put", slow if is_async(one) else slow_blocking)
    await settle(recorder.on(client.watch().key("k"), "put").create())
    await put(client, "k", "k", "k")
    assert await asyncio.to_thread(entered.wait, BOUND)
    await recorder.until("put", 3)
    go.set()
    await recorder.until("slow", 3)
    assert recorder.names == ["put"] * 3 + ["slow"] * 3


async def test_an_exception_in_a_handler_is_logged_and_the_next_event_still_arrives(client, recorder, caplog):
    def fails(event):
        if event.kv.text == "bad":
            raise RuntimeError("no good")

    await settle(recorder.on(client.watch().on("put", fails), "put").create())
    await put(client, "k", value="bad")
    await put(client, "k", value="good")
    await recorder.until("put", 2)
    assert [event.kv.text for _, event in recorder.calls] == ["bad", "good"]
    (record,) = [one for one in caplog.records if one.name == "etcd_factory.watch" and one.exc_info]
    assert "no good" in str(record.exc_info[1])
    assert "'put'" in record.getMessage()


async def test_a_watcher_with_handlers_cannot_be_iterated(client, recorder):
    watcher = await settle(recorder.on(client.watch(), "put").create())
    with pytest.raises(TypeError, match="with handlers cannot be iterated over"):
        await take(watcher)


async def test_handlers_are_called_with_the_error_that_ends_the_watch(client, recorder):
    await settle(recorder.on(client.watch(), "put", "error", "end").create(buffer=5))
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(6)]).commit())
    await recorder.until("end")
    assert recorder.names == ["error", "end"]
    assert isinstance(recorder.calls[0][1], errors.WatchOverflowError)


UNHANDLED = "has no handler for 'error'"


@pytest.mark.parametrize("kinds", [("put", "end"), ("error", "end")], ids=str)
async def test_an_error_without_a_handler_is_logged(client, recorder, caplog, kinds):
    await settle(recorder.on(client.watch(), *kinds).create(buffer=5))
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(6)]).commit())
    await recorder.until("end")
    warned = [one.getMessage() for one in caplog.records if UNHANDLED in one.getMessage()]
    assert len(warned) == ("error" not in kinds)
    assert all("more than 5 events" in one for one in warned)


async def test_closing_the_client_is_not_logged_as_an_error(client, recorder, caplog):
    await settle(recorder.on(client.watch(), "put", "end").create())
    await closed(client)
    await recorder.until("end")
    assert UNHANDLED not in caplog.text
