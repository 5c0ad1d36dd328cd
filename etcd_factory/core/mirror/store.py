"""What a mirror holds: the keys of a range with their values, as a mapping."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, ClassVar

from etcd_factory.core.ports import Lock
from etcd_factory.model import Event, KeyValue
from etcd_factory.model.ranges import OPEN, KeyRange, explicit
from etcd_factory.wire.values import key_value

from .history import History

if TYPE_CHECKING:
    from etcd_factory.wire import messages as m

    Held = KeyValue | m.KeyValue

Change = tuple[KeyValue | None, KeyValue | None]  # the old value and the new one


class KeyValueStore(Mapping[bytes, KeyValue]):
    """Keys and values at a ``revision`` of the store, read by any number of threads while one changes them.

    A ``KeyValue`` is made of etcd's message when it is first read: most of a large range never are. In a forked child
    what is held is ``inherited`` and old; whatever is read calls ``renew`` first.
    """

    __slots__ = ()  # a second base cannot have any; subclasses have those of ``SLOTS``
    SLOTS: ClassVar = ("_lock", "_found", "_order", "_past", "_applied", "_history", "skip", "_revision", "fills")

    inherited: bool = False

    def __init__(self, lock: Lock, skip: int, history: int = 0) -> None:
        self._lock, self.skip, self._history = lock, skip, History(history)
        self._found: dict[bytes, Held] = {}
        self._order: list[bytes] | None = None  # the keys in order, once they were needed
        self._past: dict[bytes, KeyValue | None] = {}
        self._revision = self.fills = self._applied = 0

    def renew(self) -> None:
        """Bring what is held up to date."""

    @property
    def revision(self) -> int:
        """The revision of the store whose state this is."""
        if self.inherited:
            self.renew()
        return self._revision

    def __getitem__(self, key: bytes) -> KeyValue:
        if self.inherited:
            self.renew()
        found = self._found.get(key)
        return found if type(found) is KeyValue else self._first_read(key)

    def _first_read(self, key: bytes) -> KeyValue:
        found = self.held(as_key(key))
        if found is None:
            raise KeyError(key)
        return found

    def peek(self, key: bytes) -> Held | None:
        """Return a value as it is held, perhaps as etcd's message; None if the key does not exist."""
        return self._found.get(key)

    def held(self, key: bytes) -> KeyValue | None:
        """Return what a key has, None if it does not exist."""
        if self.inherited:
            self.renew()
        found = self._found.get(key)
        if found is None or isinstance(found, KeyValue):
            return found
        with self._lock:
            return self._converted(key)

    def _converted(self, key: bytes) -> KeyValue | None:
        found = self._found.get(key)
        if found is None or isinstance(found, KeyValue):
            return found
        made = self._found[key] = key_value(found, self.skip)
        return made

    def __contains__(self, key: object) -> bool:
        if self.inherited:
            self.renew()
        return as_key(key) in self._found

    def __len__(self) -> int:
        if self.inherited:
            self.renew()
        return len(self._found)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.keys())

    def copy(self) -> dict[bytes, KeyValue]:
        """Return all keys and values of this moment, at one revision."""
        if self.inherited:
            self.renew()
        with self._lock:
            return self._all()

    def _all(self) -> dict[bytes, KeyValue]:
        return {key: kv for key in self._found if (kv := self._converted(key)) is not None}

    def keys(self) -> KeysView[bytes]:
        """Return the keys of this moment, at one revision."""
        if self.inherited:
            self.renew()
        with self._lock:
            return self._found.copy().keys()

    def values(self) -> ValuesView[KeyValue]:
        """Return the values of this moment, at one revision."""
        return self.copy().values()

    def items(self) -> ItemsView[bytes, KeyValue]:
        """Return the keys and values of this moment, at one revision."""
        return self.copy().items()

    def past(self, revision: int) -> dict[bytes, KeyValue]:
        """Return all keys and values at a revision; raises ``CompactedError`` or ``FutureRevisionError``."""
        if self.inherited:
            self.renew()
        with self._lock:
            found = self._all()
            self._history.undo(found, revision, self._revision)
            return found

    # --- reading ranges

    def select(self, span: KeyRange, most: int = 0) -> tuple[list[KeyValue], int, int]:
        """Return a range in order, at most ``most`` keys if that is not 0; how many it has; the revision of both."""
        if self.inherited:
            self.renew()
        with self._lock:
            start, end = self._places(span)
            order, count = self._ordered(), max(0, end - start)
            keys = order[start : min(end, start + most) if most else end]
            return [kv for key in keys if (kv := self._converted(key)) is not None], count, self._revision

    def count(self, span: KeyRange) -> int:
        """Return how many keys a range has."""
        if self.inherited:
            self.renew()
        with self._lock:
            start, end = self._places(span)
            return max(0, end - start)

    def _places(self, span: KeyRange) -> tuple[int, int]:
        order, (start, end) = self._ordered(), explicit(span)
        return bisect_left(order, start), len(order) if end == OPEN else bisect_left(order, end)

    def _ordered(self) -> list[bytes]:
        if self._order is None:
            self._order = sorted(self._found)
        return self._order

    # --- following the store

    def _fill(self, kvs: Iterable[m.KeyValue], revision: int, *, compare: Callable[[], bool]) -> list[Event]:
        """Replace all that is held; if ``compare()`` returns how it differs from what was held before."""
        with self._lock:
            wanted = compare()  # under the lock, under which local watches begin
            before = self._all() if wanted else {}
            self._found = {kv.key[self.skip :]: kv for kv in kvs}
            self._past, self._order = {}, None
            self._revision, self._applied, self.fills = revision, revision, self.fills + 1
            self._history.restart(revision)
            return list(differences(before, self._all(), revision)) if wanted else []

    def _apply(self, events: Iterable[m.Event]) -> list[Event]:
        """Apply etcd's events, except those applied before; returns them, each with the value before.

        Those up to ``revision`` are returned but not applied: if that was reached without them, they cancel each other
        out.
        """
        with self._lock:
            new = [event for event in events if event.kv.mod_revision > self._applied]
            changes = [self._apply_one(event) for event in new]
            self._history.add(changes)
            self._applied = new[-1].kv.mod_revision if new else self._applied
            if self._applied > self._revision:
                self._revision, self._past = self._applied, {}
            return changes

    def _apply_one(self, event: m.Event) -> Event:
        kv = key_value(event.kv, self.skip)
        kind, new = ("delete", None) if event.type else ("put", kv)
        if kv.mod_revision <= self._revision:
            old = self._past[kv.key] if kv.key in self._past else self._converted(kv.key)
            self._past[kv.key] = new
            return Event(kind, kv, kv.mod_revision, old)
        old = self._converted(kv.key)
        if new is None:
            self._found.pop(kv.key, None)
        else:
            self._found[kv.key] = new
        if self._order is not None and (old is None) != (new is None):
            self._reorder(self._order, kv.key, is_new=old is None)
        return Event(kind, kv, kv.mod_revision, old)

    @staticmethod
    def _reorder(order: list[bytes], key: bytes, *, is_new: bool) -> None:
        place = bisect_left(order, key)
        order[place : place + (not is_new)] = [key] if is_new else []


