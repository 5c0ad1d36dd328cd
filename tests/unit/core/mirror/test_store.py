"""What a mirror holds: the store's state, and changes that lead from one state to the next."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import KeyValue
from etcd_factory.core.mirror.store import KeyValueStore, differences, merged
from etcd_factory.wire import messages

SPACE = b"ns/"
TICK = 0.2  # seconds
READERS = {
    "list": list,
    "keys": lambda held: [*held.keys()],
    "values": lambda held: [kv.key for kv in held.values()],
    "items": lambda held: [key for key, _ in held.items()],
    "copy": lambda held: [*held.copy()],
}


def compose(state, changes):
    """What a state becomes by these changes, each of which has to fit."""
    state = dict(state)
    for old, new in changes:
        key = (old or new).key
        assert state.get(key) == old
        state.pop(key, None)
        state.update({} if new is None else {key: new})
    return state


class Store:
    """A model of etcd: what it holds, and the events that led there; ``seen`` is how far it was told."""

    def __init__(self):
        self.empty()

    def empty(self):
        self.revision, self.seen, self.state, self._events, self._sent = 1, 1, {}, [], 0

    def write(self, values):
        """One transaction: values by key, None to delete it."""
        self.revision += 1
        for key, value in values.items():
            if value is not None or key in self.state:
                self._change(key, value)

    def _change(self, key, value):
        old = self.state.pop(key, KeyValue(key, create_revision=self.revision))
        if value is None:
            self._events.append(event(KeyValue(key, mod_revision=self.revision), "DELETE"))
        else:
            new = KeyValue(key, value, old.create_revision, self.revision, old.version + 1)
            self.state[key] = new
            self._events.append(event(new))

    def told(self, again=0):
        """The events that were not told yet, behind so many that were."""
        told, self._sent = self._events[max(0, self._sent - again) :], len(self._events)
        self.seen = max([self.seen, *(one.kv.mod_revision for one in told)])
        return told

    def read(self):
        """All that it holds."""
        self._sent, self.seen = len(self._events), self.revision
        return [message(kv) for kv in self.state.values()]


def message(kv):
    """A value as etcd sends it, below the namespace."""
    sent = messages.KeyValue(key=SPACE + kv.key, value=kv.value, mod_revision=kv.mod_revision)
    sent.create_revision, sent.version = kv.create_revision, kv.version
    return sent


def event(kv, kind="PUT"):
    return messages.Event(type=kind, kv=message(kv))


def filled(state, revision=1):
    """What a mirror holds that has read this."""
    held = KeyValueStore(threading.Lock(), len(SPACE))
    held._fill(map(message, state.values()), revision, told=False)
    return held


KEYS = st.sampled_from([b"", b"a", b"b", b"c"])
WRITE = st.dictionaries(KEYS, st.none() | st.sampled_from([b"", b"v", b"w"]), min_size=1)
STEPS = st.lists(WRITE | st.sampled_from(["fill", "empty"]) | st.integers(0, 3) | KEYS, max_size=30)


@given(STEPS)
def test_whatever_happens_it_holds_the_stores_state_and_changes_lead_to_it(steps):
    store, held, known = Store(), filled({}), {}
    for step in [*steps, 0]:
        if isinstance(step, dict):
            store.write(step)
        elif isinstance(step, bytes):  # what is read, or not, makes no difference
            assert held._read(step) == known.get(step)
        else:
            known = compose(known, caught_up(held, store, step))
            assert known == held.copy() == store.state
            assert (held.revision, len(held)) == (store.seen, len(store.state))


def caught_up(held, store, step):
    """The changes of going on, with so many events told again, or of reading all afresh."""
    if isinstance(step, int):
        return held._follow(store.told(step))
    if step == "empty":
        store.empty()
    return held._fill(store.read(), store.revision, told=True)


@given(st.lists(WRITE, max_size=20))
def test_merged_changes_lead_to_the_same_state_with_one_change_of_a_key_at_most(writes):
    store, held = Store(), filled({})
    changes = []
    for write in writes:
        store.write(write)
        changes += held._follow(store.told())
    few = merged(changes)
    assert compose({}, few) == store.state
    assert len({(old or new).key for old, new in few}) == len(few)
    assert all(old != new for old, new in few)


@given(WRITE, WRITE)
def test_differences_lead_from_one_state_to_the_other_in_the_order_of_the_keys(one, other):
    before, after = Store(), Store()
    before.write(one)
    after.write(other)
    changes = [*differences(before.state, after.state)]
    assert compose(before.state, changes) == after.state
    assert [(old or new).key for old, new in changes] == sorted((old or new).key for old, new in changes)


def test_reading_all_afresh_tells_no_differences_to_nobody():
    held = filled({})
    assert held._fill([message(KeyValue(b"a"))], 7, told=False) == []
    assert (held.revision, held.copy()) == (7, {b"a": KeyValue(b"a")})


def test_events_that_are_known_change_nothing():
    held = filled({b"a": KeyValue(b"a", b"new", mod_revision=5)}, revision=5)
    assert held._follow([event(KeyValue(b"a", b"old", mod_revision=4))]) == []
    assert (held[b"a"].value, held.revision) == (b"new", 5)


def test_deleting_what_is_not_held_changes_nothing():
    held = filled({})
    assert held._follow([event(KeyValue(b"a", mod_revision=2), "DELETE")]) == [(None, None)]
    assert (held.copy(), held.revision) == ({}, 2)


def test_a_value_is_made_once():
    held = filled({b"a": KeyValue(b"a", b"v")})
    assert held[b"a"] is held[b"a"] is held.copy()[b"a"]


@pytest.mark.parametrize("key", ["a", None, 1], ids=repr)
def test_keys_are_bytes_and_nothing_else(key):
    held = filled({b"a": KeyValue(b"a")})
    with pytest.raises(TypeError, match=r"keys are bytes, not \w+; its get\(\) takes text too"):
        held[key]
    with pytest.raises(TypeError, match="keys are bytes"):
        _ = key in held


class Halfway:
    """An event that lets another thread go on when it is applied."""

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
    held._follow([event(KeyValue(b"a", mod_revision=2)), Halfway(KeyValue(b"b", mod_revision=2), reading)])
    reading.join(10)
    assert seen in ([[b"old"]], [[b"old", b"a", b"b"]])
