"""A running watch: its events by iteration and through handlers."""

from __future__ import annotations

import asyncio
import threading

import pytest

from etcd_factory.core.watch.watcher import Watcher
from etcd_factory.errors import (
    ClientClosedError,
    CompactedError,
    PermissionDeniedError,
    WatchOverflowError,
)
from etcd_factory.model import KeyValue
from etcd_factory.testing import replies
from tests.support.faces import closed, settle
from tests.support.views import view_behind

BOUND = 10  # seconds that nothing here takes
COMPACTED = replies.canceled(compact_revision=9)


def put(key, value="v", **fields):
    return replies.put_event(key, value, **fields)


def shown(events):
    return [(event.type, event.kv.key, event.revision) for event in events]


# --- iterating


async def test_events_come_once_and_in_order_without_the_namespace(connect, take):
    script = replies.watch(put("ns/a"), replies.events(put("ns/b"), replies.delete_event("ns/a")))
    client, _ = connect({"Watch": script}, namespace="ns/")
    watcher = await settle(client.watch().create())
    assert shown(await take(watcher, 3)) == [("put", b"a", 2), ("put", b"b", 3), ("delete", b"a", 3)]


async def test_an_event_has_what_it_replaced(connect, take):
    before = KeyValue(b"k", b"old", 1, 1, 1)
    client, _ = connect({"Watch": replies.watch(put("k", "new", previous=before))})
    watcher = await settle(client.watch().previous().create())
    ((event,)) = await take(watcher)
    assert (event.kv.text, event.previous, event.resync) == ("new", before, False)


async def test_progress_is_delivered_only_if_it_is_requested(connect, take):
    script = [replies.progress(5), put("k", revision=6)]
    client, _ = connect({"Watch": replies.watch(*script)})
    watcher = await settle(client.watch().create())
    assert shown(await take(watcher)) == [("put", b"k", 6)]
    client, _ = connect({"Watch": replies.watch(*script)})
    watcher = await settle(client.watch().progress().create())
    assert shown(await take(watcher, 2)) == [("progress", b"", 5), ("put", b"k", 6)]


async def test_the_error_that_ends_a_watch_is_raised_after_its_events(connect, take):
    client, _ = connect({"Watch": replies.watch(put("k"), COMPACTED)})
    watcher = await settle(client.watch().create())
    await take(watcher)
    with pytest.raises(CompactedError) as caught:
        await take(watcher)
    assert caught.value.compact_revision == 9


async def test_cancel_ends_the_iteration_and_drops_what_waits(connect, take):
    client, _ = connect({"Watch": replies.watch(replies.events(put("a"), put("b")))})
    watcher = await settle(client.watch().create())
    assert shown(await take(watcher)) == [("put", b"a", 2)]
    await settle(watcher.cancel())
    assert await take(watcher) == [None]
    await settle(watcher.cancel())


async def test_cancel_wakes_a_reader(connect, face):
    client, _ = connect({"Watch": replies.watch()})
    watcher = await settle(client.watch().create())
    reading = face.begin(lambda: next(watcher, None) if face.name == "blocking" else anext(watcher, None))
    await asyncio.sleep(0)
    await settle(watcher.cancel())
    assert await asyncio.wait_for(reading, BOUND) is None


async def test_leaving_the_block_ends_the_watch(connect, face):
    client, transport = connect({"Watch": replies.watch()})
    if face.name == "blocking":
        with client.watch().create() as watcher:
            pass
    else:
        async with client.watch().create() as watcher:
            pass
    assert repr(watcher) == "<Watcher ended of 127.0.0.1:2379>"
    assert len(transport.calls) == 1


async def test_a_refused_watch_is_an_error_of_its_creation(connect):
    refusal = replies.StreamScript(reply=lambda request: refused("etcdserver: permission denied"))
    client, _ = connect({"Watch": refusal})
    with pytest.raises(PermissionDeniedError):
        await settle(client.watch().create())


def refused(reason):
    reply = replies.canceled(reason)
    reply.created = True
    return reply


async def test_iterating_in_the_way_of_the_other_face_is_an_error_that_says_how(connect, face):
    client, _ = connect({"Watch": replies.watch()})
    watcher = await settle(client.watch().create())
    if face.name == "asyncio":
        with pytest.raises(TypeError, match="a watcher of an asyncio client: iterate with 'async for'"):
            iter(watcher)
    else:
        with pytest.raises(TypeError, match="a watcher of a blocking client: iterate with 'for'"):
            aiter(watcher)


