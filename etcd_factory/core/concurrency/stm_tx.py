"""What the function of a software transaction works with: reads, and writes that are kept back until the commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from etcd_factory.core.face import Bound, F, Unbound
from etcd_factory.core.kv import builders
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.kv.values import ValueReader
from etcd_factory.core.op import Text, raw

from .stm_journal import Kept, STMJournal


@frozen(eq=False)
class Get(ValueReader[F]):
    """A read of one key as the transaction sees it; None if there is none. In asyncio its terminals are awaited.

    What this transaction wrote has no revision yet.
    """

    _run: STMJournal
    _fields: Mapping[str, Any]


@frozen(eq=False)
class Put:
    """A write of one key at the commit. No I/O: its terminals need no ``await``."""

    _journal: STMJournal
    _put: builders.Put[Unbound]

    def lease(self, lease: int | builders.HasId) -> Put:
        """Let the key live as long as this lease."""
        return Put(self._journal, self._put.lease(lease))

    def value(self, value: str | bytes | int | float) -> Kept:
        """Write the value; a number as decimal text."""
        return self._journal.keep(self._put.value(value))

    def json(self, value: Any) -> Kept:
        """Write the value as JSON."""
        return self._journal.keep(self._put.json(value))


@frozen(eq=False)
class Delete:
    """A deletion at the commit. No I/O: its terminal needs no ``await``."""

    _journal: STMJournal

    def key(self, key: Text) -> Kept:
        """One key; none there is no error."""
        return self._journal.keep(ops.delete().key(key))


@frozen(eq=False)
class Tx(Bound[F]):
    """What the function of a software transaction reads and writes with. It sees its own writes."""

    _run: STMJournal

    def get(self, key: Text) -> Get[F]:
        """Read one key: ``tx.get("k").string()``."""
        return Get(self._run, {"key": raw(key)})

    def put(self, key: Text) -> Put:
        """Write one key: ``tx.put("k").value("v")``."""
        return Put(self._run, ops.put(key))

    def delete(self) -> Delete:
        """Delete one key: ``tx.delete().key("k")``."""
        return Delete(self._run)
