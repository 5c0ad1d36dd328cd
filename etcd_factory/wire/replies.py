"""From etcd's messages to values, with the client's namespace of ``skip`` bytes cut off every key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from etcd_factory.errors import InternalError
from etcd_factory.model import (
    CasResponse,
    DeleteResponse,
    KeyValue,
    PutResponse,
    RangeResponse,
    TxnResponse,
)
from etcd_factory.model.values import as_json, as_number, as_text

from . import messages
from .values import key_value, key_values

if TYPE_CHECKING:
    from . import messages as m

T = TypeVar("T")

UNIONS = {"get": "response_range", "put": "response_put", "delete": "response_delete_range", "txn": "response_txn"}
CREATED, EXISTED = [UNIONS["put"], UNIONS["get"]], [UNIONS["get"], UNIONS["get"]]


class Stored(Protocol):
    """A key and its value: etcd's message, or our own KeyValue."""

    @property
    def key(self) -> bytes:
        """The key."""
        ...

    @property
    def value(self) -> bytes:
        """The value."""
        ...


class Found(Protocol):
    """The response to a read: etcd's message, or pages put together."""

    @property
    def kvs(self) -> Sequence[m.KeyValue]:
        """The keys found."""
        ...

    @property
    def count(self) -> int:
        """How many keys are in the range."""
        ...


class Part(Protocol):
    """An operation of a transaction."""

    @property
    def kind(self) -> str:
        """Which response is its own."""
        ...

    @property
    def read(self) -> Callable[[Any, int], Any]:
        """Turns that response into a result."""
        ...


def range_response(reply: m.RangeResponse, skip: int) -> RangeResponse:
    """Return a RangeResponse."""
    return RangeResponse(reply.header.revision, tuple(key_values(reply.kvs, skip)), reply.count, reply.more)


def put_response(reply: m.PutResponse, skip: int) -> PutResponse:
    """Return a PutResponse."""
    previous = key_value(reply.prev_kv, skip) if reply.HasField("prev_kv") else None
    return PutResponse(reply.header.revision, previous)


def delete_response(reply: m.DeleteRangeResponse, skip: int) -> DeleteResponse:
    """Return a DeleteResponse."""
    return DeleteResponse(reply.header.revision, reply.deleted, tuple(key_values(reply.prev_kvs, skip)))


def txn_response(success: Sequence[Part], failure: Sequence[Part]) -> Callable[[m.TxnResponse, int], TxnResponse]:
    """Return a reader of a TxnResponse, which reads each part as its operation says."""

    def read(reply: m.TxnResponse, skip: int) -> TxnResponse:
        branch = success if reply.succeeded else failure
        answers = parts(branch, reply)
        for answer in answers:
            # etcd leaves the header of a transaction inside a transaction empty; its revision is the outer one's
            answer.header.revision = answer.header.revision or reply.header.revision
        results = [op.read(answer, skip) for op, answer in zip(branch, answers, strict=True)]
        return TxnResponse(reply.succeeded, reply.header.revision, tuple(results))

    return read


def cas_response(write: Part, found: Part) -> Callable[[m.TxnResponse, int], CasResponse]:
    """Return a reader of the TxnResponse to a conditional write, which otherwise reads what is ``found``."""
    read_txn = txn_response((write,), (found,))

    def read(reply: m.TxnResponse, skip: int) -> CasResponse:
        done = read_txn(reply, skip)
        return CasResponse(done.succeeded, done.revision, None if done.succeeded else done.results[0])

    return read


def parts(branch: Sequence[Part], reply: m.TxnResponse) -> list[Any]:
    """Return the response to each operation of a branch. Raises ``InternalError`` if others came."""
    return responses([UNIONS[op.kind] for op in branch], reply)


