"""From etcd's messages to values, the client's namespace of ``skip`` bytes taken off every key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from etcd_factory.model import DeleteResponse, Event, KeyValue, PutResponse, RangeResponse, TxnResponse
from etcd_factory.model.values import as_json, as_number, as_text

T = TypeVar("T")

UNIONS = {"get": "response_range", "put": "response_put", "delete": "response_delete_range", "txn": "response_txn"}


def key_value(kv: Any, skip: int) -> KeyValue:
    """One key with what etcd knows of it."""
    return KeyValue(kv.key[skip:], kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)


def key_values(kvs: Iterable[Any], skip: int) -> tuple[KeyValue, ...]:
    """Several of them."""
    return tuple([key_value(kv, skip) for kv in kvs])


def got(reply: Any, skip: int) -> RangeResponse:
    """A RangeResponse."""
    return RangeResponse(reply.header.revision, key_values(reply.kvs, skip), reply.count, reply.more)


def was_put(reply: Any, skip: int) -> PutResponse:
    """A PutResponse."""
    previous = key_value(reply.prev_kv, skip) if reply.HasField("prev_kv") else None
    return PutResponse(reply.header.revision, previous)


def deleted(reply: Any, skip: int) -> DeleteResponse:
    """A DeleteRangeResponse."""
    return DeleteResponse(reply.header.revision, reply.deleted, key_values(reply.prev_kvs, skip))


def committed(success: Sequence[Any], failure: Sequence[Any]) -> Callable[[Any, int], TxnResponse]:
    """A reader of a TxnResponse: each answer is read as its operation says."""

    def read(reply: Any, skip: int) -> TxnResponse:
        branch = success if reply.succeeded else failure
        answers = [getattr(part, UNIONS[op.kind]) for op, part in zip(branch, reply.responses, strict=True)]
        for answer in answers:
            # etcd leaves the header of a transaction inside a transaction empty; its revision is the outer one's
            answer.header.revision = answer.header.revision or reply.header.revision
        results = [op.read(answer, skip) for op, answer in zip(branch, answers, strict=True)]
        return TxnResponse(reply.succeeded, reply.header.revision, tuple(results))

    return read


def event(found: Any, skip: int) -> Event:
    """A change, from a watch's answer."""
    kv = key_value(found.kv, skip)
    previous = key_value(found.prev_kv, skip) if found.HasField("prev_kv") else None
    return Event("delete" if found.type else "put", kv, kv.mod_revision, previous)


def count(reply: Any, skip: int) -> int:
    """How many keys lie in the range."""
    del skip
    return int(reply.count)


def exists(reply: Any, skip: int) -> bool:
    """Whether there is such a key."""
    return count(reply, skip) > 0


def first(read: Callable[[Any, int], T]) -> Callable[[Any, int], T | None]:
    """A reader of the one key that was asked for, None if there is none."""

    def read_first(reply: Any, skip: int) -> T | None:
        kvs = reply.kvs
        return read(kvs[0], skip) if kvs else None

    return read_first


def text(kv: Any, skip: int) -> str:
    """A value as text."""
    data: bytes = kv.value
    try:
        return data.decode()
    except UnicodeDecodeError:
        return as_text(data, value_of(kv, skip))


def data(kv: Any, skip: int) -> bytes:
    """A value as it is."""
    del skip
    value: bytes = kv.value
    return value


def json(kv: Any, skip: int) -> Any:
    """A value read as JSON."""
    return as_json(kv.value, value_of(kv, skip))


def number(kv: Any, skip: int) -> int | float:
    """A value read as a number."""
    return as_number(kv.value, value_of(kv, skip))


def value_of(kv: Any, skip: int) -> str:
    """What a value is called in messages."""
    return f"the value of {kv.key[skip:]!r}"


def keys(reply: Any, skip: int) -> list[str]:
    """The keys as text, in the server's order."""
    return [key_text(kv, skip) for kv in reply.kvs]


def key_bytes(reply: Any, skip: int) -> list[bytes]:
    """The keys, in the server's order."""
    return [kv.key[skip:] for kv in reply.kvs]


def key_text(kv: Any, skip: int) -> str:
    """A key as text."""
    key: bytes = kv.key[skip:]
    try:
        return key.decode()
    except UnicodeDecodeError:
        return as_text(key, f"key {key!r}")


def texts(reply: Any, skip: int) -> dict[str, str]:
    """A range as a dict of text."""
    try:
        return {kv.key[skip:].decode(): kv.value.decode() for kv in reply.kvs}
    except UnicodeDecodeError:
        return by_text(text)(reply, skip)  # says which key it was


def by_text(read: Callable[[Any, int], T]) -> Callable[[Any, int], dict[str, T]]:
    """A reader of a range as a dict from keys as text."""
    return lambda reply, skip: {key_text(kv, skip): read(kv, skip) for kv in reply.kvs}


def by_key(reply: Any, skip: int) -> dict[bytes, bytes]:
    """A range as a dict of bytes."""
    return {kv.key[skip:]: kv.value for kv in reply.kvs}


def kvs(reply: Any, skip: int) -> list[KeyValue]:
    """A range as a list."""
    return [key_value(kv, skip) for kv in reply.kvs]
