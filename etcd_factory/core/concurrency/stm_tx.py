"""What the function of a software transaction works with: reads, and writes that are applied at the commit."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from etcd_factory.core.arguments import Text, Value, to_bytes
from etcd_factory.core.bound import Bound
from etcd_factory.core.face import Completed, F, Unbound
from etcd_factory.core.kv import builders
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.kv.values import ValueReader

from .stm_journal import STMJournal


@frozen(eq=False, repr=False)
class Get(ValueReader[F]):
    """A read of one key as the transaction sees it; None if there is no such key. In asyncio its terminals are awaited.

    What this transaction wrote has no revision yet.
    """

    _run: STMJournal
    _fields: dict[str, Any]


@frozen(eq=False, repr=False)
class Put:
    """A write of one key at the commit. No I/O: its terminals need no ``await``."""

    _journal: STMJournal
    _put: builders.Put[Unbound]

    def __repr__(self) -> str:
        return f"<Put of {self._journal}>"

    def lease(self, lease: int | builders.HasLeaseId) -> Put:
        """Attach the key to a lease."""
        return Put(self._journal, self._put.lease(lease))

    def value(self, value: Value) -> Completed:
        """Write a value; a number as decimal text."""
        return self._journal.write(self._put.value(value))

    def json(self, value: object) -> Completed:
        """Write a value as JSON."""
        return self._journal.write(self._put.json(value))


@frozen(eq=False, repr=False)
class Delete:
    """A deletion at the commit. No I/O: its terminal needs no ``await``."""

    _journal: STMJournal

    def __repr__(self) -> str:
        return f"<Delete of {self._journal}>"

    def key(self, key: Text) -> Completed:
        """Delete one key; a missing one is no error."""
        return self._journal.write(ops.delete().key(key))


@frozen(eq=False, repr=False)
class Tx(Bound[F]):
    """What the function of a software transaction reads and writes with. It sees its own writes."""

    _run: STMJournal

    def __repr__(self) -> str:
        return f"<Tx: {self._run}>"

    def get(self, key: Text) -> Get[F]:
        """Read one key: ``tx.get("k").string()``."""
        return Get(self._run, {"key": to_bytes(key)})

    def put(self, key: Text) -> Put:
        """Write one key: ``tx.put("k").value("v")``."""
        return Put(self._run, ops.put(key))

    def delete(self) -> Delete:
        """Delete one key: ``tx.delete().key("k")``."""
        return Delete(self._run)
