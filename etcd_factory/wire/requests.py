"""From operations to etcd's messages, with the client's namespace put before every key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from etcd_factory.model.ranges import in_namespace

from . import messages, methods

if TYPE_CHECKING:
    from . import messages as m

Fields = Mapping[str, Any]


class Operation(Protocol):
    """What a request is built from."""

    @property
    def kind(self) -> str:
        """Which request: a key of ``BUILD``."""
        ...

    @property
    def fields(self) -> Fields:
        """Its fields, without the namespace."""
        ...


CALLS: dict[str, methods.Method[Any, Any]] = {
    "get": methods.RANGE,
    "put": methods.PUT,
    "delete": methods.DELETE,
    "txn": methods.TXN,
    "reads": methods.READ_TXN,
}
UNIONS = {"get": "request_range", "put": "request_put", "delete": "request_delete_range", "txn": "request_txn"}


def ranged(fields: Fields, namespace: bytes) -> Fields:
    """Return the fields with their range moved into the namespace."""
    if not namespace and fields["key"]:
        return fields
    key, end = in_namespace(namespace, fields["key"], fields.get("range_end", b""))
    return {**fields, "key": key, "range_end": end}


def get(fields: Fields, namespace: bytes) -> m.RangeRequest:
    """Return a RangeRequest."""
    return messages.RangeRequest(**ranged(fields, namespace))


def put(fields: Fields, namespace: bytes) -> m.PutRequest:
    """Return a PutRequest."""
    if namespace:
        return messages.PutRequest(**{**fields, "key": namespace + fields["key"]})
    return messages.PutRequest(**fields)


def delete(fields: Fields, namespace: bytes) -> m.DeleteRangeRequest:
    """Return a DeleteRangeRequest."""
    return messages.DeleteRangeRequest(**ranged(fields, namespace))


def txn(fields: Fields, namespace: bytes) -> m.TxnRequest:
    """Return a TxnRequest."""
    return messages.TxnRequest(
        compare=[messages.Compare(**ranged(compare, namespace)) for compare in fields["compare"]],
        success=[request_op(op, namespace) for op in fields["success"]],
        failure=[request_op(op, namespace) for op in fields["failure"]],
    )


BUILD: dict[str, Callable[[Fields, bytes], m.Message]] = {
    "get": get,
    "put": put,
    "delete": delete,
    "txn": txn,
    "reads": txn,
}


def request_op(op: Operation, namespace: bytes) -> m.RequestOp:
    """Return an operation as part of a transaction."""
    part: Fields = {UNIONS[op.kind]: BUILD[op.kind](op.fields, namespace)}
    return messages.RequestOp(**part)
