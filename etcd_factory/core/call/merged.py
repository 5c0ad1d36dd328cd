"""Calls of one key as one transaction: which calls, its request, and the response to each of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from etcd_factory.errors import InternalError
from etcd_factory.wire import messages, methods
from etcd_factory.wire.methods import Method

if TYPE_CHECKING:
    from etcd_factory.wire.messages import TxnRequest, TxnResponse


@frozen(eq=False)
class Kind:
    """Calls that leave together; ``method`` carries their transaction, and is repeated as the calls themselves are."""

    name: str
    method: Method[TxnRequest, TxnResponse]
    request: str
    response: str

    @property
    def writes(self) -> bool:
        """Whether its calls change something."""
        return self.method.writes


READS = Kind("reads", methods.READ_TXN, "request_range", "response_range")
# A transaction is serializable only if all its reads are.
SERIALIZABLE = Kind("serializable reads", methods.READ_TXN, "request_range", "response_range")
PUTS = Kind("puts", methods.TXN, "request_put", "response_put")
# Apart from puts, which a server without space refuses: deletes must still be possible then.
DELETES = Kind("deletes", methods.TXN, "request_delete_range", "response_delete_range")

WRITES = {methods.PUT: PUTS, methods.DELETE: DELETES}


def read_kind(request: Any) -> Kind | None:
    """Return the kind of a read; None for ranges, and for reads of a past revision, which may be compacted."""
    if request.range_end or request.revision:
        return None
    return SERIALIZABLE if request.serializable else READS


def kind_of(method: Method[Any, Any], request: Any, *, merges_writes: bool) -> Kind | None:
    """Return the kind of a call; None for one that leaves alone."""
    if method is methods.RANGE:
        return read_kind(request)
    kind = WRITES.get(method) if merges_writes else None
    return None if kind is DELETES and request.range_end else kind


def merged(kind: Kind, requests: Iterable[Any]) -> TxnRequest:
    """Return the transaction of these requests."""
    txn: Any = messages.TxnRequest()
    add, name = txn.success.add, kind.request
    for request in requests:
        getattr(add(), name).CopyFrom(request)  # a quarter of the time that passing a RequestOp takes
    return txn  # type: ignore[no-any-return]


def split(kind: Kind, reply: TxnResponse, count: int) -> list[Any]:
    """Return the response to each of ``count`` requests. Raises ``InternalError`` if others came."""
    name = kind.response
    found = [getattr(part, name) for part in reply.responses if part.HasField(name)]
    if len(found) != count or len(reply.responses) != count:
        error = InternalError(f"the server sent {len(reply.responses)} responses to {count} {kind.name}, or others")
        error.maybe_applied = kind.writes
        raise error
    return found
