"""What a mirror holds: the keys of a range with their values, as a mapping."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from etcd_factory.core.call.single_flight import Guard
from etcd_factory.model import KeyValue
from etcd_factory.wire import replies

Change = tuple[KeyValue | None, KeyValue | None]  # what stood there before, and what stands there now


class KeyValueStore(Mapping[bytes, KeyValue]):
    """Keys and values at a ``revision`` of the store, read by any number of threads while one changes them.

    A value is made of etcd's message when it is first read: most of a large range never are.
    """

    revision: int

    def __init__(self, guard: Guard, skip: int) -> None:
        self._guard, self.skip = guard, skip
        self._found: dict[bytes, Any] = {}
        self._past: dict[bytes, KeyValue | None] = {}
        self.revision = self.fills = self._heard = 0

    def __getitem__(self, key: bytes) -> KeyValue:
        found = self._found.get(key)
        return found if type(found) is KeyValue else self._first(key)

    def _first(self, key: bytes) -> KeyValue:
        found = self._read(binary(key))
        if found is None:
            raise KeyError(key)
        return found

    def peek(self, key: bytes) -> Any:
        """A value as it is held, perhaps as etcd's message; None if there is none."""
        return self._found.get(key)

    def _read(self, key: bytes) -> KeyValue | None:
        found = self._found.get(key)
        if found is None or type(found) is KeyValue:
            return found
        with self._guard:
            return self._made(key)

    def _made(self, key: bytes) -> KeyValue | None:
        found = self._found.get(key)
        if found is None or type(found) is KeyValue:
            return found
        made = self._found[key] = replies.key_value(found, self.skip)
        return made

    def __contains__(self, key: object) -> bool:
        return binary(key) in self._found

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.keys())

    def copy(self) -> dict[bytes, KeyValue]:
        """All keys and values of this moment, of one revision."""
        with self._guard:
            return self._all()

    def _all(self) -> dict[bytes, KeyValue]:
        for key in self._found:
            self._made(key)
        return self._found.copy()

    def keys(self) -> KeysView[bytes]:
        """The keys of this moment, of one revision."""
        with self._guard:
            return self._found.copy().keys()

    def values(self) -> ValuesView[KeyValue]:
        """The values of this moment, of one revision."""
        return self.copy().values()

    def items(self) -> ItemsView[bytes, KeyValue]:
        """The keys and values of this moment, of one revision."""
        return self.copy().items()

    # --- following the store

    def _fill(self, kvs: Iterable[Any], revision: int, *, told: bool) -> list[Change]:
        """Hold these and no others; how that differs from what was held, if that is to be ``told``."""
        with self._guard:
            before = self._all() if told else {}
            self._found = {kv.key[self.skip :]: kv for kv in kvs}
            self._past = {}
            self.revision, self._heard, self.fills = revision, revision, self.fills + 1
            return list(differences(before, self._all())) if told else []

    def _follow(self, events: Iterable[Any]) -> list[Change]:
        """Go on by etcd's events, but for those that were heard before.

        Those up to ``revision`` are told and not applied: where that was reached without them, they undo each other.
        """
        with self._guard:
            new = [event for event in events if event.kv.mod_revision > self._heard]
            changes = [self._apply(event) for event in new]
            self._heard = new[-1].kv.mod_revision if new else self._heard
            if self._heard > self.revision:
                self.revision, self._past = self._heard, {}
            return changes

    def _apply(self, event: Any) -> Change:
        kv = replies.key_value(event.kv, self.skip)
        new = None if event.type else kv
        if kv.mod_revision <= self.revision:
            old = self._past[kv.key] if kv.key in self._past else self._made(kv.key)
            self._past[kv.key] = new
            return old, new
        old = self._made(kv.key)
        if new is None:
            self._found.pop(kv.key, None)
        else:
            self._found[kv.key] = new
        return old, new


def binary(key: Any) -> bytes:
    """The key; ``TypeError`` if it is no bytes: nothing else is a key here, and text might be one's mistake."""
    if isinstance(key, bytes):
        return key
    raise TypeError(f"a mirror's keys are bytes, not {type(key).__name__}; its get() takes text too")


def differences(old: Mapping[bytes, KeyValue], new: Mapping[bytes, KeyValue]) -> Iterator[Change]:
    """How one state became the other, in the order of the keys."""
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield old.get(key), new.get(key)


def merged(changes: Iterable[Change]) -> list[Change]:
    """Only the last change of each key, from what stood there before the first."""
    last: dict[bytes, Change] = {}
    for old, new in changes:
        key = next(kv.key for kv in (old, new) if kv is not None)
        last[key] = last.pop(key, (old,))[0], new
    return [change for change in last.values() if change[0] != change[1]]
