"""Ending watches: cancelling one, closing the client, and a buffer that overflows."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, errors
from tests.support.faces import closed, in_time, settle
from tests.support.watching import (
    WATCHERS,
    begin_drain,
    begin_take,
    drain,
    keys,
    nothing_left,
    put,
    take,
    threads,
    until_metric,
)


async def test_cancel_ends_iteration_and_may_be_called_twice(client):
    watcher = await settle(client.watch().create())
    await settle(watcher.cancel())
    await settle(watcher.cancel())
    assert await drain(watcher) == []


async def test_cancel_ends_a_waiting_iteration(client):
    watcher = await settle(client.watch().create())
    await put(client, "k")
    await take(watcher)
    waiting = begin_drain(watcher)
    await asyncio.sleep(0)
    await settle(watcher.cancel())
    assert await in_time(waiting) == []


async def test_a_cancelled_watch_is_removed_from_the_server_and_others_continue(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await until_metric(fragile, WATCHERS, 0)
    one, two = [await settle(client.watch().key("k").create()) for _ in range(2)]
    await settle(one.cancel())
    await until_metric(fragile, WATCHERS, 1)
    await put(client, "k")
    assert keys(await take(two)) == ["k"]


async def test_the_last_cancel_ends_the_stream_and_its_background_work(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await put(client, "k")
    before = threads()
    made = [await settle(client.watch().create()) for _ in range(3)]
    made[0].on("put", print)
    for one in made:
        await settle(one.cancel())
    await nothing_left(before)
    await until_metric(fragile, WATCHERS, 0)


async def test_a_watch_after_the_last_cancel_works(client):
    for _ in range(10):
        watcher = await settle(client.watch().key("k").create())
        await put(client, "k")
        assert keys(await take(watcher)) == ["k"]
        await settle(watcher.cancel())


async def test_closing_the_client_ends_waiting_readers_with_an_error_and_leaves_nothing(make, recorder):
    before = threads()
    client = make()
    one = await settle(client.watch().create())
    await settle(recorder.on(client.watch(), "error", "end").create())
    waiting = begin_drain(one)
    await asyncio.sleep(0)
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await in_time(waiting)
    await recorder.until("end")
    assert recorder.names == ["error", "end"]
    assert type(recorder.calls[0][1]) is errors.ClientClosedError
    await nothing_left(before)


async def test_a_closed_client_creates_no_watch(client):
    watcher = await settle(client.watch().create())
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await settle(client.watch().create())
    await settle(watcher.cancel())


async def test_closing_while_the_server_hangs_is_prompt(face, make, fragile):
    client = make(hosts=[fragile.endpoint])
    watcher = await settle(client.watch().create())
    fragile.pause()
    waiting = begin_drain(watcher)
    await in_time(face.close(client))
    with pytest.raises(errors.ClientClosedError):
        await in_time(waiting)


async def test_cancel_while_the_server_hangs_is_prompt(face, make, fragile):
    client = make(hosts=[fragile.endpoint])
    one, two = [await settle(client.watch().create()) for _ in range(2)]
    fragile.pause()
    await in_time(asyncio.gather(face.begin(one.cancel), face.begin(two.cancel)))
    assert await in_time(asyncio.gather(begin_drain(one), begin_drain(two))) == [[], []]


async def test_a_cancelled_reader_loses_no_event(options):
    async with AsyncETCDService(options) as client:
        watcher = await client.watch().create()
        reader = begin_take(watcher, 1)
        await asyncio.sleep(0)
        reader.cancel()
        await asyncio.wait([reader])
        await put(client, "a", "b")
        assert keys(await take(watcher, 2)) == ["a", "b"]


# --- overflow


async def test_a_full_buffer_can_be_read_then_overflow_is_an_error_and_others_continue(client):
    slow = await settle(client.watch().prefix("k").create(buffer=5))
    other = await settle(client.watch().create())
    await put(client, *(f"k{n}" for n in range(8)), "end")
    assert len(await take(other, 9)) == 9  # by then the slow one has received everything
    assert keys(await take(slow, 5)) == ["k0", "k1", "k2", "k3", "k4"]
    with pytest.raises(errors.WatchOverflowError, match="more than 5"):
        await take(slow)
    await put(client, "k8")
    assert keys(await take(other)) == ["k8"]


async def test_a_reader_that_keeps_up_never_overflows(client):
    watcher = await settle(client.watch().create(buffer=5))
    for number in range(20):
        await put(client, f"k{number}")
        assert keys(await take(watcher)) == [f"k{number}"]


async def test_handlers_that_keep_up_never_overflow(client, recorder):
    await settle(recorder.on(client.watch(), "put").create(buffer=5))
    for number in range(20):
        await put(client, f"k{number}")
        await recorder.until("put", number + 1)
    assert keys([event for _, event in recorder.calls]) == [f"k{n}" for n in range(20)]


async def test_an_overflowed_watch_is_removed_from_the_server(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await until_metric(fragile, WATCHERS, 0)
    await settle(client.watch().key("other").create())
    await settle(client.watch().key("k").create(buffer=1))
    await put(client, "k", "k")
    await until_metric(fragile, WATCHERS, 1)
