"""Watches that outlive their servers and connections: every event once and in order, or an error that says why not."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from etcd_factory import ETCDService, errors, ops
from etcd_factory.testing import EtcdServer, FaultProxy
from tests.conformance.test_watch import Told, create, keys, put, rest, shown, take, taking
from tests.support.faces import settle

EVENTS = 600
KILLS = (100, 250, 400)  # after so many of them
LOST = (errors.ConnectionFailedError, errors.DeadlineExceededError)
LONG = 60
PROGRESS = "--experimental-watch-progress-notify-interval=100ms"
EAGER = ("--heartbeat-interval=10", "--election-timeout=100")  # up soon after a kill


@pytest.fixture(scope="module")
def mortal():
    """A server of these tests' own, to be killed and compacted."""
    with EtcdServer(args=[PROGRESS, *EAGER]) as server:
        yield server


@pytest.fixture
def proxy(mortal):
    with FaultProxy(mortal.start().endpoint) as one:
        yield one


@pytest.fixture
async def away(make, proxy):
    """A client whose connection goes through the proxy."""
    return make(proxy.endpoint)


@pytest.fixture
async def direct(make, mortal):
    """A client that no fault befalls."""
    return make(mortal.start().endpoint)


@pytest.fixture
def told():
    return Told()


def compact(mortal, revision):
    mortal.etcdctl("compact", str(revision))


class Writer:
    """Makes keys one after another, each exactly once whatever becomes of the server."""

    def __init__(self, server, namespace):
        self._client = ETCDService({"hosts": [server.endpoint], "namespace": namespace})
        self._reached = {count: threading.Event() for count in KILLS}

    def write(self):
        with self._client:
            for number in range(EVENTS):
                self._make(f"k{number}")
                self._reached.get(number, threading.Event()).set()

    def _make(self, key):
        making = self._client.if_(key, "version", "==", 0).then(ops.put(key).value("v"))
        while True:
            try:
                return making.commit()
            except LOST:
                pass

    def kill(self, server):
        """End and restart the server in the midst of it.

        In order, not as by a crash: a single member before 3.5.5 may lose writes that it has acknowledged
        (etcd-io/etcd#14370), and a watch can't tell of what the store does not hold.
        """
        for count in KILLS:
            assert self._reached[count].wait(LONG)
            server.restart()


async def written(mortal, namespace):
    """Write all keys while the server is killed again and again."""
    writer = Writer(mortal, namespace)
    await asyncio.gather(asyncio.to_thread(writer.write), asyncio.to_thread(writer.kill, mortal))


NAMES = [f"k{number}" for number in range(EVENTS)]


async def test_no_event_is_lost_or_told_twice_when_the_server_is_restarted(direct, mortal, etcd_namespace):
    watcher = await settle(direct.watch().prefix("k").create())
    reading = taking(watcher, EVENTS)
    await written(mortal, etcd_namespace)
    assert keys(await asyncio.wait_for(reading, LONG)) == NAMES


async def test_functions_miss_nothing_when_the_server_is_restarted(direct, mortal, etcd_namespace, told):
    watcher = await settle(told.on(direct.watch().prefix("k"), "put", "disconnected", "connected").create())
    await written(mortal, etcd_namespace)
    await told.until("put", EVENTS)
    await settle(watcher.cancel())
    assert [call[1].kv.key_text for call in told.calls if call[0] == "put"] == NAMES
    assert "disconnected" in told.names
    assert told.names.count("connected") > 1


async def test_watches_that_were_busy_when_the_connection_broke_miss_nothing(away, direct, proxy):
    made = [await settle(away.watch().key("k").create()) for _ in range(20)]
    for number in range(10):
        await put(direct, "k", value=str(number))
        proxy.reset()
    for watcher in made:
        assert [event.kv.text for event in await take(watcher, 10)] == [str(number) for number in range(10)]


