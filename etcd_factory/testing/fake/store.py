"""The keys of a fake etcd with all their versions since the last compaction, and the log of changes."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from operator import attrgetter

from attrs import frozen

from etcd_factory.wire import messages as m

from .refusals import refused
from .spans import Span

OVERHEAD = 256  # bytes that etcd counts for each version beside its key and value (server/storage/quota.go)
EMPTY = 20 << 10  # bytes of a database without keys
REVISION = attrgetter("mod_revision")


@frozen
class Change:
    """One change of a key: ``kv`` without a version is its deletion."""

    kv: m.KeyValue
    previous: m.KeyValue | None

    @property
    def is_delete(self) -> bool:
        """Whether the key was deleted."""
        return not self.kv.version


class Store:
    """All versions of all keys. Stored messages are never changed."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = -1  # as etcd has it before the first compaction
        self._keys: list[bytes] = []
        self._versions: dict[bytes, list[m.KeyValue]] = {}
        self._log: list[tuple[int, Sequence[Change]]] = []
        self.in_use = self.allocated = EMPTY

    # --- reading

    def check(self, revision: int) -> None:
        """Raise etcd's refusal of a revision that cannot be read; 0 is the current one."""
        if revision > self.revision:
            raise refused("future")
        if 0 < revision < self.compacted:
            raise refused("compacted")

    def read(self, span: Span, revision: int = 0) -> list[m.KeyValue]:
        """Return the keys of a range at a revision, 0 for now, in order."""
        found = (self.get(key, revision) for key in span.select(self._keys))
        return [kv for kv in found if kv is not None]

    def get(self, key: bytes, revision: int = 0) -> m.KeyValue | None:
        """Return a key at a revision, 0 for now."""
        versions = self._versions.get(key, ())
        known = len(versions) if revision <= 0 else bisect_right(versions, revision, key=REVISION)
        kv = versions[known - 1] if known else None
        return kv if kv is not None and kv.version else None

    def changes(self, start: int) -> Iterator[tuple[int, Sequence[Change]]]:
        """Yield the revisions from ``start`` on with their changes."""
        first = bisect_left(self._log, start, key=lambda entry: entry[0])
        return iter(self._log[first:])

    # --- writing

    def write(self) -> Writer:
        """Begin a transaction, which gives the store one new revision if it changes anything."""
        return Writer(self)

    def append(self, kv: m.KeyValue) -> None:
        """Add a version of a key."""
        if kv.key not in self._versions:
            insort(self._keys, kv.key)
        self._versions.setdefault(kv.key, []).append(kv)
        self.in_use += size_of(kv)
        self.allocated = max(self.allocated, self.in_use)

    def commit(self, revision: int, changes: Sequence[Change]) -> None:
        """Make the changes of a transaction known under its revision."""
        self.revision = revision
        self._log.append((revision, changes))

    def compact(self, revision: int) -> None:
        """Remove what is older than a revision."""
        if revision <= self.compacted:
            raise refused("compacted")
        if revision > self.revision:
            raise refused("future")
        self.compacted = revision
        for key in tuple(self._keys):
            self._trim(key, revision)
        # a watch from this revision on is not sent its deletions, which are gone as well (until etcd 3.5.19)
        self._log = [(at, left_of(changes) if at == revision else changes) for at, changes in self.changes(revision)]

    def _trim(self, key: bytes, revision: int) -> None:
        """Keep of a key what can be read at ``revision`` and later."""
        versions = self._versions[key]
        first = max(0, bisect_right(versions, revision, key=REVISION) - 1)
        is_gone = not versions[first].version and versions[first].mod_revision <= revision
        kept = versions[first + is_gone :]
        self.in_use -= sum(map(size_of, versions)) - sum(map(size_of, kept))
        self._versions[key] = kept
        if not kept:
            del self._versions[key]
            del self._keys[bisect_left(self._keys, key)]

    # --- maintaining

    def defragment(self) -> None:
        """Give the space back that compactions have left."""
        self.allocated = self.in_use

    def hash(self, revision: int = 0) -> int:
        """Return a checksum of all versions up to a revision, 0 for now; no other server returns the same."""
        at = revision or self.revision
        known = (kv for key in self._keys for kv in self._versions[key] if kv.mod_revision <= at)
        return zlib.crc32(b"".join(kv.SerializeToString() for kv in known))


class Writer:
    """One transaction: what it reads includes what it has written."""

    def __init__(self, store: Store) -> None:
        self.store, self.changes = store, list[Change]()
        self._begin = store.revision

    @property
    def revision(self) -> int:
        """The store's revision as this transaction sees it."""
        return self._begin + bool(self.changes)

    def read(self, span: Span, revision: int = 0) -> list[m.KeyValue]:
        """Return the keys of a range."""
        return self.store.read(span, revision)

    def put(self, key: bytes, value: bytes, lease: int) -> m.KeyValue | None:
        """Put a key; returns what it was before."""
        old = self.store.get(key)
        revision = self._begin + 1
        created, version = (old.create_revision, old.version + 1) if old else (revision, 1)
        kv = m.KeyValue(
            key=key, value=value, lease=lease, create_revision=created, mod_revision=revision, version=version
        )
        self._append(kv, old)
        return old

    def delete(self, span: Span) -> list[m.KeyValue]:
        """Delete a range; returns what was deleted."""
        gone = self.read(span)
        for old in gone:
            self._append(m.KeyValue(key=old.key, mod_revision=self._begin + 1), old)
        return gone

    def commit(self) -> None:
        """End it."""
        if self.changes:
            self.store.commit(self.revision, self.changes)

    def _append(self, kv: m.KeyValue, old: m.KeyValue | None) -> None:
        self.store.append(kv)
        self.changes.append(Change(kv, old))


def size_of(kv: m.KeyValue) -> int:
    """Return the bytes that a version takes."""
    return OVERHEAD + len(kv.key) + len(kv.value)


def left_of(changes: Sequence[Change]) -> Sequence[Change]:
    """Return what is left of the changes of a revision that was compacted."""
    return [change for change in changes if not change.is_delete]