def responses(wanted: list[str], reply: m.TxnResponse) -> list[Any]:
    """Return the responses of these kinds. Raises ``InternalError`` if others came."""
    found = [*reply.responses]
    if len(found) == len(wanted) and all(map(messages.ResponseOp.HasField, found, wanted)):
        return [*map(getattr, found, wanted)]
    error = InternalError(f"the server sent {len(found)} responses to {len(wanted)} operations, or of other kinds")
    error.maybe_applied = any(kind != UNIONS["get"] for kind in wanted)
    raise error


class Entered(NamedTuple):
    """What came of entering a queue: the create revision of the entry, and its value if it existed before.

    ``first`` is the first entry of the queue, its key and its create revision.
    """

    revision: int
    value: bytes | None
    first: tuple[bytes, int] | None


def entered(reply: m.TxnResponse, skip: int) -> Entered:
    """Read the response to ``requests.enter``."""
    own, queue = responses(CREATED if reply.succeeded else EXISTED, reply)
    kv = next(iter(queue.kvs), None)
    first = None if kv is None else (kv.key[skip:], kv.create_revision)
    if reply.succeeded:
        return Entered(reply.header.revision, None, first)
    return Entered(own.kvs[0].create_revision, own.kvs[0].value, first)


def count(reply: Found, skip: int) -> int:
    """Return how many keys are in the range."""
    del skip
    return reply.count


def exists(reply: Found, skip: int) -> bool:
    """Return whether there is such a key."""
    return count(reply, skip) > 0


def first(read: Callable[[Any, int], T]) -> Callable[[Found, int], T | None]:
    """Return a reader of a single key, whose result is None if there is no such key."""

    def read_first(reply: Found, skip: int) -> T | None:
        kvs = reply.kvs
        return read(kvs[0], skip) if kvs else None

    return read_first


def text(kv: Stored, skip: int) -> str:
    """Return a value as text."""
    data = kv.value
    try:
        return data.decode()
    except UnicodeDecodeError:
        return as_text(data, value_of(kv, skip))


def data(kv: Stored, skip: int) -> bytes:
    """Return a value as bytes."""
    del skip
    return kv.value


def json(kv: Stored, skip: int) -> Any:
    """Return a value decoded from JSON."""
    return as_json(kv.value, value_of(kv, skip))


def number(kv: Stored, skip: int) -> int | float:
    """Return a value read as a number."""
    return as_number(kv.value, value_of(kv, skip))


def value_of(kv: Stored, skip: int) -> str:
    """Return what errors call a value."""
    return f"the value of {kv.key[skip:]!r}"


def keys(reply: Found, skip: int) -> list[str]:
    """Return the keys as text, in the server's order."""
    return [key_text(kv, skip) for kv in reply.kvs]


def key_bytes(reply: Found, skip: int) -> list[bytes]:
    """Return the keys, in the server's order."""
    return [kv.key[skip:] for kv in reply.kvs]


def key_text(kv: Stored, skip: int) -> str:
    """Return a key as text."""
    key = kv.key[skip:]
    try:
        return key.decode()
    except UnicodeDecodeError:
        return as_text(key, f"key {key!r}")


def texts(reply: Found, skip: int) -> dict[str, str]:
    """Return a range as a dict of text."""
    try:
        if not skip:
            return {kv.key.decode(): kv.value.decode() for kv in reply.kvs}
        return {kv.key[skip:].decode(): kv.value.decode() for kv in reply.kvs}
    except UnicodeDecodeError:
        return by_text(text)(reply, skip)  # says which key it was


def by_text(read: Callable[[Any, int], T]) -> Callable[[Found, int], dict[str, T]]:
    """Return a reader of a range as a dict with keys as text."""
    return lambda reply, skip: {key_text(kv, skip): read(kv, skip) for kv in reply.kvs}


def by_key(reply: Found, skip: int) -> dict[bytes, bytes]:
    """Return a range as a dict of bytes."""
    if not skip:
        return {kv.key: kv.value for kv in reply.kvs}
    return {kv.key[skip:]: kv.value for kv in reply.kvs}


def kvs(reply: Found, skip: int) -> list[KeyValue]:
    """Return a range as a list."""
    return key_values(reply.kvs, skip)
