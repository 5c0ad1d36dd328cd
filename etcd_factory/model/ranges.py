"""Ranges of keys as etcd has them: a start, and an end that is not part of the range.

An empty end means the single key ``start``; the end ``\\0`` means all keys from ``start`` on (etcd's rpc.proto).
"""

from __future__ import annotations

KeyRange = tuple[bytes, bytes]

OPEN = b"\0"  # the end of a range that has no end
ALL: KeyRange = (b"", OPEN)


def prefix_end(prefix: bytes) -> bytes:
    """Return the first key after all with ``prefix``: its last byte below 0xff plus one, the rest cut off."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else OPEN


def prefix_range(prefix: bytes) -> KeyRange:
    """Return the range of all keys that start with ``prefix``."""
    return prefix, prefix_end(prefix)


def in_namespace(namespace: bytes, key: bytes, end: bytes) -> KeyRange:
    """Return a range moved into a namespace. Its start is never empty: etcd takes that for a missing key."""
    start = namespace + key or (OPEN if end else b"")
    if not end or not namespace:
        return start, end
    return start, prefix_end(namespace) if end == OPEN else namespace + end


def overlap(one: KeyRange, other: KeyRange) -> bool:
    """Return whether two ranges have a key in common."""
    (a, a_end), (b, b_end) = explicit(one), explicit(other)
    return (a_end == OPEN or b < a_end) and (b_end == OPEN or a < b_end)


def within(one: KeyRange, other: KeyRange) -> bool:
    """Return whether all keys of a range are in another one; both are explicit."""
    (a, a_end), (b, b_end) = one, other
    return a >= b and (b_end == OPEN or (a_end != OPEN and a_end <= b_end))


def explicit(span: KeyRange) -> KeyRange:
    """Return the range with the end of a single key spelled out."""
    start, end = span
    return (start, end) if end else (start, start + b"\0")


def prefix_of(span: KeyRange) -> bytes | None:
    """Return what exactly the keys of the range start with, None if it is not the range of a prefix."""
    start, end = span
    if end == OPEN and start in (b"", OPEN):
        return b""
    return start if end == prefix_end(start) else None


def describe(span: KeyRange) -> str:
    """Return a range as messages show it: ``key b'a'``, ``prefix b'p'``, ``range b'a' to b'b'``."""
    start, end = span
    if not end:
        return f"key {start!r}"
    prefix = prefix_of(span)
    if prefix is not None:
        return f"prefix {prefix!r}"
    return f"range {start!r} to {'the end' if end == OPEN else repr(end)}"
