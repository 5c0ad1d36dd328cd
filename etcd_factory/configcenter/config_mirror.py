"""The keys of a configuration in memory, kept current by a watch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.core.mirror.store import Change

from .entries import Entries, text

if TYPE_CHECKING:
    from etcd_factory.wire.messages import Event, RangeResponse


class ConfigMirror(Mirror[F]):
    """The mirror of a configuration's keys, which notifies of changes and of its end."""

    def __init__(self, view: View, prefix: bytes, notify: Callable[[], None]) -> None:
        super().__init__(view, prefix)
        self._notify, self.ended = notify, False
        self.emptied = False

    def on_resync(self, reply: RangeResponse) -> None:
        """Note whether the store was emptied."""
        self.emptied = not reply.kvs and len(self._found) > 0
        super().on_resync(reply)

    def on_events(self, events: Sequence[Event]) -> bool:
        """Apply events: a store with events is not empty by accident."""
        self.emptied = False
        return super().on_events(events)

    def on_changes(self, changes: list[Change]) -> None:
        """Notify."""
        super().on_changes(changes)
        self._notify()

    def on_end(self, error: Exception | None) -> None:
        """Notify."""
        super().on_end(error)
        self.ended = True
        self._notify()

    def entries(self) -> tuple[int, Entries]:
        """Return the revision, and the values as text by their keys below the prefix."""
        revision, cut = self.revision, len(self._prefix)
        return revision, {text(key[cut:]): text(kv.value) for key, kv in self.copy().items()}
