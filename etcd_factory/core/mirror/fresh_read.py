"""What a fresh (linearizable) read of a mirror waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from etcd_factory.core.op import Op
from etcd_factory.model import KeyValue

from .read_index import Answer
from .store import KeyValueStore

if TYPE_CHECKING:
    from .store import Held


T = TypeVar("T")


class FreshRead:
    """One key as it was when a majority was asked for it, or later; ``seen`` and ``fills`` are the store's before.

    The value is taken at the moment at which the condition is checked: a moment later it may be one that was there in
    between, and gone again before anybody asked.
    """

    __slots__ = ("_answer", "_fills", "_key", "_seen", "_store", "found")

    def __init__(self, store: KeyValueStore, key: bytes, seen: int, fills: int, answer: Answer) -> None:
        self._store, self._key, self._answer = store, key, answer
        self._seen, self._fills = seen, fills
        self.found: Held | None = None

    def reached(self) -> bool:
        """Return whether the mirror has reached the answer."""
        answer, store = self._answer, self._store
        if answer.revision < self._seen and store.fills == self._fills:
            return False  # the store was rolled back, and the mirror has not read it again yet
        reached = store.revision >= answer.revision
        self.found = found = store.peek(self._key)
        return reached or answer.mod_revision == (0 if found is None else found.mod_revision)


class Reply:
    """A key, or none, in the form of etcd's response to a read of one key."""

    __slots__ = ("kvs",)

    def __init__(self, *kvs: Held) -> None:
        self.kvs = kvs

    @property
    def count(self) -> int:
        """How many keys."""
        return len(self.kvs)


MISSING = Reply()


def result(op: Op[T], found: Held | None, skip: int) -> T:
    """Return what a read makes of a key: a ``KeyValue``, whose key has no namespace any more, or etcd's message."""
    if found is None:
        return op.read(MISSING, 0)
    return op.read(Reply(found), 0 if type(found) is KeyValue else skip)
