"""Watches of a mirror: what each is told, whatever becomes of the mirror meanwhile."""

from __future__ import annotations

import gc

import pytest

from etcd_factory import Delivered
from etcd_factory.core.call.observed import observe
from etcd_factory.core.mirror.local_watch import LocalWatcher, LocalWatches
from etcd_factory.errors import ClientClosedError, ConnectionFailedError, WatchOverflowError
from etcd_factory.model import Event, KeyValue
from etcd_factory.model.ranges import OPEN, prefix_range
from etcd_factory.testing import replies
from tests.support.faces import closed, error_of, settle, until
from tests.support.forks import Taken, forget
from tests.support.watching import keys, take, take_revisions

LOADED = replies.get({"p/a": "1", "p/b": "2"}, revision=5)
AGAIN = replies.get({"p/a": "new", "p/c": "3"}, revision=20)
COMPACTED = replies.canceled(compact_revision=9)
EVERYTHING = (b"", OPEN)


def event(revision, key=b"k", **fields):
    return Event("put", KeyValue(key, mod_revision=revision), revision, **fields)


async def told(watcher):
    """Return the revisions of the events that wait to be read."""
    found = []
    while (one := await watcher.received(0)) is not None:
        found.append(one.revision)
    return found


class Source:
    """A mirror that only notes whether it is to go on."""

    kept = False

    def keep(self):
        self.kept = True


class Mirrored(LocalWatches):
    """The watches of such a mirror, which read its range for the first time at revision 5."""

    def __init__(self, view):
        super().__init__(view.client.runtime)
        self._view, self.source = view, Source()

    def begin(self, span=EVERYTHING, start=0, buffer=100, *, at=5, fills=1):
        """Begin a watch when the mirror is at a revision."""
        watcher = LocalWatcher(self._view, self.source, self, span, start, buffer)
        watcher.joined(at, fills)
        self.add(watcher)
        return watcher


@pytest.fixture
def watches(view_of):
    view, _ = view_of({})
    return Mirrored(view)


# --- what it is told


async def test_each_event_comes_once_and_none_of_before_it_began(watches):
    one, later = watches.begin(at=5), watches.begin(at=7)
    watches.deliver([event(5), event(6), event(7)])
    watches.deliver([event(8)])
    assert (await told(one), await told(later)) == ([6, 7, 8], [8])


@pytest.mark.parametrize(
    ("span", "expected"),
    [(EVERYTHING, [6, 7, 8, 9]), (prefix_range(b"b"), [7, 8]), ((b"b", OPEN), [7, 8, 9]), ((b"x", OPEN), [])],
)
async def test_only_of_its_keys(watches, span, expected):
    watcher = watches.begin(span)
    watches.deliver([event(6, b"a"), event(7, b"b"), event(8, b"bb"), event(9, b"c")])
    assert await told(watcher) == expected


async def test_one_that_begins_in_the_future_waits_for_its_revision(watches):
    watcher = watches.begin(start=9)
    watches.deliver([event(8), event(9)])
    assert await told(watcher) == [9]


async def test_what_the_range_differs_comes_whatever_its_revision_and_then_what_follows(watches):
    watcher = watches.begin(at=50)
    watches.resync([event(7, resync=True), event(20, resync=True)], 20, 2)  # of a store that was rolled back
    watches.deliver([event(20), event(21)])
    assert await told(watcher) == [7, 20, 21]


async def test_it_does_not_come_to_one_that_has_begun_after_the_range_was_read_again(watches):
    watcher = watches.begin(at=20, fills=2)
    watches.resync([event(7, resync=True)], 20, 2)
    watches.deliver([event(21)])
    assert await told(watcher) == [21]


async def test_nor_what_is_before_the_future_in_which_it_begins(watches):
    watcher = watches.begin(start=15)
    watches.resync([event(7, resync=True), event(18, resync=True)], 10, 2)
    watches.resync([event(19, resync=True)], 20, 3)
    watches.deliver([event(21)])
    assert await told(watcher) == [18, 19, 21]


async def test_hooks_learn_how_long_the_events_that_it_watches_waited(view_of, clock, observer):
    view, _ = view_of({})
    observe(view.client, observer.hook)
    watches = Mirrored(view)
    watcher, _ = watches.begin(prefix_range(b"b")), watches.begin(prefix_range(b"x"))
    watches.deliver([event(6, b"a"), event(7, b"b"), event(8, b"bb")])
    await clock.sleep(1.5)
    assert await told(watcher) == [7, 8]
    assert [(read.events, read.lag) for read in observer.of(Delivered)] == [(2, 1.5)]


# --- its buffer and its end


async def test_a_slow_one_ends_with_an_error_and_others_go_on(watches):
    slow, quick = watches.begin(buffer=2), watches.begin()
    watches.deliver([event(6), event(7)])
    watches.deliver([event(8)])
    watches.deliver([event(9)])
    assert await told(quick) == [6, 7, 8, 9]
    assert [(await slow.received(0)).revision for _ in range(2)] == [6, 7]
    with pytest.raises(WatchOverflowError, match="more than 2 events wait to be read"):
        await slow.received(0)
    assert await slow.received(0) is None


async def test_reading_makes_room(watches):
    watcher = watches.begin(buffer=2)
    for revision in range(6, 16, 2):
        watches.deliver([event(revision), event(revision + 1)])
        assert await told(watcher) == [revision, revision + 1]


async def test_that_the_range_was_read_again_ends_no_watch(watches):
    """Nobody could have read faster."""
    watcher = watches.begin(buffer=1)
    watches.resync([event(7, resync=True), event(20, resync=True)], 20, 2)
    assert await told(watcher) == [7, 20]


