"""How a range of keys is written on the wire: a start, and an end that it stops before.

An empty end means the one key ``start``; the end ``\\0`` means all keys from ``start`` on (etcd's rpc.proto).
"""

from __future__ import annotations

Span = tuple[bytes, bytes]

OPEN = b"\0"
ALL: Span = (b"", OPEN)


def prefix_end(prefix: bytes) -> bytes:
    """The first key after all that begin with ``prefix``: its last byte below 0xff raised, the rest cut."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else OPEN


def prefixed(prefix: bytes) -> Span:
    """All keys that begin with ``prefix``."""
    return prefix, prefix_end(prefix)


def within(namespace: bytes, key: bytes, end: bytes) -> Span:
    """A range moved below a namespace. A range has no empty start: etcd takes that for a missing key."""
    start = namespace + key or (OPEN if end else b"")
    if not end or not namespace:
        return start, end
    return start, prefix_end(namespace) if end == OPEN else namespace + end


def overlap(one: Span, other: Span) -> bool:
    """Whether two ranges share a key."""
    (a, a_end), (b, b_end) = bounds(one), bounds(other)
    return (a_end == OPEN or b < a_end) and (b_end == OPEN or a < b_end)


def bounds(span: Span) -> Span:
    """The range with a single key's end spelled out."""
    start, end = span
    return (start, end) if end else (start, start + b"\0")
