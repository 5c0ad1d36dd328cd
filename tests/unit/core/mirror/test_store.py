"""What a mirror holds: a state of the store, and changes that lead from one state to the next."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import KeyValue
from etcd_factory.core.mirror.store import changes_of, differences, merged
from etcd_factory.errors import CompactedError
from etcd_factory.model.ranges import OPEN, explicit
from tests.support.stores import KEYS, WRITE, Store, apply, compose, event, fill, filled, message

TICK = 0.2  # seconds
READERS = {
    "list": list,
    "keys": lambda held: [*held.keys()],
    "values": lambda held: [kv.key for kv in held.values()],
    "items": lambda held: [key for key, _ in held.items()],
    "copy": lambda held: [*held.copy()],
}
STEPS = st.lists(WRITE | st.sampled_from(["fill", "empty"]) | st.integers(0, 3) | KEYS, max_size=30)


@given(STEPS)
def test_it_always_holds_the_state_of_the_store_and_changes_lead_to_it(steps):
    store, held, known = Store(), filled({}), {}
    for step in [*steps, 0]:
        if isinstance(step, dict):
            store.write(step)
        elif isinstance(step, bytes):  # reading a key in between makes no difference
            assert held.held(step) == known.get(step)
        else:
            known = compose(known, followed(held, store, step))
            assert known == held.copy() == store.state
            assert (held.revision, len(held)) == (store.seen, len(store.state))


def followed(held, store, step):
    """Return the changes after more events, so many of which come twice, or after the range was read again."""
    if isinstance(step, int):
        return apply(held, store.deliver(step))
    if step == "empty":
        store.empty()
    return fill(held, store.read(), store.revision, compare=True)


@given(st.lists(WRITE, max_size=20))
def test_merged_changes_lead_to_the_same_state_with_at_most_one_change_of_a_key(writes):
    store, held = Store(), filled({})
    changes = []
    for write in writes:
        store.write(write)
        changes += apply(held, store.deliver())
    few = merged(changes)
    assert compose({}, few) == store.state
    assert len({(old or new).key for old, new in few}) == len(few)
    assert all(old != new for old, new in few)


@given(WRITE, WRITE)
def test_differences_lead_from_one_state_to_the_other_in_the_order_of_the_keys(one, other):
    before, after = Store(), Store()
    before.write(one)
    after.write(other)
    events = [*differences(before.state, after.state, 9)]
    assert compose(before.state, changes_of(events)) == after.state
    assert [event.kv.key for event in events] == sorted(event.kv.key for event in events)
    assert all(event.resync for event in events)


def test_reading_the_range_again_without_handlers_compares_nothing():
    held = filled({b"old": KeyValue(b"old")})
    assert fill(held, [message(KeyValue(b"a"))], 7) == []
    assert (held.revision, held.fills, held.copy()) == (7, 2, {b"a": KeyValue(b"a")})


def test_events_that_were_seen_change_nothing():
    held = filled({b"a": KeyValue(b"a", b"new", mod_revision=5)}, revision=5)
    assert apply(held, [event(KeyValue(b"a", b"old", mod_revision=4))]) == []
    assert (held[b"a"].value, held.revision) == (b"new", 5)


def test_events_up_to_a_revision_that_was_reached_without_them_are_reported_and_not_applied():
    """Nothing in the range had changed by then, so they cancel each other out."""
    held = filled({}, revision=5)
    held._revision = 9
    created, deleted = KeyValue(b"a", b"v", 6, 6, 1), KeyValue(b"a", mod_revision=7)
    changes = apply(held, [event(created), event(deleted, "DELETE")])
    assert [(old and old.value, new and new.value) for old, new in changes] == [(None, b"v"), (b"v", None)]
    assert (held.copy(), held.revision) == ({}, 9)


def test_deleting_what_is_not_held_changes_nothing():
    held = filled({})
    assert apply(held, [event(KeyValue(b"a", mod_revision=2), "DELETE")]) == [(None, None)]
    assert (held.copy(), held.revision) == ({}, 2)


@given(STEPS, st.tuples(KEYS, KEYS | st.just(b"\0")), st.integers(0, 3))
def test_ranges_are_in_the_order_of_the_keys_whatever_happens(steps, span, most):
    store, held = Store(), filled({})
    for step in [*steps, 0]:
        if isinstance(step, dict):
            store.write(step)
        elif not isinstance(step, bytes):
            followed(held, store, step)
            start, end = explicit(span)
            keys = sorted(key for key in held.copy() if start <= key and (end == OPEN or key < end))
            found, *rest = held.select(span, most)
            assert [kv.key for kv in found] == (keys[:most] if most else keys)
            assert rest == [len(keys), held.revision]
            assert held.count(span) == len(keys)


@given(st.lists(WRITE, max_size=12), st.integers(0, 5))
def test_the_past_is_known_as_far_as_the_history_goes(writes, size):
    store, held = Store(), filled({}, history=size)
    fill(held, store.read(), store.revision)
    first, states, changed = store.revision, {store.revision: {}}, []
    for write in writes:
        store.write(write)
        states[store.revision] = dict(store.state)
        changed += [store.revision] if apply(held, store.deliver()) else []
    floor = changed[-size - 1] if len(changed) > size else first
    for revision in range(first, held.revision + 1):
        if revision >= floor:
            assert held.past(revision) == states[revision]
        else:
            with pytest.raises(CompactedError, match=f"knows revisions from {floor} on, not {revision}"):
                held.past(revision)


def test_a_value_is_made_once_and_only_when_it_is_read():
    held = filled({b"a": KeyValue(b"a", b"v")})
    assert not isinstance(held.peek(b"a"), KeyValue)
    assert held[b"a"] is held[b"a"] is held.copy()[b"a"] is held.peek(b"a")


def test_a_missing_key_is_a_key_error_as_in_any_mapping():
    held = filled({})
    with pytest.raises(KeyError, match="b'a'"):
        held[b"a"]
    assert (b"a" in held, held.peek(b"a")) == (False, None)


@pytest.mark.parametrize("key", ["a", None, 1], ids=repr)
def test_keys_are_bytes_and_nothing_else(key):
    held = filled({b"a": KeyValue(b"a")})
    with pytest.raises(TypeError, match=r"keys are bytes, not \w+; its get\(\) takes text too"):
        held[key]
    with pytest.raises(TypeError, match="keys are bytes"):
        _ = key in held


class Halfway:
    """An event that starts another thread when it is applied."""

    def __init__(self, kv, thread):
        self.kv, self._thread = message(kv), thread

    @property
    def type(self):
        self._thread.start()
        self._thread.join(TICK)  # it ends, or waits until the whole transaction is there
        return 0


@pytest.mark.parametrize("name", READERS)
def test_no_reader_sees_a_part_of_a_transaction(name):
    held, seen = filled({b"old": KeyValue(b"old")}), []
    reading = threading.Thread(target=lambda: seen.append(READERS[name](held)))
    apply(held, [event(KeyValue(b"a", mod_revision=2)), Halfway(KeyValue(b"b", mod_revision=2), reading)])
    reading.join(10)
    assert seen in ([[b"old"]], [[b"old", b"a", b"b"]])