async def test_the_end_is_an_error_of_each_after_what_waits(watches):
    watchers, found = [watches.begin(), watches.begin()], []
    watches.deliver([event(6)])
    watches.end(ClientClosedError("closed"))
    watches.deliver([event(7)])
    for one in watchers:
        assert (await one.received(0)).revision == 6
        found.append(await error_of(lambda one=one: one.received(0)))
    assert [str(error) for error in found] == ["closed"] * 2
    assert found[0] is not found[1]


async def test_one_that_was_ended_is_told_nothing_more(watches):
    watcher = watches.begin()
    await watcher.end()
    await watcher.end()
    watches.deliver([event(6)])
    assert (await told(watcher), bool(watches), repr(watcher)) == ([], False, "<LocalWatcher ended of prefix b''>")


# --- who holds it


async def test_without_handlers_it_goes_with_its_user(watches):
    watcher = watches.begin()
    assert watches
    del watcher
    gc.collect()
    assert not watches


async def test_one_that_is_kept_stays_with_its_mirror_until_it_ends(watches):
    watcher = watches.begin()
    watcher.keep()
    del watcher
    gc.collect()
    (kept,) = watches._every
    assert watches.source.kept
    await kept.end()
    del kept
    gc.collect()
    assert not watches


async def test_one_that_has_ended_is_not_kept(watches):
    watcher = watches.begin()
    await watcher.end()
    watches.keep(watcher)
    assert watches._kept == set()


async def test_in_a_forked_child_all_are_the_parents_whatever_its_threads_held(watches):
    watcher = watches.begin()
    watches.deliver([event(6), event(7)])
    await watcher.received(0)
    left, watches._lock = watcher._events, Taken()
    assert left in [events for _, events in watches.forget()[-1]]
    assert not watches
    with pytest.raises(ClientClosedError, match="begin a new one in a forked child"):
        await watcher.received(0)
    await watcher.end()
    assert (await left.take(0)).revision == 7


# --- on a mirror


@pytest.fixture
async def mirrored(connect):
    """A function that returns a mirror of ``p/``, its client, and its watch."""

    async def make(*reads):
        watch = replies.watch(revision=5)
        client, _ = connect({"Range": [*reads], "Watch": watch})
        return await settle(client.mirror("p/")), client, watch

    return make


async def test_after_a_compaction_one_list_says_what_has_changed(mirrored):
    mirror, _, watch = await mirrored(LOADED, AGAIN)
    watcher = mirror.watch()
    watch.push(COMPACTED)
    ((*events,),) = await take_revisions(watcher)
    assert [(one.type, one.kv.key, one.previous and one.previous.text) for one in events] == [
        ("put", b"p/a", "1"),
        ("delete", b"p/b", "2"),
        ("put", b"p/c", None),
    ]
    assert all(one.resync for one in events)


async def test_one_that_begins_while_the_range_is_read_again_is_told_all(mirrored, monkeypatch):
    """At the last moment before what is held is replaced."""
    mirror, _, watch = await mirrored(LOADED, AGAIN)
    begun, fill = [], mirror._fill

    def late(*args, **kwargs):
        begun.append(mirror.watch())
        return fill(*args, **kwargs)

    monkeypatch.setattr(type(mirror), "_fill", lambda self, *args, **kwargs: late(*args, **kwargs))
    watch.push(COMPACTED)
    await until(lambda: begun)  # wait() would ask for more than the script has
    assert keys(await take(begun[0], 3)) == ["p/a", "p/b", "p/c"]


async def test_one_that_begins_while_the_mirror_ends_is_refused(mirrored, monkeypatch):
    mirror, _, _ = await mirrored(LOADED)
    add = LocalWatches.add

    def ended(self, watcher):
        add(self, watcher)
        mirror._over = True

    monkeypatch.setattr(LocalWatches, "add", ended)
    with pytest.raises(ClientClosedError, match="this mirror is closed"):
        mirror.watch()


async def test_it_begins_after_the_revision_of_the_mirror_not_only_after_its_last_event(mirrored):
    mirror, _, watch = await mirrored(LOADED)
    mirror._revision = 9  # as ``wait()`` does where nothing is changed up to there: events before it cancel each other
    watcher, all_of_them = mirror.watch(), mirror.watch(start_revision=6)
    watch.push(replies.put_event("p/x", "1", revision=7), replies.delete_event("p/x", revision=8))
    watch.push(replies.put_event("p/y", "1", revision=10))
    assert keys(await take(all_of_them, 3)) == ["p/x", "p/x", "p/y"]
    assert keys(await take(watcher)) == ["p/y"]


async def test_handlers_are_told_what_becomes_of_the_connection(mirrored, recorder):
    mirror, _, watch = await mirrored(LOADED)
    recorder.on(mirror.watch(), "disconnected", "connected")
    watch.push(ConnectionFailedError("broke"))
    await recorder.until("disconnected")


async def test_it_ends_with_the_client(mirrored):
    mirror, client, _ = await mirrored(LOADED)
    watcher = mirror.watch()
    await closed(client)
    with pytest.raises(ClientClosedError):
        await take(watcher)


async def test_in_a_forked_child_the_mirror_gives_new_ones(mirrored):
    mirror, client, _ = await mirrored(LOADED, AGAIN)
    watcher = mirror.watch()
    forget(client)
    with pytest.raises(ClientClosedError, match="belongs to the process that began it"):
        await take(watcher)
    own = mirror.watch()
    await settle(watcher.cancel())
    assert list(mirror._watches._every) == [own]
