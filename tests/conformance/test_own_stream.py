"""Watches with a stream and a connection of their own, events by revision, progress marks on request."""

from __future__ import annotations

import gc

import pytest

from etcd_factory import errors, ops
from etcd_factory.core.mirror.mirror import LARGE
from etcd_factory.testing import FaultProxy
from tests.support.faces import closed, fill, in_time, settle, until
from tests.support.forks import needs_fork, needs_grpc_in_child, run_script
from tests.support.grpc_versions import skip_before
from tests.support.mirroring import caught_up, open_mirror
from tests.support.watching import begin_take, keys, put, summary, take, take_revisions

TRANSPORTS = pytest.mark.parametrize("transport", ["h2", "grpc"])


@pytest.fixture
def proxy(etcd_server):
    """A proxy in front of the server that counts connections."""
    with FaultProxy(etcd_server.endpoint) as one:
        yield one


@pytest.fixture
async def counted(make, proxy, face, is_grpc):
    """A client behind the proxy."""
    if is_grpc and face.name == "asyncio":
        skip_before("1.80", "a channel of asyncio keeps its connection when it is closed")
    return make(hosts=[proxy.endpoint])


@pytest.fixture
async def shared(counted):
    """A watch on the stream that its watches share: now the client has all connections that it needs for that."""
    watcher = await settle(counted.watch().create())
    await put(counted, "first")
    assert keys(await take(watcher)) == ["first"]
    return watcher


def own(client):
    """Begin a watch with a stream of its own."""
    return settle(client.watch().own_stream().create())


async def test_each_has_a_connection_of_its_own_which_ends_with_it(counted, shared, proxy):
    before = proxy.connections
    watchers = [await own(counted), await own(counted)]
    assert proxy.connections == before + 2
    await put(counted, "k")
    assert [summary(await take(one)) for one in watchers] == [[("put", "k", "v")]] * 2
    for left in (1, 0):
        await settle(watchers[left].cancel())
        await until(lambda left=left: proxy.connections == before + left)
    assert keys(await take(shared)) == ["k"]


async def test_one_that_nobody_holds_ends_its_connection_with_the_next_event(counted, shared, proxy):
    before, watcher = proxy.connections, await own(counted)
    del watcher
    gc.collect()
    await put(counted, "k")
    await until(lambda: proxy.connections == before)


async def test_one_that_is_too_slow_ends_its_connection(counted, shared, proxy):
    before = proxy.connections
    watcher = await settle(counted.watch().own_stream().create(buffer=1))
    await put(counted, "a", "b")
    await until(lambda: proxy.connections == before)
    assert keys(await take(watcher)) == ["a"]
    with pytest.raises(errors.WatchOverflowError):
        await take(watcher)


async def test_closing_the_client_ends_their_connections_and_wakes_their_readers(counted, shared, proxy):
    reading = begin_take(await own(counted), 1)
    await closed(counted)
    with pytest.raises(errors.ClientClosedError):
        await in_time(reading)
    await until(lambda: proxy.connections == 0)


async def test_a_refused_one_leaves_no_connection(counted, shared, proxy):
    before = proxy.connections
    with pytest.raises(errors.EtcdError):
        await settle(counted.watch().range("b", "a").own_stream().create())
    await until(lambda: proxy.connections == before)


async def test_it_resumes_on_a_new_connection(counted, shared, other, proxy):
    before, watcher = proxy.connections, await own(counted)
    await put(other, "a")
    proxy.cut()
    await put(other, "b")
    proxy.heal()
    await put(other, "c")
    assert keys(await take(watcher, 3)) == ["a", "b", "c"]
    await settle(watcher.cancel())
    await until(lambda: proxy.connections <= before)


async def test_a_large_mirror_moves_apart_and_comes_back_with_its_end(counted, shared, proxy):
    await fill(counted, {f"p/{number:05}": "" for number in range(LARGE)})
    before, small = proxy.connections, await open_mirror(counted, "p/0000")
    assert proxy.connections == before
    mirror = await open_mirror(counted, "p/")
    assert (len(mirror), len(small), proxy.connections) == (LARGE, 10, before + 1)
    await put(counted, "p/00001", value="new")
    await caught_up(mirror, counted)
    assert mirror.get("p/00001").string() == "new"
    await settle(mirror.close())
    await until(lambda: proxy.connections == before)