async def test_events_in_fragments_come_whole_and_once_wherever_the_connection_breaks(away, direct, proxy):
    start = (await settle(direct.put("start").value("v"))).revision
    values = [bytes([number]) * 400_000 for number in range(20)]
    for value in values:
        await put(direct, "k", value=value)
    watcher = await settle(away.watch().key("k").start_revision(start).fragment().create())
    found = []
    while len(found) < len(values):
        found += await take(watcher)
        if len(found) in (1, 5, 9):
            proxy.reset()
    assert [event.kv.value for event in found] == values


async def test_a_watch_tells_of_the_connection(away, direct, proxy, told):
    kinds = "connecting", "connected", "disconnected", "put"
    await settle(told.on(away.watch().key("k"), *kinds).create())
    await told.until("connected")
    proxy.reset()
    await told.until("connected", 2)
    await put(direct, "k")
    await told.until("put")
    assert told.names[:3] == ["connecting", "connected", "disconnected"]
    assert told.names[-3:] == ["connecting", "connected", "put"]
    assert isinstance(told.calls[2][1], errors.ConnectionFailedError)


async def test_a_server_that_is_back_after_a_long_while_is_found(away, direct, proxy, told):
    watcher = await settle(told.on(away.watch().key("k"), "disconnected", "put").create())
    proxy.cut()
    await told.until("disconnected", 5)
    await put(direct, "k")
    proxy.heal()
    await told.until("put")
    await settle(watcher.cancel())


async def test_disconnected_is_told_with_the_error(away, proxy, told):
    await settle(told.on(away.watch(), "disconnected").create())
    proxy.cut()
    await told.until("disconnected", 2)
    assert all(isinstance(error, errors.ConnectionFailedError) for _, error in told.calls)


async def test_cancel_while_the_server_is_away_ends_iteration(away, proxy):
    watcher = await settle(away.watch().create())
    waiting = rest(watcher)
    proxy.cut()
    await settle(watcher.cancel())
    assert await asyncio.wait_for(waiting, 10) == []


async def test_a_watch_that_is_created_while_the_server_is_away_waits_for_it(face, away, direct, proxy, told):
    await settle(told.on(away.watch().key("other"), "disconnected").create())
    proxy.cut()
    await told.until("disconnected", 2)
    creating = face.begin(partial(create, away.with_options(timeout=LONG), "k"))
    proxy.heal()
    watcher = await asyncio.wait_for(creating, 10)
    await put(direct, "k")
    assert keys(await take(watcher)) == ["k"]


async def test_what_was_compacted_meanwhile_is_an_error_with_the_oldest_revision_left(away, direct, proxy, mortal):
    lost, well = [await settle(away.watch().key(key).create()) for key in ("k", "other")]
    proxy.cut()
    await put(direct, "k", "k")
    last = (await settle(direct.put("k").value("v"))).revision
    compact(mortal, last)
    proxy.heal()
    for watcher in (lost, well):
        with pytest.raises(errors.CompactedError) as caught:
            await take(watcher)
        assert caught.value.compact_revision == last


async def test_functions_are_told_of_a_compaction(away, direct, proxy, mortal, told):
    await settle(told.on(away.watch().key("k"), "put", "error", "end").create())
    proxy.cut()
    await put(direct, "k", "k")
    compact(mortal, (await settle(direct.put("k").value("v"))).revision)
    proxy.heal()
    await told.until("end")
    assert told.names == ["error", "end"]
    assert isinstance(told.calls[0][1], errors.CompactedError)


async def changed_meanwhile(direct, proxy, mortal, watcher):
    """While the client is away one key goes, one changes, one is new, and the past is compacted."""
    await put(direct, "gone", "stays")
    await take(watcher, 2)
    proxy.cut()
    await settle(direct.delete().key("gone"))
    await put(direct, "stays", "new", value="w")
    compact(mortal, (await settle(direct.put("z").value("v"))).revision)
    proxy.heal()


async def test_a_resync_tells_what_is_there_and_what_went_and_goes_on(away, direct, proxy, mortal):
    await put(direct, "k")
    watcher = await settle(away.watch().range("a", "t").resync().create())
    await changed_meanwhile(direct, proxy, mortal, watcher)
    found = await take(watcher, 4)
    assert {(event.type, event.kv.key_text, event.kv.text, event.resync) for event in found} == {
        ("delete", "gone", "", True),
        ("put", "k", "v", True),
        ("put", "new", "w", True),
        ("put", "stays", "w", True),
    }
    await put(direct, "live")
    assert [(event.kv.key_text, event.resync) for event in await take(watcher)] == [("live", False)]


