"""Ranges of keys as etcd's requests write them: a key, and an end that may be missing or open."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from attrs import frozen

OPEN = b"\0"  # as the end of a range: all keys from its start on


@frozen
class Span:
    """The keys from ``start`` up to ``end``, None for all that follow."""

    start: bytes
    end: bytes | None

    def __contains__(self, key: bytes) -> bool:
        return self.start <= key and (self.end is None or key < self.end)

    def select(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Return those of sorted keys that are in it."""
        stop = len(keys) if self.end is None else bisect_left(keys, self.end)
        return keys[bisect_left(keys, self.start) : stop]

    def covered_by(self, spans: Iterable[Span]) -> bool:
        """Whether these together have all of its keys."""
        reached = self.start
        for span in sorted(spans, key=lambda one: one.start):
            if span.start > reached:
                return False
            if span.end is None:
                return True
            reached = max(reached, span.end)
            if self.end is not None and reached >= self.end:
                return True
        return False


def span_of(key: bytes, range_end: bytes) -> Span:
    """Return the range of a request."""
    if not range_end:
        return Span(key, key + b"\0")
    return Span(key, None if range_end == OPEN else range_end)
