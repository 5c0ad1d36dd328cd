"""What goes wrong with the watches of the Node client, and here does not."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import errors
from etcd_factory.testing import EtcdServer
from tests.support.faces import settle

from .test_watch import Told, put, shown, take, taking

PAST = 30  # changes


class BrokenOnce:
    """A stream that breaks when so many messages have come; what comes after them is lost."""

    def __init__(self, stream, messages):
        self.send, self.close = stream.send, stream.close
        self._stream, self._left = stream, messages

    async def receive(self):
        if not self._left:
            raise errors.ConnectionFailedError("of the test")
        self._left -= 1
        return await self._stream.receive()


@pytest.fixture
def breaking(client, monkeypatch):
    """The client's first stream breaks after one message, the confirmation; gives all that it opens."""
    opened, stream = [], client._run.client.io.stream

    async def open_one(*call):
        opened.append(await stream(*call))
        return BrokenOnce(opened[0], 1) if len(opened) == 1 else opened[-1]

    monkeypatch.setattr(client._run.client.io, "stream", open_one)
    return opened


async def test_a_watch_of_the_past_that_breaks_right_after_its_confirmation_tells_all_of_it(client, make, breaking):
    """Node goes on behind the revision of the confirmation, and the past is lost."""
    writer = make()
    start = (await settle(writer.put("k").value("0"))).revision
    for number in range(1, PAST):
        await put(writer, "k", value=str(number))
    watcher = await settle(client.watch().key("k").start_revision(start).create())
    assert [event.kv.text for event in await take(watcher, PAST)] == [str(number) for number in range(PAST)]
    assert len(breaking) == 2


async def test_a_watch_from_a_revision_to_come_tells_what_happens_from_then_on(client, breaking):
    """Through a break, too. Node lowers the revision that it will ask for, and waits for the higher one."""
    now = (await settle(client.put("k").value("now"))).revision
    watcher = await settle(client.watch().key("k").start_revision(now + 3).create())
    written = [(await settle(client.put("k").value(value))).revision for value in "12345"]
    expected = [revision for revision in written if revision >= now + 3]
    assert [event.revision for event in await take(watcher, len(expected))] == expected
    assert len(breaking) == 2


async def test_a_watch_on_a_member_that_is_cut_off_from_the_others_goes_on_elsewhere(make, etcd_cluster):
    """It asks for a leader; a watch that does not is silent there."""
    alone, *others = etcd_cluster.endpoints
    client, writer = make(hosts=[alone, *others]), make(hosts=others, timeout=30)
    watcher = await settle(client.watch().key("k").create())
    assert client._run.client.endpoint == alone
    etcd_cluster.partition(0)
    while await asyncio.to_thread(lambda: etcd_cluster.leader) is etcd_cluster[0]:  # bounded by the election
        pass
    await put(writer, "k")
    assert shown(await asyncio.wait_for(taking(watcher, 1), 30)) == [("put", "k", "v")]


@pytest.fixture
def lossy():
    """A server that is going to lose its data."""
    with EtcdServer() as server:
        yield server


@pytest.fixture
def told():
    return Told()


async def emptied(client, server, told):
    """The server has lost all data under a watch; fewer changes than before follow."""
    await put(client, *["k"] * 10, value="old")
    await told.until("put", 10)
    await asyncio.to_thread(server.wipe)
    await asyncio.to_thread(server.start)
    await settle(client.get("k").exists())  # a write could yet meet the connection that broke
    await put(client, "k", value="new")


async def test_a_watch_on_a_store_that_went_back_says_so(make, lossy, told):
    """Node waits there for the revision of the old store."""
    client = make(hosts=[lossy.endpoint])
    await settle(told.on(client.watch().key("k"), "put", "error").create())
    await emptied(client, lossy, told)
    await told.until("error")
    assert isinstance(told.calls[-1][1], errors.FutureRevisionError)


async def test_a_watch_with_resync_goes_on_with_a_store_that_went_back(make, lossy, told):
    client = make(hosts=[lossy.endpoint])
    await settle(told.on(client.watch().key("k").resync(), "put", "error").create())
    await emptied(client, lossy, told)
    await told.until("put", 11)
    await put(client, "k", value="live")
    await told.until("put", 12)
    assert [(name, event.kv.text) for name, event in told.calls[10:]] == [("put", "new"), ("put", "live")]
