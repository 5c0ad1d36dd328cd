"""Defects of the watches of the Node client that this client does not have."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import errors
from etcd_factory.wire import methods
from tests.support.faces import settle
from tests.support.transports import Breaking
from tests.support.watching import put, summary, take

PAST = 30  # changes


@pytest.fixture
def breaking(wrap):
    """A transport whose first watch stream breaks after one message, the confirmation."""
    return wrap(Breaking, methods.WATCH, messages=1)


@pytest.fixture
def client(make, breaking):
    return make(transport=breaking)


async def test_a_watch_of_the_past_that_breaks_after_its_confirmation_reports_all_of_it(client, make, breaking):
    """Node's client resumes after the revision of the confirmation, and the past is lost."""
    writer = make()
    start = (await settle(writer.put("k").value("0"))).revision
    for number in range(1, PAST):
        await put(writer, "k", value=str(number))
    watcher = await settle(client.watch().key("k").start_revision(start).create())
    assert [event.kv.text for event in await take(watcher, PAST)] == [str(number) for number in range(PAST)]
    assert breaking.opened_streams == 2


async def test_a_watch_from_a_future_revision_reports_events_from_there_on(client, breaking):
    """Also after a break. Node's client lowers the revision that it will ask for, and waits for the higher one."""
    now = (await settle(client.put("k").value("now"))).revision
    watcher = await settle(client.watch().key("k").start_revision(now + 3).create())
    written = [(await settle(client.put("k").value(value))).revision for value in "12345"]
    expected = [revision for revision in written if revision >= now + 3]
    assert [event.revision for event in await take(watcher, len(expected))] == expected
    assert breaking.opened_streams == 2


async def test_a_watch_on_a_partitioned_member_resumes_on_another(make, etcd_cluster):
    """Its streams require a leader; without that a watch gets no events there, and no error."""
    alone, *others = etcd_cluster.endpoints
    client, writer = make(hosts=[alone, *others]), make(hosts=others, timeout=30)
    watcher = await settle(client.watch().key("k").create())
    assert client.endpoint == alone
    etcd_cluster.partition(0)
    while await asyncio.to_thread(lambda: etcd_cluster.leader) is etcd_cluster[0]:  # bounded by the election
        pass
    await put(writer, "k")
    assert summary(await take(watcher)) == [("put", "k", "v")]


async def emptied(client, server, recorder):
    """Let the server lose all data under a watch; fewer changes than before follow."""
    await put(client, *["k"] * 10, value="old")
    await recorder.until("put", 10)
    await asyncio.to_thread(server.wipe)
    await asyncio.to_thread(server.start)
    await settle(client.get("k").exists())  # a write could yet meet the connection that broke
    await put(client, "k", value="new")


async def test_a_watch_on_a_store_that_was_rolled_back_ends_with_an_error(make, fragile, recorder):
    """Node's client waits there for the revision of the old store."""
    client = make(hosts=[fragile.endpoint])
    await settle(recorder.on(client.watch().key("k"), "put", "error").create())
    await emptied(client, fragile, recorder)
    await recorder.until("error")
    assert isinstance(recorder.calls[-1][1], errors.FutureRevisionError)


async def test_a_watch_with_resync_continues_after_a_rollback(make, fragile, recorder):
    client = make(hosts=[fragile.endpoint])
    await settle(recorder.on(client.watch().key("k").resync(), "put", "error").create())
    await emptied(client, fragile, recorder)
    await recorder.until("put", 11)
    await put(client, "k", value="live")
    await recorder.until("put", 12)
    assert [(name, event.kv.text) for name, event in recorder.calls[10:]] == [("put", "new"), ("put", "live")]
