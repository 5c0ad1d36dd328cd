"""From operations to etcd's messages, the client's namespace put before every key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from etcd_factory.model.ranges import within

from . import messages, methods

CALLS = {"get": methods.RANGE, "put": methods.PUT, "delete": methods.DELETE, "txn": methods.TXN, "reads": methods.READ}
UNIONS = {"get": "request_range", "put": "request_put", "delete": "request_delete_range", "txn": "request_txn"}

Fields = Mapping[str, Any]


def ranged(fields: Fields, namespace: bytes) -> Fields:
    """The fields with their range below the namespace."""
    if not namespace and fields["key"]:
        return fields
    key, end = within(namespace, fields["key"], fields.get("range_end", b""))
    return {**fields, "key": key, "range_end": end}


def get(fields: Fields, namespace: bytes) -> Any:
    """A RangeRequest."""
    return messages.RangeRequest(**ranged(fields, namespace))


def put(fields: Fields, namespace: bytes) -> Any:
    """A PutRequest."""
    if namespace:
        return messages.PutRequest(**{**fields, "key": namespace + fields["key"]})
    return messages.PutRequest(**fields)


def delete(fields: Fields, namespace: bytes) -> Any:
    """A DeleteRangeRequest."""
    return messages.DeleteRangeRequest(**ranged(fields, namespace))


def txn(fields: Fields, namespace: bytes) -> Any:
    """A TxnRequest."""
    return messages.TxnRequest(
        compare=[messages.Compare(**ranged(c, namespace)) for c in fields["compare"]],
        success=[request_op(op, namespace) for op in fields["success"]],
        failure=[request_op(op, namespace) for op in fields["failure"]],
    )


BUILD: dict[str, Callable[[Fields, bytes], Any]] = {"get": get, "put": put, "delete": delete, "txn": txn, "reads": txn}


def request_op(op: Any, namespace: bytes) -> Any:
    """An operation as a part of a transaction."""
    return messages.RequestOp(**{UNIONS[op.kind]: BUILD[op.kind](op.fields, namespace)})
