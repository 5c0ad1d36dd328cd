"""Transactions: checks before anything is applied, comparisons, nesting (server/etcdserver/api/v3rpc/key.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import eq, gt, lt, ne
from typing import Any, Protocol

from etcd_factory.wire import messages as m

from .ranges import Reader, check_range, read_range
from .refusals import refused
from .spans import Span, span_of
from .store import Writer

MOST = 128  # operations in one list of a transaction
COLUMNS = ("version", "create_revision", "mod_revision", "value", "lease")
VALUE = COLUMNS.index("value")
OPERATORS: tuple[Callable[[Any, Any], bool], ...] = (eq, gt, lt, ne)

Checks = dict[str, Callable[[Any], None]]
Path = tuple[bool, list["Path"]]  # which branch a transaction takes, and those of its inner ones, in order


class Leases(Protocol):
    """Which leases there are, and their keys."""

    def require(self, lease: int) -> None:
        """Raise etcd's refusal of a lease that does not exist."""

    def move(self, key: bytes, old: int, new: int) -> None:
        """Note that a key belongs to another lease; 0 is none."""


# --- what is wrong with a request whatever is stored


def check_put(request: m.PutRequest) -> None:
    """Raise etcd's refusal of an invalid put."""
    if not request.key:
        raise refused("empty key")
    if request.ignore_value and request.value:
        raise refused("value given")
    if request.ignore_lease and request.lease:
        raise refused("lease given")


def check_delete(request: m.DeleteRangeRequest) -> None:
    """Raise etcd's refusal of an invalid deletion."""
    if not request.key:
        raise refused("empty key")


CHECKS: Checks = {"request_range": check_range, "request_put": check_put, "request_delete_range": check_delete}


def check_txn(request: m.TxnRequest, most: int = MOST) -> None:
    """Raise etcd's refusal of an invalid transaction; inner ones share the number of operations of the outer one."""
    count = max(len(request.compare), len(request.success), len(request.failure))
    if count > most:
        raise refused("too many operations")
    if not all(one.key for one in request.compare):
        raise refused("empty key")
    for operation in (*request.success, *request.failure):
        kind, inner = part_of(operation)
        if kind == "request_txn":
            check_txn(inner, most - count)
        else:
            CHECKS[kind](inner)


def part_of(operation: m.RequestOp) -> tuple[str, Any]:
    """Return the kind of an operation, and its request."""
    kind = operation.WhichOneof("request")
    if kind is None:
        raise refused("key not found")  # as etcd says it
    return kind, getattr(operation, kind)


def requests(operations: Iterable[m.RequestOp], wanted: str) -> Iterator[Any]:
    """Yield the requests of one kind."""
    return (inner for kind, inner in map(part_of, operations) if kind == wanted)


def check_overlaps(operations: Sequence[m.RequestOp]) -> tuple[set[bytes], list[Span]]:
    """Raise etcd's refusal of a key that is written twice; returns the keys put and the ranges deleted."""
    deleted = [deleted_span(one) for one in requests(operations, "request_delete_range")]
    written: set[bytes] = set()
    for inner in requests(operations, "request_txn"):
        (then, then_deleted), (other, other_deleted) = map(check_overlaps, (inner.success, inner.failure))
        check_written(then, written, deleted)
        check_written(other, written, deleted)  # not with the other branch: only one is taken
        written |= then | other
        deleted += then_deleted + other_deleted
    for put in requests(operations, "request_put"):
        check_written({put.key}, written, deleted)
        written.add(put.key)
    return written, deleted


def deleted_span(request: m.DeleteRangeRequest) -> Span:
    """Return the range that a deletion is checked for: etcd takes an open end for the key that it looks like."""
    return Span(request.key, request.range_end or request.key + b"\0")


def check_written(keys: set[bytes], written: set[bytes], deleted: Sequence[Span]) -> None:
    """Raise etcd's refusal of keys that are already written."""
    if keys & written or any(key in span for key in keys for span in deleted):
        raise refused("duplicate key")


