"""The journal of one run of a software transaction: what it has read, and what it will write."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Completed, Face, Unbound
from etcd_factory.core.kv.txn import DESCRIBER, Txn, compare, mod_revision, ops, read_message
from etcd_factory.core.op import Fields, Op, Pages
from etcd_factory.model.ranges import OPEN, KeyRange
from etcd_factory.wire import messages

if TYPE_CHECKING:
    from etcd_factory.wire.messages import RangeResponse

T = TypeVar("T")

Check = tuple[str, int]
UNCHECKED = (
    "a transaction of the level serializable_snapshot cannot delete a range, whose keys its commit could not check: "
    "delete its keys one by one, or use stm('serializable')"
)
HOLDS = {"==": operator.eq, "<": operator.lt}


@frozen
class Level:
    """What an isolation level guarantees."""

    snapshot: bool  # all reads are at one revision, the first one's
    reads: bool  # what was read is unchanged at the commit
    writes: bool  # what is written has not changed since the first read


@frozen(eq=False)
class Conflict:
    """A refused commit: ``found`` is what the checked keys had at ``revision``, ``changed`` are those that changed."""

    revision: int = 0
    found: Mapping[bytes, RangeResponse] = field(factory=dict[bytes, Any])
    changed: tuple[bytes, ...] = ()


class STMJournal:
    """The reads and writes of one run. It starts with what the refused commit of the run before found."""

    def __init__(self, view: View, level: Level, last: Conflict) -> None:
        self._view, self._level, self._fetched = view, level, last.found
        self._base = last.revision if level.snapshot else 0
        self._seen: dict[bytes, RangeResponse] = {}
        self._writes: dict[bytes, Op[Any]] = {}
        self._deleted: list[KeyRange] = []  # before the writes

    def __str__(self) -> str:
        return f"a transaction of {self._view}"

    @property
    def face(self) -> Face:
        """The client's face."""
        return self._view.face

    def write(self, op: Op[Any]) -> Completed:
        """Write this at the commit, replacing an earlier write of the same key."""
        self._writes[op.fields["key"]] = op
        return Completed()

    def delete_range(self, keys: KeyRange) -> Completed:
        """Delete a range at the commit, with what was written there before; what is written later stays."""
        if self._level.writes:
            raise ValueError(UNCHECKED)
        self._writes = {key: op for key, op in self._writes.items() if not is_within(key, keys)}
        self._deleted.append(keys)
        return Completed()

    def pages(self, fields: Fields) -> Pages:
        """Raise ``TypeError``: a software transaction reads single keys."""
        del fields
        raise TypeError("a software transaction reads single keys")

    async def execute(self, op: Op[T]) -> T:
        """Return the result of a read, which sees this run's own writes."""
        key = op.fields["key"]
        own = self._writes.get(key)
        if own is not None:
            reply = self._written(own)
        elif any(is_within(key, keys) for keys in self._deleted):
            reply = messages.RangeResponse()
        else:
            reply = await self._read(key)
        return op.read(reply, len(self._view.namespace))

    def _written(self, own: Op[Any]) -> RangeResponse:
        if own.kind == "delete":
            return messages.RangeResponse()
        lease = own.fields.get("lease", 0)  # an id, or a lease that may have none yet
        written = {"value": own.fields["value"], "lease": getattr(lease, "id", lease) or 0}
        return messages.RangeResponse(kvs=[{"key": self._view.namespace + own.fields["key"], **written}], count=1)

    async def _read(self, key: bytes) -> RangeResponse:
        while key not in self._seen:
            base = self._base
            reply = self._fetched.get(key) or await self._fetch(key, base)
            if base == self._base:  # else a concurrent read was the first, and this one is of another revision
                self._base = base or (reply.header.revision if self._level.snapshot else 0)
                self._seen.setdefault(key, reply)
        return self._seen[key]

    async def _fetch(self, key: bytes, revision: int) -> RangeResponse:
        # Go reads from the member's own store (serializable). A member that lags, as after a change of hosts, refuses
        # that as a future revision; a linearizable read waits until it has caught up.
        return await self._view.execute(read_message(key, revision=revision))

    def checks(self) -> dict[bytes, Check]:
        """Return what must hold at the commit: how the mod revision of each key compares with a number."""
        bound: Check = ("<", self._base + 1)
        written = self._writes if self._level.writes and self._seen else ()
        read = self._seen if self._level.reads else {}
        return {**dict.fromkeys(written, bound), **{key: ("==", mod_revision(reply)) for key, reply in read.items()}}

    async def commit(self) -> Conflict | None:
        """Apply the writes; returns None, or the conflict, whose keys are fetched in the same round trip."""
        checks = self.checks()
        writes = (*self._range_deletions(), *self._writes.values())
        if not checks and not writes:
            return None
        wanted = tuple(compare(key, "mod", *check) for key, check in checks.items())
        txn = Txn[Unbound](DESCRIBER, wanted, writes, tuple(map(read_message, checks)))
        done = await self._view.execute(txn.op())
        return None if done.succeeded else conflict(done.revision, checks, done.results)

    def _range_deletions(self) -> Iterator[Op[Any]]:
        """Yield the deletions of ranges around what is written after them: etcd refuses to do both to one key."""
        for keys in self._deleted:
            for start, end in without(keys, self._writes):
                yield ops.delete().range(start, end)


def is_within(key: bytes, keys: KeyRange) -> bool:
    """Whether a key is in a range."""
    start, end = keys
    return start <= key and (end == OPEN or key < end)


def without(keys: KeyRange, holes: Iterable[bytes]) -> Iterator[KeyRange]:
    """Yield the parts of a range between some keys."""
    start, end = keys
    for key in sorted(key for key in holes if is_within(key, keys)):
        if start < key:
            yield start, key
        start = key + b"\0"
    if end == OPEN or start < end:
        yield start, end


def conflict(revision: int, checks: Mapping[bytes, Check], found: tuple[RangeResponse, ...]) -> Conflict:
    """Return the checks that did not hold."""
    by_key = dict(zip(checks, found, strict=True))
    changed = [key for key, (how, wanted) in checks.items() if not HOLDS[how](mod_revision(by_key[key]), wanted)]
    return Conflict(revision, by_key, tuple(changed))