FORKED = """
def child():
    assert type(raises(watcher.take)).__name__ == "ClientClosedError"
    watcher.cancel()
    with etcd.watch().own_stream().create() as own:
        etcd.put("child").value("c")
        assert next(own).kv.text == "c"
    etcd.close()

etcd = ETCDService(options)
watcher = etcd.watch().own_stream().create()
run_in_child(child)
etcd.put("parent").value("p")
assert [event.kv.text for event in (next(watcher), next(watcher))] == ["c", "p"]
etcd.close()
"""


@needs_fork
@needs_grpc_in_child
@TRANSPORTS
def test_in_a_forked_child_it_is_the_parents(etcd_server, etcd_namespace, transport):
    script = f"import warnings; warnings.simplefilter('error')\n{FORKED}"
    done = run_script(
        script.replace("(options)", f"({{**options, 'transport': '{transport}'}})"), etcd_server, etcd_namespace
    )
    assert "ResourceWarning" not in done.stderr


# --- progress marks


@pytest.mark.parametrize("is_own", [False, True], ids=["shared", "own"])
@TRANSPORTS
async def test_a_mark_that_is_asked_for_comes_after_the_events_before_it(make, transport, is_own):
    client = make(transport=transport)
    asking = client.watch().own_stream() if is_own else client.watch()
    watcher, silent = await settle(asking.create()), await settle(client.watch().create())
    await put(client, "a")
    ((event,), (shared,)) = await take(watcher), await take(silent)
    await settle(watcher.request_progress())
    (mark,) = await take(watcher)
    assert (event.revision, shared, mark.type, mark.kv.key) == (shared.revision, event, "progress", b"")
    assert mark.revision >= event.revision
    await put(client, "b")
    assert [keys(await take(one)) for one in (watcher, silent)] == [["b"], ["b"]]


async def test_a_handler_gets_the_mark_that_is_asked_for(client, recorder):
    watcher = recorder.on(await settle(client.watch().create()), "progress")
    await settle(watcher.request_progress())
    await recorder.until("progress")
    await settle(watcher.cancel())
    await settle(watcher.request_progress())  # of no use, and no error


async def test_a_mark_that_is_asked_for_while_the_server_is_away_comes_later(make, other, proxy):
    watcher = await settle(make(hosts=[proxy.endpoint]).watch().create())
    proxy.cut()
    await settle(watcher.request_progress())
    await put(other, "a")
    proxy.heal()
    found = await take(watcher, 2)
    assert {event.type for event in found} == {"put", "progress"}


# --- by revision


@pytest.mark.parametrize("modify", [lambda watch: watch, lambda watch: watch.fragment()], ids=["plain", "fragment"])
async def test_all_events_of_a_revision_come_together(client, modify):
    """The first transaction is larger than the messages that the server sends with ``fragment``."""
    watcher = await settle(modify(client.watch()).create())
    large = [ops.put(f"k{number:02}").value(bytes(50_000)) for number in range(26)]
    for group in (large, [ops.put("a").value("1"), ops.delete().key("k00")], [ops.put("b").value("2")]):
        await settle(client.txn().then(*group).commit())
    found = await take_revisions(watcher, 3)
    assert [len(events) for events in found] == [26, 2, 1]
    assert all(len({event.revision for event in events}) == 1 for events in found)


async def test_revisions_that_were_long_ago_come_whole_and_leave_out_marks(client):
    first = (await settle(client.put("k").value("0"))).revision
    for number in range(40):
        await settle(client.txn().then(*(ops.put(f"k{one}").value(str(number)) for one in range(3))).commit())
    watcher = await settle(client.watch().start_revision(first).progress().create())
    await settle(watcher.request_progress())
    found = await take_revisions(watcher, 41)
    assert [len(events) for events in found] == [1] + [3] * 40
    assert [events[0].revision for events in found] == sorted({events[0].revision for events in found})
