"""Local watches of a mirror whose server and connections fail: nothing is lost, and one server watch serves all."""

from __future__ import annotations

import pytest

from etcd_factory import errors
from tests.support.faces import fill, settle
from tests.support.faulty import compact
from tests.support.mirroring import caught_up, open_mirror
from tests.support.watching import WATCHERS, metric, put, take, until_metric

MANY = 1_000


def told(events):
    """Return type, key, value, the value before, and whether the range was read again."""
    return [
        (event.type, event.kv.key_text, event.kv.text, event.previous and event.previous.text, event.resync)
        for event in events
    ]


async def test_what_a_compaction_hid_comes_as_differences_and_then_what_happens(proxied, direct, proxy, server):
    await fill(direct, {"changed": "1", "gone": "1", "same": "1"})
    mirror = await open_mirror(proxied)
    watcher, some = mirror.watch(), mirror.watch("changed")
    proxy.cut()
    await put(direct, "changed", "new", value="2")
    await settle(direct.delete().key("gone"))
    compact(server, (await settle(direct.put("same").touch())).revision)
    proxy.heal()
    await caught_up(mirror, direct)
    await put(direct, "changed", value="3")
    expected = [
        ("put", "changed", "2", "1", True),
        ("delete", "gone", "", "1", True),
        ("put", "new", "2", None, True),
        ("put", "same", "1", "1", True),
        ("put", "changed", "3", "2", False),
    ]
    assert told(await take(watcher, 5)) == expected
    assert told(await take(some, 2)) == [expected[0], expected[4]]


async def test_what_was_before_a_compaction_is_not_known_and_what_comes_after_it_is(proxied, direct, proxy, server):
    await put(direct, "k", value="1")
    mirror = await open_mirror(proxied)
    first = mirror.revision
    proxy.cut()
    await put(direct, "k", value="2")
    last = (await settle(direct.put("k").value("3"))).revision
    compact(server, last)
    proxy.heal()
    await caught_up(mirror, direct)
    for read in (lambda: mirror.at(first), lambda: mirror.watch(start_revision=first + 1)):
        with pytest.raises(errors.CompactedError) as caught:
            read()
        assert caught.value.compact_revision in (last, last + 1)
    assert mirror.at(last).get("k").string() == "3"


async def test_after_a_store_was_restored_later_changes_still_come(proxied, direct, proxy, backup):
    mirror = await open_mirror(proxied)
    watcher = mirror.watch()
    await put(direct, *[f"lost{number}" for number in range(5)])
    assert len(await take(watcher, 5)) == 5
    proxy.cut()
    backup.restore()
    proxy.heal()
    assert {event[0] for event in told(await take(watcher, 5))} == {"delete"}
    await put(direct, "k")  # its revision is one that the lost ones had
    assert told(await take(watcher)) == [("put", "k", "v", None, False)]


async def test_many_watches_cost_the_server_one(proxied, direct, server):
    before = metric(server, *WATCHERS)
    mirror = await open_mirror(proxied)
    watchers = [mirror.watch() for _ in range(MANY)]
    await until_metric(server, WATCHERS, before + 1)
    await put(direct, "k")
    assert {told(await take(watcher))[0][:3] for watcher in watchers} == {("put", "k", "v")}
    assert metric(server, *WATCHERS) == before + 1


async def test_a_slow_watch_ends_by_an_error_and_the_others_go_on(proxied, direct):
    mirror = await open_mirror(proxied)
    slow, other = mirror.watch(buffer=2), mirror.watch()
    await put(direct, "a", "b", "c")
    assert [event[1] for event in told(await take(other, 3))] == ["a", "b", "c"]
    assert len(await take(slow, 2)) == 2
    with pytest.raises(errors.WatchOverflowError, match="more than 2 events"):
        await take(slow)