# --- comparing


def holds(reader: Reader, compare: m.Compare) -> bool:
    """Whether a comparison holds, for all keys of its range; of a missing key all is 0, and it has no value."""
    found = reader.read(span_of(compare.key, compare.range_end))
    if not found:
        return compare.target != VALUE and compares(compare, m.KeyValue())
    return all(compares(compare, kv) for kv in found)


def compares(compare: m.Compare, kv: m.KeyValue) -> bool:
    """Whether a comparison holds for one key."""
    column = COLUMNS[compare.target]
    return OPERATORS[compare.result](getattr(kv, column), getattr(compare, column))


def path_of(reader: Reader, request: m.TxnRequest) -> Path:
    """Return the branches that are taken: all comparisons, inner ones too, are made before anything is applied."""
    succeeded = all(holds(reader, one) for one in request.compare)
    inner = requests(request.success if succeeded else request.failure, "request_txn")
    return succeeded, [path_of(reader, one) for one in inner]


# --- applying


class Applier:
    """Applies the operations of one transaction."""

    def __init__(self, writer: Writer, leases: Leases) -> None:
        self._writer, self._leases = writer, leases

    def run(self, request: m.TxnRequest) -> m.TxnResponse:
        """Return the response to a transaction; one that is refused has changed nothing."""
        path = path_of(self._writer, request)
        self._check(request, path)
        reply = self._apply(request, path)
        reply.header.revision = self._writer.revision  # inner ones have none
        return reply

    def _check(self, request: m.TxnRequest, path: Path) -> None:
        """Raise etcd's refusal of what depends on the store."""
        succeeded, inner = path
        paths = iter(inner)
        for kind, one in map(part_of, request.success if succeeded else request.failure):
            if kind == "request_put":
                self.check_put(one)
            elif kind == "request_range":
                self._writer.store.check(one.revision)
            elif kind == "request_txn":
                self._check(one, next(paths))

    def _apply(self, request: m.TxnRequest, path: Path) -> m.TxnResponse:
        succeeded, inner = path
        reply, paths = m.TxnResponse(succeeded=succeeded), iter(inner)
        for kind, one in map(part_of, request.success if succeeded else request.failure):
            result = self._apply(one, next(paths)) if kind == "request_txn" else APPLY[kind](self, one)
            fields: dict[str, Any] = {kind.replace("request", "response"): result}
            reply.responses.append(m.ResponseOp(**fields))
        return reply

    def check_put(self, request: m.PutRequest) -> None:
        """Raise etcd's refusal of a put that depends on the store."""
        needs_key = request.ignore_value or request.ignore_lease
        if needs_key and self._writer.store.get(request.key) is None:
            raise refused("key not found")
        if request.lease:
            self._leases.require(request.lease)

    def range(self, request: m.RangeRequest) -> m.RangeResponse:
        """Return the response to a read."""
        return read_range(self._writer, request)

    def put(self, request: m.PutRequest) -> m.PutResponse:
        """Return the response to a put."""
        old = self._writer.store.get(request.key)
        value = old.value if old and request.ignore_value else request.value
        lease = old.lease if old and request.ignore_lease else request.lease
        self._writer.put(request.key, value, lease)
        self._leases.move(request.key, old.lease if old else 0, lease)
        return m.PutResponse(header={"revision": self._writer.revision}, prev_kv=old if request.prev_kv else None)

    def delete(self, request: m.DeleteRangeRequest) -> m.DeleteRangeResponse:
        """Return the response to a deletion."""
        gone = self._writer.delete(span_of(request.key, request.range_end))
        for kv in gone:
            self._leases.move(kv.key, kv.lease, 0)
        header = {"revision": self._writer.revision}
        return m.DeleteRangeResponse(header=header, deleted=len(gone), prev_kvs=gone if request.prev_kv else ())


APPLY: dict[str, Callable[[Applier, Any], Any]] = {
    "request_range": Applier.range,
    "request_put": Applier.put,
    "request_delete_range": Applier.delete,
}
