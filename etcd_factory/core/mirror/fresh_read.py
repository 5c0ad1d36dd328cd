"""What a fresh (linearizable) read of a mirror waits for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from etcd_factory.model import KeyValue
from etcd_factory.wire.values import key_value

from .read_index import Answer
from .store import KeyValueStore

if TYPE_CHECKING:
    from .store import Held


class FreshRead:
    """One key as it was when a majority was asked for it, or later.

    The value is taken at the moment at which the condition is checked: a moment later it may be one that was there in
    between, and gone again before anybody asked.
    """

    __slots__ = ("_fills", "_found", "_key", "_seen", "_store", "answer")

    def __init__(self, store: KeyValueStore, key: bytes) -> None:
        self._store, self._key = store, key
        self._seen, self._fills = store.revision, store.fills
        self._found: Held | None = None
        self.answer = Answer(0)

    def reached(self) -> bool:
        """Return whether the mirror has reached the answer."""
        answer, store = self.answer, self._store
        if answer.revision < self._seen and store.fills == self._fills:
            return False  # the store was rolled back, and the mirror has not read it again yet
        reached = store.revision >= answer.revision
        self._found = found = store.peek(self._key)
        return reached or answer.mod_revision == (0 if found is None else found.mod_revision)

    def reply(self) -> Any:
        """Return what was found, in the form of a response to a read."""
        found = self._found
        if found is not None and not isinstance(found, KeyValue):
            found = key_value(found, self._store.skip)
        return reply_of(found)


def reply_of(found: KeyValue | None) -> Any:
    """Return a value in the form of etcd's response to a read of one key."""
    kvs = () if found is None else (found,)
    return SimpleNamespace(kvs=kvs, count=len(kvs))
