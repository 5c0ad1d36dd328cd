"""What the function of a software transaction works with: reads, and writes that are kept back until the commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from etcd_factory.model import KeyValue
from etcd_factory.wire import replies

from . import kv
from .face import Bound, F, Unbound, terminal
from .journal import Journal, Kept
from .op import Op, Text, raw
from .txn import ops

Data = bytes  # inside the reader the name is a method's


@frozen(eq=False)
class Get(Bound[F]):
    """A read of one key as the transaction sees it; None if there is none. In asyncio its terminals are awaited."""

    _run: Journal
    _fields: Mapping[str, Any]

    @terminal
    def string(self) -> Op[str | None]:
        """The value as text; ``UnicodeDecodeError`` if it is not UTF-8."""
        return Op("get", self._fields, kv.VALUE_TEXT)

    @terminal
    def bytes(self) -> Op[Data | None]:
        """The value as it is."""
        return Op("get", self._fields, kv.VALUE_DATA)

    @terminal
    def json(self) -> Op[Any]:
        """The value read as JSON; ``ValueError`` if it is none."""
        return Op("get", self._fields, kv.VALUE_JSON)

    @terminal
    def number(self) -> Op[int | float | None]:
        """The value as an int if it reads as one, else as a float; ``ValueError`` if it is no number."""
        return Op("get", self._fields, kv.VALUE_NUMBER)

    @terminal
    def exists(self) -> Op[bool]:
        """Whether there is such a key."""
        return Op("get", self._fields, replies.exists)

    @terminal
    def kv(self) -> Op[KeyValue | None]:
        """The key with its value, revisions, version and lease; what this transaction wrote has no revision yet."""
        return Op("get", self._fields, kv.VALUE_KV)


@frozen(eq=False)
class Put:
    """A write of one key at the commit. No I/O: its terminals need no ``await``."""

    _journal: Journal
    _put: kv.Put[Unbound]

    def lease(self, lease: int | kv.HasId) -> Put:
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

    _journal: Journal

    def key(self, key: Text) -> Kept:
        """One key; none there is no error."""
        return self._journal.keep(ops.delete().key(key))


@frozen(eq=False)
class Tx(Bound[F]):
    """What the function of a software transaction reads and writes with. It sees its own writes."""

    _run: Journal

    def get(self, key: Text) -> Get[F]:
        """Read one key: ``tx.get("k").string()``."""
        return Get(self._run, {"key": raw(key)})

    def put(self, key: Text) -> Put:
        """Write one key: ``tx.put("k").value("v")``."""
        return Put(self._run, ops.put(key))

    def delete(self) -> Delete:
        """Delete one key: ``tx.delete().key("k")``."""
        return Delete(self._run)
