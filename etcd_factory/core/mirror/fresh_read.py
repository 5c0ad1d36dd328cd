"""What a fresh read of a mirror waits for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from etcd_factory.model import KeyValue
from etcd_factory.wire import replies

from .read_index import Answer
from .store import KeyValueStore


class FreshRead:
    """One key as it was when a majority was asked for it, or later.

    What is found is taken at the moment at which it is judged: a moment later it may be what was there in between, and
    gone again before anybody asked.
    """

    __slots__ = ("_fills", "_found", "_held", "_key", "_seen", "answer")

    def __init__(self, held: KeyValueStore, key: bytes) -> None:
        self._held, self._key = held, key
        self._seen, self._fills = held.revision, held.fills
        self._found: Any = None
        self.answer: Answer = (None, 0)

    def met(self) -> bool:
        """Whether the mirror is as far as the answer."""
        (modified, revision), held = self.answer, self._held
        if revision < self._seen and held.fills == self._fills:
            return False  # the store went back, and the mirror has not read it afresh yet
        reached = held.revision >= revision
        self._found = found = held.peek(self._key)
        return reached or modified == (0 if found is None else found.mod_revision)

    def reply(self) -> Any:
        """What was found, as the readers of a service's answer take it."""
        found = self._found
        if found is not None and type(found) is not KeyValue:
            found = replies.key_value(found, self._held.skip)
        return reply_of(found)


def reply_of(found: KeyValue | None) -> Any:
    """A value as etcd's answer to a read of one key."""
    kvs = () if found is None else (found,)
    return SimpleNamespace(kvs=kvs, count=len(kvs))