@pytest.mark.parametrize(("kind", "expected"), [("put", {"new", "stays"}), ("delete", {"gone"})])
async def test_a_resync_tells_only_the_kind_that_was_asked_for(away, direct, proxy, mortal, kind, expected):
    both = await settle(away.watch().range("a", "t").create())
    watcher = await settle(away.watch().range("a", "t").only(kind).resync().create())
    await changed_meanwhile(direct, proxy, mortal, both)
    await take(watcher, 2 if kind == "put" else 0)  # what was put before
    found = await take(watcher, len(expected))
    assert {(event.type, event.kv.key_text) for event in found} == {(kind, key) for key in expected}


async def test_a_resync_happens_as_often_as_it_has_to(away, direct, proxy, mortal):
    watcher = await settle(away.watch().key("k").resync().create())
    for number in range(3):
        proxy.cut()
        await put(direct, "k")
        last = (await settle(direct.put("k").value(number))).revision
        compact(mortal, last)
        proxy.heal()
        (event,) = await take(watcher)
        assert (event.kv.text, event.resync, event.revision) == (str(number), True, last)


class FailsOnce:
    """A way to the server whose first call fails as one does that took too long."""

    def __init__(self, call):
        self._call, self.failed = call, False

    async def __call__(self, *args):
        if not self.failed:
            self.failed = True
            raise errors.DeadlineExceededError("a read in a resync")
        return await self._call(*args)


async def test_a_resync_whose_read_fails_is_tried_again(away, direct, proxy, mortal, monkeypatch):
    watcher = await settle(away.watch().key("k").resync().create())
    proxy.cut()
    await put(direct, "k")
    compact(mortal, (await settle(direct.put("k").value("v"))).revision)
    hasty = FailsOnce(away._run.client.call)
    monkeypatch.setattr(away._run.client, "call", hasty)
    proxy.heal()
    assert shown(await take(watcher)) == [("put", "k", "v")]
    assert hasty.failed


async def test_a_watch_that_is_cancelled_during_its_resync_does_not_come_back(face, away, direct, proxy, mortal):
    await settle(away.watch().key("other").progress().create())
    watcher = await settle(away.watch().key("k").resync().create())
    (hub,) = away._run.client.io.kept()
    entered, go, ended = threading.Event(), threading.Event(), threading.Event()
    refresh = watcher._refresh

    async def held():
        entered.set()
        _ = go.wait(10) if face.name == "blocking" else await asyncio.to_thread(go.wait, 10)
        await refresh()
        ended.set()

    watcher._refresh = held
    proxy.cut()
    await put(direct, "k")
    compact(mortal, (await settle(direct.put("k").value("v"))).revision)
    proxy.heal()
    assert await asyncio.to_thread(entered.wait, 10)
    await settle(watcher.cancel())
    go.set()
    assert await asyncio.to_thread(ended.wait, 10)
    assert not any(state.fields["key"].endswith(b"/k") for state in hub._machine.watches.values())


async def test_an_idle_watch_is_moved_on_by_progress_and_survives_a_compaction(away, direct, proxy, mortal):
    watcher = await settle(away.watch().key("k").progress().create())
    revision = (await settle(direct.put("other").value("v"))).revision
    while (await take(watcher))[0].revision < revision:
        pass
    proxy.cut()
    compact(mortal, revision)
    proxy.heal()
    await put(direct, "k")
    while (event := (await take(watcher))[0]).type == "progress":
        pass
    assert shown([event]) == [("put", "k", "v")]


async def test_a_watch_goes_on_at_another_host(make, proxy, mortal, direct):
    client = make([proxy.endpoint, mortal.endpoint])
    watcher = await settle(client.watch().key("k").create())
    proxy.cut()
    await put(direct, "k")
    assert keys(await take(watcher)) == ["k"]