async def test_a_watch_belongs_to_the_process_that_began_it(connect, take):
    client, _ = connect({"Watch": replies.watch(put("k"))})
    watcher = await settle(client.watch().create())
    view_behind(client).client.forget()  # as in a forked child
    with pytest.raises(ClientClosedError, match="begin a new one in a forked child"):
        await take(watcher)


async def test_it_is_its_own_iterator(connect, face):
    client, _ = connect({"Watch": replies.watch(put("a"), put("b"))})
    watcher, seen = await settle(client.watch().create()), []
    if face.name == "blocking":
        for event in watcher:
            seen.append(event.kv.key)
            if len(seen) == 2:
                watcher.cancel()
    else:
        async for event in watcher:
            seen.append(event.kv.key)
            if len(seen) == 2:
                await watcher.cancel()
    assert seen == [b"a", b"b"]


async def test_events_are_taken_within_a_time(connect):
    """As locks do, which wait for a deletion until a deadline."""
    client, _ = connect({"Watch": replies.watch()})
    watcher = await settle(client.watch().create())
    assert await watcher.received(0.01) is None
    assert repr(watcher) == "<Watcher running of 127.0.0.1:2379>"


# --- the buffer


async def test_more_events_than_the_buffer_holds_end_the_watch(connect, take):
    script = replies.watch(put("a", watch=2), replies.events(put("b", watch=2), put("c", watch=2)))
    client, transport = connect({"Watch": script})
    await settle(client.watch().create())
    watcher = await settle(client.watch().create(buffer=2))
    assert shown(await take(watcher)) == [("put", b"a", 2)]
    with pytest.raises(WatchOverflowError, match="more than 2 events wait to be read"):
        await take(watcher)
    await settle(client.watch().create())  # it is confirmed after the other one was ended
    (canceled,) = [one.cancel_request for one in transport.calls[0].sent if one.HasField("cancel_request")]
    assert canceled.watch_id == 2


async def test_events_that_were_read_do_not_count_for_the_buffer(connect, take):
    script = replies.watch(put("a"), put("b"))
    client, _ = connect({"Watch": script})
    watcher = await settle(client.watch().create(buffer=2))
    await take(watcher, 2)
    script.push(put("c"), put("d"))
    assert shown(await take(watcher, 2)) == [("put", b"c", 4), ("put", b"d", 5)]


# --- handlers


class Seen:
    """Records the calls of handlers, in order, until the watch has ended."""

    def __init__(self):
        self.calls, self._over = [], threading.Event()

    def __getitem__(self, name):
        def handler(*args):
            self.calls.append((name, *args))
            if name == "end":
                self._over.set()

        return handler

    async def ended(self):
        """Wait for the end, and return the names of the calls."""
        assert await asyncio.to_thread(self._over.wait, BOUND)
        return [name for name, *_ in self.calls]


@pytest.fixture
def seen():
    return Seen()


EVENTS = ("connecting", "connected", "put", "delete", "data", "progress", "error", "end")


async def test_handlers_are_called_in_order(connect, seen):
    script = replies.watch(replies.events(put("a"), replies.delete_event("a")), COMPACTED)
    client, _ = connect({"Watch": script})
    watch = client.watch()
    for name in EVENTS:
        watch = watch.on(name, seen[name])
    await settle(watch.create())
    assert await seen.ended() == ["connecting", "connected", "put", "delete", "data", "error", "end"]
    by_name = {name: args for name, *args in seen.calls}
    assert shown(by_name["put"]) == [("put", b"a", 2)]
    assert shown(by_name["data"][0]) == [("put", b"a", 2), ("delete", b"a", 2)]
    assert isinstance(by_name["error"][0], CompactedError)
    assert (by_name["connected"], by_name["end"]) == ([], [])


async def test_a_handler_may_be_registered_on_the_running_watch_which_it_returns(connect, seen):
    watch = replies.watch()
    client, _ = connect({"Watch": watch})
    watcher = await settle(client.watch().create())
    assert watcher.on("put", seen["put"]).on("end", seen["end"]) is watcher
    watch.push(put("a"), COMPACTED)
    assert await seen.ended() == ["put", "end"]


async def test_many_watches_with_handlers_take_few_threads(connect, seen):
    client, _ = connect({"Watch": replies.watch()})
    before = threading.active_count()
    for _ in range(50):
        await settle(client.watch().on("connected", seen["connected"]).on("put", seen["put"]).create())
    assert threading.active_count() - before <= 4  # of the stream, and of handlers; in asyncio none


async def test_after_cancel_only_the_handlers_of_end_are_called(connect, seen):
    client, _ = connect({"Watch": replies.watch()})
    watcher = await settle(client.watch().on("error", seen["error"]).on("end", seen["end"]).create())
    await settle(watcher.cancel())
    assert await seen.ended() == ["end"]