def as_key(key: object) -> bytes:
    """Return the key; ``TypeError`` if it is not bytes: text is likely a mistake, and must not silently be missing."""
    if isinstance(key, bytes):
        return key
    raise TypeError(f"a mirror's keys are bytes, not {type(key).__name__}; its get() takes text too")


def differences(old: Mapping[bytes, KeyValue], new: Mapping[bytes, KeyValue], revision: int) -> Iterator[Event]:
    """Yield how one state became the other, which is of that revision, in the order of the keys."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before != after:
            kind, kv = ("delete", KeyValue(key, mod_revision=revision)) if after is None else ("put", after)
            yield Event(kind, kv, kv.mod_revision, before, resync=True)


def changes_of(events: Iterable[Event]) -> list[Change]:
    """Return the old and the new value of each event that made a difference."""
    found = [(event.previous, None if event.type == "delete" else event.kv) for event in events]
    return [change for change in found if change[0] != change[1]]


def merged(changes: Iterable[Change]) -> list[Change]:
    """Return only the last change of each key, from the value before its first."""
    last: dict[bytes, Change] = {}
    for old, new in changes:
        key = next(kv.key for kv in (old, new) if kv is not None)
        last[key] = last.pop(key, (old,))[0], new
    return [change for change in last.values() if change[0] != change[1]]
