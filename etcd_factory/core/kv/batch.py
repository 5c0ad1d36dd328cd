"""Cutting a list of operations into transactions that etcd takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from etcd_factory.core.op import Op
from etcd_factory.model.ranges import Span, overlap

LIMIT = 128  # operations in one transaction: etcd's --max-txn-ops


def groups(ops: Iterable[Op[Any]]) -> Iterator[list[Op[Any]]]:
    """The operations in order, each group as long as one transaction can be.

    A transaction writes no key twice, so a put that an earlier write of the group touches begins a new one. A nested
    transaction has a limit of its own and stands alone.
    """
    group: list[Op[Any]] = []
    puts: set[bytes] = set()
    deletes: list[Span] = []
    for op in ops:
        if group and (len(group) == LIMIT or "txn" in (op.kind, group[-1].kind) or clashes(op, puts, deletes)):
            yield group
            group, puts, deletes = [], set(), []
        group.append(op)
        if op.kind == "put":
            puts.add(op.fields["key"])
        elif op.kind == "delete":
            deletes.append(span(op))
    if group:
        yield group


def span(op: Op[Any]) -> Span:
    """The keys that an operation touches."""
    return op.fields["key"], op.fields.get("range_end", b"")


def clashes(op: Op[Any], puts: set[bytes], deletes: list[Span]) -> bool:
    """Whether etcd would refuse the operation beside those: one of both is a put, and they share a key."""
    if op.kind == "put":
        return op.fields["key"] in puts or any(overlap(span(op), other) for other in deletes)
    return op.kind == "delete" and any(overlap(span(op), (key, b"")) for key in puts)