async def test_what_a_handler_raises_is_logged_and_the_others_are_called(connect, seen, caplog):
    def fails(event):
        raise RuntimeError("no good")

    client, _ = connect({"Watch": replies.watch(put("a"), COMPACTED)})
    await settle(client.watch().on("put", fails).on("put", seen["put"]).on("end", seen["end"]).create())
    assert await seen.ended() == ["put", "end"]
    assert "a handler of 'put' of a watch failed" in caplog.text


async def test_handlers_are_told_why_a_watch_is_refused_however_soon_its_creation_fails(connect, seen, monkeypatch):
    confirm = Watcher._confirm

    def confirm_and_end(watcher, error):
        confirm(watcher, error)
        watcher.interrupt()  # as the thread that creates it does, perhaps at once

    monkeypatch.setattr(Watcher, "_confirm", confirm_and_end)
    refusal = replies.StreamScript(reply=lambda request: refused("etcdserver: permission denied"))
    client, _ = connect({"Watch": refusal})
    with pytest.raises(PermissionDeniedError):
        await settle(client.watch().on("error", seen["error"]).on("end", seen["end"]).create())
    assert await seen.ended() == ["error", "end"]


async def test_an_error_without_a_handler_is_logged(connect, seen, caplog):
    client, _ = connect({"Watch": replies.watch(COMPACTED)})
    await settle(client.watch().on("end", seen["end"]).create())
    await seen.ended()
    assert "a watch ended, and has no handler for 'error'" in caplog.text


async def test_that_the_client_was_closed_is_not_logged(connect, seen, caplog):
    client, _ = connect({"Watch": replies.watch()})
    await settle(client.watch().on("end", seen["end"]).create())
    await closed(client)
    await seen.ended()
    assert "no handler for 'error'" not in caplog.text


async def test_a_watcher_with_handlers_cannot_be_iterated_over(connect, take):
    client, _ = connect({"Watch": replies.watch()})
    watcher = await settle(client.watch().on("put", print).create())
    with pytest.raises(TypeError, match="a watcher with handlers cannot be iterated over"):
        await take(watcher)


async def test_an_unknown_event_is_an_error_at_once(connect):
    client, _ = connect({"Watch": replies.watch()})
    watcher = await settle(client.watch().create())
    with pytest.raises(ValueError, match=r"event of a watch: expected one of .*, got 'ends'.*did you mean 'end'"):
        watcher.on("ends", print)


# --- resync


async def test_a_resync_delivers_the_range_and_what_was_deleted_and_resumes(connect, take):
    first = replies.get({"gone": "", "kept": ""}, revision=5)
    again = replies.get({"kept": "v", "new": "v"}, revision=20)
    watch = replies.watch(COMPACTED, put("later", revision=21, watch=2), revision=5)
    client, transport = connect({"Range": [first, again], "Watch": watch})
    watcher = await settle(client.watch().resync().create())
    events = await take(watcher, 4)
    assert shown(events) == [("delete", b"gone", 20), ("put", b"kept", 20), ("put", b"new", 20), ("put", b"later", 21)]
    assert [event.resync for event in events] == [True, True, True, False]
    requests = [message.create_request for message in transport.calls[1].sent if message.HasField("create_request")]
    assert [request.start_revision for request in requests] == [6, 21]


async def test_a_resync_delivers_only_the_wanted_kind(connect, take):
    first = replies.get({"gone": ""}, revision=5)
    again = replies.get({"new": "v"}, revision=20)
    watch = replies.watch(
        COMPACTED, replies.delete_event("new", revision=21, watch=2), put("x", revision=22, watch=2), revision=5
    )
    client, _ = connect({"Range": [first, again], "Watch": watch})
    watcher = await settle(client.watch().resync().only("put").create())
    assert shown(await take(watcher, 2)) == [("put", b"new", 20), ("put", b"x", 22)]


# --- reprs


async def test_it_shows_its_state(connect):
    watch, broke = replies.watch(), threading.Event()
    client, _ = connect({"Watch": watch}, retry={"initial": 60, "maximum": 60})
    watcher = await settle(client.watch().on("disconnected", lambda error: broke.set()).create())
    assert repr(watcher) == "<Watcher running of 127.0.0.1:2379>"
    watch.push(replies.lost("broke"))
    assert await asyncio.to_thread(broke.wait, BOUND)
    assert repr(watcher).startswith("<Watcher disconnected: broke")
    await settle(watcher.cancel())
    assert repr(watcher) == "<Watcher ended of 127.0.0.1:2379>"
