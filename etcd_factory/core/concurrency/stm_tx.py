"""What the function of a software transaction works with: reads, and writes that are applied at the commit."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import field, frozen

from etcd_factory.core.arguments import Text, Value, to_bytes
from etcd_factory.core.bound import Bound, usage
from etcd_factory.core.face import Completed, F, Unbound
from etcd_factory.core.kv import writes
from etcd_factory.core.kv.ranges import key_range
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.kv.values import ValueReader
from etcd_factory.core.pending import Pending, held
from etcd_factory.model.ranges import ALL, prefix_range

from .stm_journal import STMJournal


@frozen(eq=False, repr=False)
class Get(ValueReader[F]):
    """A read of one key as the transaction sees it; None if there is no such key. In asyncio its terminals are awaited.

    What this transaction wrote has no revision yet.
    """

    _run: STMJournal
    _fields: dict[str, Any]


def part(put: writes.Put[Unbound]) -> writes.Put[Unbound]:
    """Return a builder as a part of one of a transaction."""
    return held(put)


@frozen(eq=False, repr=False)
class Put(Pending):
    """A write of one key at the commit. No I/O: its terminals need no ``await``."""

    _terminals: ClassVar = ("value", "json")

    _journal: STMJournal
    _put: writes.Put[Unbound] = field(converter=part)

    def __repr__(self) -> str:
        key: bytes = self._put._fields["key"]  # pyright: ignore[reportPrivateUsage]
        return f"<Put {key.decode(errors='backslashreplace')!r} of {self._journal}>"

    def lease(self, lease: int | writes.HasLeaseId) -> Put:
        """Attach the key to a lease."""
        return Put(self._journal, self._put.lease(lease))

    def value(self, value: Value) -> Completed:
        """Write a value; a number as decimal text."""
        return self._journal.write(self._put.value(value))

    def json(self, value: object) -> Completed:
        """Write a value as JSON."""
        return self._journal.write(self._put.json(value))


@frozen(eq=False, repr=False)
class Delete(Pending):
    """A deletion at the commit; the terminal, which needs no ``await``, says of which keys. No I/O.

    A later read of a deleted key finds none; a later put of one creates it. Deleting more than one key is for the
    levels other than ``serializable_snapshot``, as Node's client has it: a commit cannot check that nobody has changed
    keys that were not read.
    """

    _terminals: ClassVar = ("key", "prefix", "range", "all")

    _journal: STMJournal

    def __repr__(self) -> str:
        return f"<Delete of {self._journal}>"

    def key(self, key: Text) -> Completed:
        """Delete one key; a missing one is no error."""
        return self._journal.write(ops.delete().key(key))

    def prefix(self, prefix: Text) -> Completed:
        """Delete all keys that start with ``prefix``."""
        return self._journal.delete_range(prefix_range(to_bytes(prefix, "a prefix")))

    def range(self, start: Text, end: Text) -> Completed:
        """Delete the keys from ``start`` to before ``end``."""
        return self._journal.delete_range(key_range(start, end))

    def all(self) -> Completed:
        """Delete every key of the namespace."""
        return self._journal.delete_range(ALL)


@frozen(eq=False, repr=False)
class Tx(Bound[F]):
    """What the function of a software transaction reads and writes with. It sees its own writes."""

    _run: STMJournal

    def __repr__(self) -> str:
        return f"<Tx: {self._run}>"

    @usage("tx.get('k').string()")
    def get(self, key: Text) -> Get[F]:
        """Read one key: ``tx.get("k").string()``."""
        return Get(self._run, {"key": to_bytes(key)})

    @usage("tx.put('k').value('v')")
    def put(self, key: Text) -> Put:
        """Write one key: ``tx.put("k").value("v")``."""
        return Put(self._run, ops.put(key))

    @usage("tx.delete().key('k'), or prefix(), range() or all() in place of key()")
    def delete(self) -> Delete:
        """Delete keys: ``tx.delete().key("k")``, ``tx.delete().prefix("p")``; see ``Delete``."""
        return Delete(self._run)
