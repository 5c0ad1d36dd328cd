"""What a watch reports: which keys, which events, from which revision on."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import cycle

import pytest

from etcd_factory import ops
from etcd_factory.testing import EtcdServer
from etcd_factory.wire import methods
from tests.support.etcd_versions import progress_flag
from tests.support.faces import in_time, settle
from tests.support.transports import Recorded
from tests.support.watching import STREAMS, drain, keys, metric, put, summary, take

BIG = b"x" * 500_000
MANY = 200


async def test_a_put_right_after_create_is_seen(client):
    for number in range(20):
        watcher = await settle(client.watch().key("k").create())
        await put(client, "k", value=str(number))
        assert summary(await take(watcher)) == [("put", "k", str(number))]
        await settle(watcher.cancel())


async def test_an_event_has_a_type_a_key_a_value_and_a_revision(client):
    watcher = await settle(client.watch().create())
    written = await settle(client.put("k").value("v"))
    gone = await settle(client.delete().key("k"))
    first, second = await take(watcher, 2)
    assert (first.type, first.kv.key, first.kv.value, first.revision) == ("put", b"k", b"v", written.revision)
    assert (second.type, second.kv.key, second.kv.value, second.revision) == ("delete", b"k", b"", gone.revision)
    assert (first.previous, first.resync, second.previous) == (None, False, None)


async def test_events_come_in_order_however_long_their_reader_waits_for_each(client, face):
    """A reader who waits takes them from the connection, in place of whoever takes them for one who does not."""
    watcher, found, timeouts = await settle(client.watch().key("k").create()), [], cycle((None, 0, 0.01, 0.1))

    async def read():
        while len(found) < MANY:
            event = await face.begin(lambda: watcher.take(timeout=next(timeouts)))
            found.extend([event.kv.text] if event is not None else [])

    reading = asyncio.ensure_future(read())
    for number in range(MANY):
        await put(client, "k", value=str(number))
    await in_time(reading)
    assert found == [*map(str, range(MANY))]


SELECTED = {
    "key": (lambda w: w.key("b"), ["b"]),
    "prefix": (lambda w: w.prefix("b"), ["b", "ba"]),
    "range": (lambda w: w.range("b", "c"), ["b", "ba"]),
    "from": (lambda w: w.range("b", "\0"), ["b", "ba", "c"]),
    "all": (lambda w: w.key("b").all(), ["a", "b", "ba", "c"]),
    "default": (lambda w: w, ["a", "b", "ba", "c"]),
}


@pytest.mark.parametrize("name", SELECTED)
async def test_a_modifier_selects_what_is_watched(client, name):
    choose, expected = SELECTED[name]
    watcher = await settle(choose(client.watch()).create())
    await put(client, "a", "b", "ba", "c", "a", "b")
    assert keys(await take(watcher, len(expected) + 1)) == [*expected, "a" if "a" in expected else "b"]


async def test_other_keys_are_not_reported(client):
    watcher = await settle(client.watch().prefix("mine/").create())
    await put(client, "other", "mine", "mine/1", "mine0", "mine/2")
    assert keys(await take(watcher, 2)) == ["mine/1", "mine/2"]


async def test_a_start_revision_reports_the_past_and_then_new_events(client):
    await put(client, "k", value="old")
    start = (await settle(client.put("k").value("one"))).revision
    await put(client, "k", value="two")
    watcher = await settle(client.watch().key("k").start_revision(start).create())
    await put(client, "k", value="three")
    assert [event.kv.text for event in await take(watcher, 3)] == ["one", "two", "three"]


async def test_previous_reports_the_old_value_and_keys_are_relative_to_the_namespace(client):
    watcher = await settle(client.namespace("in/").watch().prefix("k").previous().create())
    await put(client, "k", "in/k", value="1")
    await put(client, "in/k", value="2")
    await settle(client.delete().key("in/k"))
    first, second, third = await take(watcher, 3)
    assert (first.kv.key, first.previous) == (b"k", None)
    assert (second.kv.text, second.previous.key, second.previous.text) == ("2", b"k", "1")
    assert (third.type, third.kv.key, third.previous.key, third.previous.text) == ("delete", b"k", b"k", "2")


@pytest.mark.parametrize(("kind", "expected"), [("put", ["1", "2"]), ("delete", ["", ""])])
async def test_only_reports_one_type_of_event(client, kind, expected):
    watcher = await settle(client.watch().only(kind).create())
    for value in ("1", "2"):
        await put(client, "k", value=value)
        await settle(client.delete().key("k"))
    events = await take(watcher, 2)
    assert [(event.type, event.kv.text) for event in events] == [(kind, text) for text in expected]


async def test_the_events_of_one_transaction_arrive_together(client, recorder):
    await settle(recorder.on(client.watch(), "data").create())
    await put(client, "a")
    await settle(client.txn().then(*[ops.put(f"k{n}").value("v") for n in range(100)]).commit())
    await recorder.until("data", 2)
    assert [len(events) for _, events in recorder.calls] == [1, 100]
    assert len({event.revision for event in recorder.calls[1][1]}) == 1


@pytest.mark.parametrize("fragment", [False, True])
async def test_large_events_arrive_complete(make, wrap, fragment):
    transport = wrap(Recorded, methods.WATCH)
    client = make(transport=transport)

    def watch():
        return client.watch().fragment() if fragment else client.watch()

    live = await settle(watch().prefix("big").create())
    first = await settle(client.txn().then(ops.put("big/a").value(BIG), ops.put("big/b").value(BIG)).commit())
    for number in range(20):
        await put(client, f"big/{number}", value=BIG + str(number).encode())
    past = await settle(watch().prefix("big").start_revision(first.revision).create())
    events = await take(past, 22)
    received = [message for stream in transport.streams for message in stream.received]
    assert any(message.fragment for message in received) == fragment
    assert (max(message.ByteSize() for message in received) > 22 * len(BIG)) != fragment  # all events, or some
    assert keys(events) == ["big/a", "big/b", *(f"big/{n}" for n in range(20))]
    assert [event.kv.value for event in events[2:]] == [BIG + str(n).encode() for n in range(20)]
    assert await take(live, 22) == events


@pytest.fixture(scope="module")
def progressing():
    """A server that sends idle watches its revision every 100 ms."""
    with EtcdServer(args=[progress_flag("100ms")]) as server:
        yield server


async def test_progress_is_reported_only_to_watches_that_request_it(make, progressing, recorder):
    client = make(hosts=[progressing.endpoint])
    watcher = await settle(client.watch().key("mine").progress().create())
    quiet = await settle(recorder.on(client.watch().key("mine"), "progress", "put").create())
    revision = (await settle(client.put("other").value("v"))).revision
    while (mark := (await take(watcher))[0]).revision < revision:
        pass
    assert (mark.type, mark.kv.key) == ("progress", b"")
    await take(watcher)
    await put(client, "mine")
    await recorder.until("put")
    assert recorder.names == ["put"]
    await settle(quiet.cancel())


async def test_a_handler_is_called_with_progress(make, progressing, recorder):
    client = make(hosts=[progressing.endpoint])
    await settle(recorder.on(client.watch().key("mine").progress(), "progress").create())
    await recorder.until("progress")
    assert recorder.calls[0][1].type == "progress"


async def test_a_modifier_does_not_change_the_builder(client, recorder):
    plain = client.watch().key("k")
    plain.prefix("x").start_revision(1).previous().only("delete").fragment().progress().resync()
    recorder.on(plain, "put")
    watcher = await settle(plain.create())
    await put(client, "x", "k", "k")
    events = await take(watcher, 2)
    assert summary(events) == [("put", "k", "v")] * 2
    assert [event.previous for event in events] == [None, None]
    assert recorder.calls == []


async def test_a_builder_can_be_used_twice(client):
    watch = client.watch().key("k")
    one, two = await settle(watch.create()), await settle(watch.create())
    await put(client, "k")
    assert summary(await take(one)) == summary(await take(two)) == [("put", "k", "v")]


async def test_watchers_of_one_builder_do_not_share_handlers(client, recorder):
    watch = recorder.on(client.watch().key("k"), "connected")
    (await settle(watch.create())).on("put", partial(recorder, "mine"))
    await settle(recorder.on(watch, "put").create())
    await put(client, "k")
    await recorder.until("mine")
    await recorder.until("put")
    assert recorder.names.count("mine") == 1


WRONG = {
    "only": (lambda w: w.only("both"), ValueError, "kind of event: expected one of put, delete, got 'both'"),
    "on": (lambda w: w.on("puts", print), ValueError, "did you mean 'put'"),
    "key": (lambda w: w.key(1), TypeError, "a key must be str or bytes"),
    "prefix": (lambda w: w.prefix(None), TypeError, "a prefix must be str or bytes"),
    "range": (lambda w: w.range("a", 1), TypeError, "must be str or bytes"),
    "revision": (lambda w: w.start_revision("1"), TypeError, "a revision must be an int"),
    "negative": (lambda w: w.start_revision(-1), ValueError, "must not be negative"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_of_a_modifier_is_an_error_at_once(client, name):
    call, error, text = WRONG[name]
    with pytest.raises(error, match=text):
        call(client.watch())


async def test_an_unknown_event_of_a_running_watcher_is_a_value_error(client):
    watcher = await settle(client.watch().create())
    with pytest.raises(ValueError, match=r"event of a watch: expected one of connecting, connected, .*, got 'change'"):
        watcher.on("change", print)


@pytest.mark.parametrize("size", ["5", None, -1, 0], ids=repr)
async def test_an_invalid_buffer_size_is_an_error(client, size):
    with pytest.raises((TypeError, ValueError)):
        await settle(client.with_options(timeout=0.5).watch().create(buffer=size))


async def test_leaving_the_block_of_a_watch_cancels_it(face, client):
    if face.name == "blocking":
        with client.watch().key("k").create() as watcher:
            await put(client, "k")
            assert keys(await take(watcher)) == ["k"]
    else:
        async with client.watch().key("k").create() as watcher:
            await put(client, "k")
            assert keys(await take(watcher)) == ["k"]
        async with await client.watch().key("k").create() as other:
            pass
        assert await drain(other) == []
    assert await drain(watcher) == []


async def test_watches_created_concurrently_keep_their_keys_apart(face, client):
    names = [f"k{n}" for n in range(30)]
    watchers = await in_time(asyncio.gather(*(face.begin(client.watch().key(name).create) for name in names)))
    await put(client, *names)
    assert [keys(await take(one)) for one in watchers] == [[name] for name in names]


async def test_a_hundred_watches_share_one_stream(make, fragile):
    client, before = make(hosts=[fragile.endpoint]), metric(fragile, *STREAMS)
    made = [await settle(client.watch().key(f"k{n}").create()) for n in range(100)]
    assert metric(fragile, *STREAMS) == before + 1
    await put(client, *(f"k{n}" for n in range(100)))
    assert [keys(await take(one)) for one in made] == [[f"k{n}"] for n in range(100)]


async def test_watches_of_all_views_share_one_stream(make, fragile):
    client, before = make(hosts=[fragile.endpoint]), metric(fragile, *STREAMS)
    await settle(client.watch().create())
    await settle(client.namespace("n/").with_options(timeout=3).watch().create())
    assert metric(fragile, *STREAMS) == before + 1
