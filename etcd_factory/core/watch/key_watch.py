"""Watching a single key that this process owns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from etcd_factory.core.call.view import View
from etcd_factory.errors import FutureRevisionError

from .subscription import Subscription

if TYPE_CHECKING:
    from etcd_factory.wire import messages as m

    OnChange = Callable[[m.KeyValue | None, int], None]  # the key, None if it is gone; and since which revision
    OnRead = Callable[[m.KeyValue | None, int, bool], None]  # and whether the store was rolled back


class KeyWatch(Subscription[Any]):
    """Reports what happens to a key, for ever: ``on_change`` each event, ``on_read`` what a resync found."""

    def __init__(self, view: View, key: bytes, on_change: OnChange, on_read: OnRead) -> None:
        super().__init__(view, {"key": key, "range_end": b""}, resync=True)
        self._on_change, self._on_read = on_change, on_read
        self._rolled_back = False

    def on_events(self, events: Sequence[m.Event]) -> bool:
        """Report the last event; earlier ones do not matter any more."""
        last = events[-1]
        self._on_change(None if last.type else last.kv, last.kv.mod_revision)
        return True

    def on_resync(self, reply: m.RangeResponse) -> None:
        """Report what was read."""
        rolled_back, self._rolled_back = self._rolled_back, False
        self._on_read(reply.kvs[0] if reply.kvs else None, reply.header.revision, rolled_back)

    def survives(self, error: Exception | None) -> bool:
        """Resync after any error, once the watch was confirmed."""
        self._rolled_back = self._rolled_back or isinstance(error, FutureRevisionError)
        return self._confirmed or super().survives(error)
