"""The last changes of a mirror: what is kept of them, what can be undone, and what is too long ago."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.core.mirror.history import History
from etcd_factory.errors import CompactedError, FutureRevisionError
from etcd_factory.model import Event, KeyValue


def put(revision, key=b"k", previous=None):
    return Event("put", KeyValue(key, b"v%d" % revision, mod_revision=revision), revision, previous)


def history(size, *events, floor=1):
    made = History(size)
    made.restart(floor)
    made.add(events)
    return made


def revisions(events):
    return [event.revision for event in events]


@given(st.integers(0, 5), st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=8))
def test_the_last_revisions_are_kept_whole(size, steps):
    """Each step is how much later a revision is, and how many events it has."""
    events, revision = [], 1
    for later, many in steps:
        revision += later
        events += [put(revision)] * many
    kept = history(size, *events)
    changed = sorted(set(revisions(events)))
    assert kept.floor == (changed[-size - 1] if len(changed) > size else 1)
    assert kept.since(kept.floor + 1) == [event for event in events if event.revision > kept.floor]


def test_events_of_one_revision_that_come_apart_are_one_revision():
    kept = history(1, put(5, b"a"))
    kept.add([put(5, b"b")])
    assert [event.kv.key for event in kept.since(5)] == [b"a", b"b"]


@pytest.mark.parametrize(("revision", "found"), [(2, [3, 5, 5]), (3, [3, 5, 5]), (4, [5, 5]), (5, [5, 5]), (6, [])])
def test_it_returns_what_has_happened_since_a_revision(revision, found):
    assert revisions(history(9, put(3), put(5), put(5)).since(revision)) == found


@pytest.mark.parametrize("revision", [0, 1, 3])
def test_what_is_no_longer_kept_is_compacted_with_the_first_that_is(revision):
    kept = history(1, put(3), put(5))
    with pytest.raises(CompactedError, match=rf"knows revisions from 4 on, not {revision}; history= says") as caught:
        kept.since(revision)
    assert caught.value.compact_revision == 4


def undone(kept, revision, present=5):
    found = {b"a": KeyValue(b"a", b"v3"), b"k": KeyValue(b"k", b"v5")}
    kept.undo(found, revision, present)
    return {key: kv.value for key, kv in found.items()}


def test_undoing_restores_the_values_before():
    old, gone = KeyValue(b"k", b"old"), KeyValue(b"z", b"gone")
    kept = history(9, put(3, b"a"), Event("delete", KeyValue(b"z", mod_revision=4), 4, gone), put(5, previous=old))
    assert undone(kept, 5) == {b"a": b"v3", b"k": b"v5"}
    assert undone(kept, 4) == {b"a": b"v3", b"k": b"old"}
    assert undone(kept, 3) == {b"a": b"v3", b"k": b"old", b"z": b"gone"}
    assert undone(kept, 2) == undone(kept, 1) == {b"k": b"old", b"z": b"gone"}


def test_the_oldest_state_that_is_known_is_that_of_before_the_first_event():
    kept = history(1, put(3), put(5))
    assert undone(kept, 3) == {b"a": b"v3"}
    with pytest.raises(CompactedError, match="knows revisions from 3 on, not 2"):
        undone(kept, 2)


def test_what_has_not_happened_yet_is_a_future_revision():
    with pytest.raises(FutureRevisionError, match=r"the mirror is at revision 5; wait\(6\) waits for 6"):
        undone(history(9, put(5)), 6)


def test_after_the_range_was_read_again_nothing_before_is_known():
    kept = history(9, put(3), put(5))
    kept.restart(4)  # of a store that was rolled back
    assert (kept.floor, kept.since(5)) == (4, [])
    kept.add([put(5)])
    assert revisions(kept.since(5)) == [5]
    with pytest.raises(CompactedError, match="from 5 on, not 4"):
        kept.since(4)
