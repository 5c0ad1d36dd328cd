"""A model of etcd's store, and what the changes of a mirror amount to."""

from __future__ import annotations

import threading

from hypothesis import strategies as st

from etcd_factory import KeyValue
from etcd_factory.core.mirror.store import KeyValueStore
from etcd_factory.wire import messages

NAMESPACE = b"ns/"
KEYS = st.sampled_from([b"", b"a", b"b", b"c"])
WRITE = st.dictionaries(KEYS, st.none() | st.sampled_from([b"", b"v", b"w"]), min_size=1)


def compose(state, changes):
    """Return what a state becomes by these changes; each must fit the state before it."""
    state = dict(state)
    for old, new in changes:
        key = (old or new).key
        assert state.get(key) == old
        state.pop(key, None)
        state.update({} if new is None else {key: new})
    return state


class Store:
    """A model of etcd: its ``state``, and the events that led there; ``seen`` is the last revision delivered."""

    def __init__(self):
        self.empty()

    def empty(self):
        """Start again without data, as a store that lost its disk."""
        self.revision, self.seen, self.state, self._events, self._sent = 1, 1, {}, [], 0

    def write(self, values):
        """Apply one transaction: values by key, None to delete it."""
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

    def deliver(self, again=0):
        """Return the events not delivered yet, after so many that were delivered before."""
        events, self._sent = self._events[max(0, self._sent - again) :], len(self._events)
        self.seen = max([self.seen, *(one.kv.mod_revision for one in events)])
        return events

    def read(self):
        """Return all keys and values, as etcd sends them."""
        self._sent, self.seen = len(self._events), self.revision
        return [message(kv) for kv in self.state.values()]


def message(kv):
    """Return a value as etcd sends it, in the namespace."""
    sent = messages.KeyValue(key=NAMESPACE + kv.key, value=kv.value, mod_revision=kv.mod_revision)
    sent.create_revision, sent.version = kv.create_revision, kv.version
    return sent


def event(kv, kind="PUT"):
    """Return an event as etcd sends it."""
    return messages.Event(type=kind, kv=message(kv))


class Held(KeyValueStore):
    """A store by itself: what a mirror is a subclass of."""


def filled(state, revision=1, history=0):
    """Return what a mirror holds after it has read this state."""
    held = Held(threading.Lock(), len(NAMESPACE), history)
    fill(held, map(message, state.values()), revision)
    return held


def fill(held, kvs, revision, *, compare=False):
    """Replace all that is held, as a mirror does that reads its range; returns the changes, if they are compared."""
    return changes(held._fill(kvs, revision, compare=lambda: compare))


def apply(held, events):
    """Apply events, as a mirror does; returns the changes."""
    return changes(held._apply(events))


def changes(events):
    """Return the old and the new value of each event."""
    return [(event.previous, None if event.type == "delete" else event.kv) for event in events]
