"""Watches that outlive their servers and connections: every event once and in order."""

from __future__ import annotations

import asyncio

from etcd_factory import errors
from tests.support.faces import in_time, settle
from tests.support.faulty import EVENTS, NAMES, compact, write_through_restarts
from tests.support.watching import begin_drain, begin_take, keys, put, summary, take

LONG = 60


async def test_no_event_is_lost_or_delivered_twice_when_the_server_is_restarted(direct, server, etcd_namespace):
    watcher = await settle(direct.watch().prefix("k").create())
    reading = begin_take(watcher, EVENTS)
    await write_through_restarts(server, etcd_namespace)
    assert keys(await in_time(reading, LONG)) == NAMES


async def test_handlers_miss_nothing_when_the_server_is_restarted(direct, server, etcd_namespace, recorder):
    watch = recorder.on(direct.watch().prefix("k"), "put", "disconnected", "connected")
    watcher = await settle(watch.create())
    await write_through_restarts(server, etcd_namespace)
    await recorder.until("put", EVENTS)
    await settle(watcher.cancel())
    assert [call[1].kv.key_text for call in recorder.calls if call[0] == "put"] == NAMES
    assert "disconnected" in recorder.names
    assert recorder.names.count("connected") > 1


async def test_watches_that_were_busy_when_the_connection_broke_miss_nothing(proxied, direct, proxy):
    watchers = [await settle(proxied.watch().key("k").create()) for _ in range(20)]
    for number in range(10):
        await put(direct, "k", value=str(number))
        proxy.reset()
    for watcher in watchers:
        assert [event.kv.text for event in await take(watcher, 10)] == [str(number) for number in range(10)]


async def test_events_in_fragments_are_delivered_whole_and_once_wherever_the_connection_breaks(proxied, direct, proxy):
    start = (await settle(direct.put("start").value("v"))).revision
    values = [bytes([number]) * 400_000 for number in range(20)]
    for value in values:
        await put(direct, "k", value=value)
    watcher = await settle(proxied.watch().key("k").start_revision(start).fragment().create())
    found = []
    while len(found) < len(values):
        found += await take(watcher)
        if len(found) in (1, 5, 9):
            proxy.reset()
    assert [event.kv.value for event in found] == values


async def test_handlers_are_notified_of_the_connection(proxied, direct, proxy, recorder):
    kinds = "connecting", "connected", "disconnected", "put"
    await settle(recorder.on(proxied.watch().key("k"), *kinds).create())
    await recorder.until("connected")
    proxy.reset()
    await recorder.until("connected", 2)
    await put(direct, "k")
    await recorder.until("put")
    assert recorder.names[:3] == ["connecting", "connected", "disconnected"]
    assert recorder.names[-3:] == ["connecting", "connected", "put"]
    assert isinstance(recorder.calls[2][1], errors.ConnectionFailedError)


async def test_a_watch_reconnects_to_a_server_that_was_away_for_long(proxied, direct, proxy, recorder):
    watcher = await settle(recorder.on(proxied.watch().key("k"), "disconnected", "put").create())
    proxy.cut()
    await recorder.until("disconnected", 5)
    await put(direct, "k")
    proxy.heal()
    await recorder.until("put")
    await settle(watcher.cancel())


async def test_disconnected_is_reported_with_the_error(proxied, proxy, recorder):
    await settle(recorder.on(proxied.watch(), "disconnected").create())
    proxy.cut()
    await recorder.until("disconnected", 2)
    assert all(isinstance(error, errors.ConnectionFailedError) for _, error in recorder.calls)


async def test_cancel_while_the_server_is_away_ends_iteration(proxied, proxy):
    watcher = await settle(proxied.watch().create())
    waiting = begin_drain(watcher)
    proxy.cut()
    await settle(watcher.cancel())
    assert await in_time(waiting) == []


async def test_a_watch_that_is_created_while_the_server_is_away_waits_for_it(face, proxied, direct, proxy, recorder):
    await settle(recorder.on(proxied.watch().key("other"), "disconnected").create())
    proxy.cut()
    await recorder.until("disconnected", 2)
    creating = face.begin(proxied.with_options(timeout=LONG).watch().key("k").create)
    proxy.heal()
    watcher = await in_time(creating)
    await put(direct, "k")
    assert keys(await take(watcher)) == ["k"]


async def test_progress_advances_an_idle_watch_so_that_it_survives_a_compaction(proxied, direct, proxy, server):
    watcher = await settle(proxied.watch().key("k").progress().create())
    revision = (await settle(direct.put("other").value("v"))).revision
    while (await take(watcher))[0].revision < revision:
        pass
    proxy.cut()
    compact(server, revision)
    proxy.heal()
    await put(direct, "k")
    while (event := (await take(watcher))[0]).type == "progress":
        pass
    assert summary([event]) == [("put", "k", "v")]


async def test_a_watch_resumes_on_another_host(make, proxy, server, direct):
    client = make([proxy.endpoint, server.endpoint])
    watcher = await settle(client.watch().key("k").create())
    proxy.cut()
    await put(direct, "k")
    assert keys(await take(watcher)) == ["k"]


async def test_closing_a_client_while_its_watch_is_disconnected_ends_iteration(face, make, proxy, recorder):
    client = make(proxy.endpoint)
    watcher = await settle(client.watch().create())
    await settle(recorder.on(client.watch(), "disconnected").create())
    proxy.cut()
    await recorder.until("disconnected", 2)
    waiting = begin_drain(watcher)
    await in_time(face.close(client))
    (error,) = await in_time(asyncio.gather(waiting, return_exceptions=True))
    assert isinstance(error, errors.ClientClosedError)
