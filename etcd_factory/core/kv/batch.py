"""Cutting a list of operations into transactions that etcd accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, field

from etcd_factory.core.op import Op
from etcd_factory.model.ranges import KeyRange, overlap

LIMIT = 128  # operations in one transaction: etcd's --max-txn-ops
SIZE = 1 << 20  # bytes of keys and values in one; etcd's --max-request-bytes is 1.5 MiB


def groups(ops: Iterable[Op[Any]]) -> Iterator[list[Op[Any]]]:
    """Yield the operations in order, each group as large as one transaction can be.

    A transaction cannot write a key twice, so a put of a key that the group has written already begins a new one. A
    nested transaction has a limit of its own and stays alone.
    """
    group = Group()
    for op in ops:
        if not group.has_room(op):
            yield group.ops
            group = Group()
        group.add(op)
    if group.ops:
        yield group.ops


@define
class Group:
    """Operations for one transaction."""

    ops: list[Op[Any]] = field(factory=list[Op[Any]])
    size: int = 0
    puts: set[bytes] = field(factory=set[bytes])
    deletes: list[KeyRange] = field(factory=list[KeyRange])

    def has_room(self, op: Op[Any]) -> bool:
        """Whether etcd would accept a transaction of these and this one."""
        if not self.ops:
            return True
        full = len(self.ops) == LIMIT or self.size + size_of(op) > SIZE
        return not full and "txn" not in (op.kind, self.ops[-1].kind) and not clashes(op, self.puts, self.deletes)

    def add(self, op: Op[Any]) -> None:
        """Append an operation."""
        self.ops.append(op)
        self.size += size_of(op)
        if op.kind == "put":
            self.puts.add(op.fields["key"])
        elif op.kind == "delete":
            self.deletes.append(keys_of(op))


def size_of(op: Op[Any]) -> int:
    """Return the bytes of an operation's keys and value."""
    return sum(len(value) for value in op.fields.values() if isinstance(value, bytes))


def keys_of(op: Op[Any]) -> KeyRange:
    """Return the keys that an operation touches."""
    return op.fields["key"], op.fields.get("range_end", b"")


def clashes(op: Op[Any], puts: set[bytes], deletes: list[KeyRange]) -> bool:
    """Whether etcd would refuse the operation beside those: they share a key, and at least one is a put."""
    if op.kind == "put":
        return op.fields["key"] in puts or any(overlap(keys_of(op), other) for other in deletes)
    return op.kind == "delete" and any(overlap(keys_of(op), (key, b"")) for key in puts)
