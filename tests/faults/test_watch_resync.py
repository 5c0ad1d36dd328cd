"""Watches whose next events were compacted while they were away: an error, or a resync if one is asked for."""

from __future__ import annotations

from functools import partial

import pytest

from etcd_factory import errors
from etcd_factory.wire import methods
from tests.support.faces import settle
from tests.support.faulty import background, compact, joined
from tests.support.transports import Failing, Held, Recorded
from tests.support.watching import put, summary, take


async def test_a_watch_whose_next_events_were_compacted_ends_with_the_oldest_revision_left(
    proxied, direct, proxy, server
):
    lost, well = [await settle(proxied.watch().key(key).create()) for key in ("k", "other")]
    proxy.cut()
    await put(direct, "k", "k")
    last = (await settle(direct.put("k").value("v"))).revision
    compact(server, last)
    proxy.heal()
    for watcher in (lost, well):
        with pytest.raises(errors.CompactedError) as caught:
            await take(watcher)
        assert caught.value.compact_revision == last


async def test_handlers_are_notified_of_a_compaction(proxied, direct, proxy, server, recorder):
    await settle(recorder.on(proxied.watch().key("k"), "put", "error", "end").create())
    proxy.cut()
    await put(direct, "k", "k")
    compact(server, (await settle(direct.put("k").value("v"))).revision)
    proxy.heal()
    await recorder.until("end")
    assert recorder.names == ["error", "end"]
    assert isinstance(recorder.calls[0][1], errors.CompactedError)


async def change_while_cut_off(direct, proxy, server, watcher):
    """While the watch is cut off one key is deleted, one changed, one created, and the past is compacted."""
    await put(direct, "gone", "stays")
    await take(watcher, 2)
    proxy.cut()
    await settle(direct.delete().key("gone"))
    await put(direct, "stays", "new", value="w")
    compact(server, (await settle(direct.put("z").value("v"))).revision)
    proxy.heal()


async def test_a_resync_delivers_what_is_there_and_what_was_deleted_and_the_watch_resumes(
    proxied, direct, proxy, server
):
    await put(direct, "k")
    watcher = await settle(proxied.watch().range("a", "t").resync().create())
    await change_while_cut_off(direct, proxy, server, watcher)
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
async def test_a_resync_delivers_only_the_kind_of_events_that_was_requested(
    proxied, direct, proxy, server, kind, expected
):
    both = await settle(proxied.watch().range("a", "t").create())
    watcher = await settle(proxied.watch().range("a", "t").only(kind).resync().create())
    await change_while_cut_off(direct, proxy, server, both)
    await take(watcher, 2 if kind == "put" else 0)  # what was put before
    found = await take(watcher, len(expected))
    assert {(event.type, event.kv.key_text) for event in found} == {(kind, key) for key in expected}


async def test_a_watch_resyncs_at_every_compaction(proxied, direct, proxy, server):
    watcher = await settle(proxied.watch().key("k").resync().create())
    for number in range(3):
        proxy.cut()
        await put(direct, "k")
        last = (await settle(direct.put("k").value(number))).revision
        compact(server, last)
        proxy.heal()
        (event,) = await take(watcher)
        assert (event.kv.text, event.resync, event.revision) == (str(number), True, last)


async def compact_while_cut_off(direct, proxy, server):
    """While the watch is cut off, its key is written and the past is compacted."""
    proxy.cut()
    await put(direct, "k")
    compact(server, (await settle(direct.put("k").value("v"))).revision)
    proxy.heal()


async def test_a_resync_whose_read_fails_is_retried(make_wrapped, direct, proxy, server):
    late = errors.DeadlineExceededError("a read of the test")
    wrap = partial(Failing, which=methods.RANGE, error=late, nth=2)  # the first one learns what is there
    client, failing = make_wrapped(wrap, proxy.endpoint)
    watcher = await settle(client.watch().key("k").resync().create())
    await compact_while_cut_off(direct, proxy, server)
    assert summary(await take(watcher)) == [("put", "k", "v")]
    assert failing.failed == 1


async def test_a_watch_that_is_cancelled_during_its_resync_is_not_created_again(make_wrapped, direct, proxy, server):
    client, held = make_wrapped(lambda real: Held(Recorded(real), methods.RANGE), proxy.endpoint)
    await settle(client.watch().key("other").create())  # keeps the stream open
    watcher = await settle(client.watch().key("k").resync().create())
    await held.arrived()  # the read of what is there
    held.hold()
    await compact_while_cut_off(direct, proxy, server)
    await held.arrived()
    await settle(watcher.cancel())
    resync, streams = background("etcd_factory resync"), held.inner.streams
    sent = [len(stream.sent) for stream in streams]
    held.release()
    await joined(resync)
    assert len(held.inner.requests("Range")) == 2
    assert [len(stream.sent) for stream in streams] == sent
