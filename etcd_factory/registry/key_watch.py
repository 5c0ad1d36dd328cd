"""Watching one key of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from etcd_factory.core.call.view import View
from etcd_factory.core.watch.subscription import Subscription
from etcd_factory.errors import FutureRevisionError

Changed = Callable[[Any, int], None]  # the key, None where it is gone; and since which revision
Found = Callable[[Any, int, bool], None]  # and whether the store went back


class KeyWatch(Subscription[Any]):
    """Tells what becomes of a key, for ever: ``changed`` by each event, ``found`` where it was read afresh."""

    def __init__(self, view: View, key: bytes, changed: Changed, found: Found) -> None:
        super().__init__(view, {"key": key, "range_end": b""}, renewing=True)
        self._changed, self._found = changed, found
        self._back = False

    def _hear(self, events: tuple[Any, ...]) -> bool:
        last = events[-1]
        self._changed(None if last.type else last.kv, last.kv.mod_revision)
        return True

    def _renew(self, reply: Any) -> None:
        back, self._back = self._back, False
        self._found(reply.kvs[0] if reply.kvs else None, reply.header.revision, back)

    def _lasts(self, error: Exception | None) -> bool:
        self._back = self._back or isinstance(error, FutureRevisionError)
        return self._confirmed or super()._lasts(error)
