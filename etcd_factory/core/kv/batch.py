"""Cutting a list of operations into transactions that etcd accepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from etcd_factory.core.op import Op
from etcd_factory.model.ranges import KeyRange, overlap

LIMIT = 128  # operations in one transaction: etcd's --max-txn-ops


def groups(ops: Iterable[Op[Any]]) -> Iterator[list[Op[Any]]]:
    """Yield the operations in order, each group as long as one transaction can be.

    A transaction cannot write a key twice, so a put of a key that the group has written already begins a new one. A
    nested transaction has a limit of its own and stays alone.
    """
    group: list[Op[Any]] = []
    puts: set[bytes] = set()
    deletes: list[KeyRange] = []
    for op in ops:
        if group and (len(group) == LIMIT or "txn" in (op.kind, group[-1].kind) or clashes(op, puts, deletes)):
            yield group
            group, puts, deletes = [], set(), []
        group.append(op)
        if op.kind == "put":
            puts.add(op.fields["key"])
        elif op.kind == "delete":
            deletes.append(keys_of(op))
    if group:
        yield group


def keys_of(op: Op[Any]) -> KeyRange:
    """Return the keys that an operation touches."""
    return op.fields["key"], op.fields.get("range_end", b"")


def clashes(op: Op[Any], puts: set[bytes], deletes: list[KeyRange]) -> bool:
    """Whether etcd would refuse the operation beside those: they share a key, and at least one is a put."""
    if op.kind == "put":
        return op.fields["key"] in puts or any(overlap(keys_of(op), other) for other in deletes)
    return op.kind == "delete" and any(overlap(keys_of(op), (key, b"")) for key in puts)
