"""What a mirror held at a revision of the past."""

from __future__ import annotations

from etcd_factory.core.arguments import Text
from etcd_factory.core.face import Sync
from etcd_factory.core.kv.builders import GetAll
from etcd_factory.core.ports import Lock
from etcd_factory.model import KeyValue

from .reads import Get, get, get_all
from .store import KeyValueStore


class MirrorSnapshot(KeyValueStore):
    """A mirrored prefix as it was at ``revision``: a mapping from keys to ``KeyValue``s that never changes."""

    __slots__ = (*KeyValueStore.SLOTS, "_prefix")

    def __init__(self, lock: Lock, prefix: bytes, found: dict[bytes, KeyValue], revision: int) -> None:
        super().__init__(lock, 0)
        self._prefix, self._revision = prefix, revision
        self._history.restart(revision)  # of the past before it nothing is known
        self._found.update(found)

    def get(self, key: Text) -> Get[Sync]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read one key: ``mirror.at(5).get("k").string()``."""
        return get(self, key)

    def get_all(self) -> GetAll[Sync]:
        """Read several keys: ``mirror.at(5).get_all().prefix("p").strings()``."""
        return get_all(self, self._prefix, self._at)

    def _at(self, revision: int) -> MirrorSnapshot:
        if revision == self._revision:
            return self
        raise ValueError(f"this is the state of revision {self._revision}; read that of {revision} from the mirror")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._prefix!r}: {len(self._found)} keys at revision {self._revision}>"
