"""Choosing keys: what builders of reads and of watches share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import Self

from etcd_factory.core.op import Text, raw
from etcd_factory.model.ranges import ALL, Span, prefixed


def span(start: Text, end: Text) -> Span:
    r"""A range from ``start`` up to but not with ``end``; the end ``"\0"`` is the end of all keys."""
    if not raw(end):
        raise ValueError(r"a range needs an end: its first key not wanted, or '\0' for all from the start on")
    return raw(start), raw(end)


class RangeModifiers:
    """A builder that is about keys; the last of these calls counts."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _within(self, span: Span) -> Self: ...

    def prefix(self, prefix: Text) -> Self:
        """The keys that begin with ``prefix``; with ``""`` all."""
        return self._within(prefixed(raw(prefix, "a prefix")))

    def range(self, start: Text, end: Text) -> Self:
        r"""The keys from ``start`` up to but not with ``end``; with ``"\0"`` as end all from ``start`` on."""
        return self._within(span(start, end))

    def all(self) -> Self:
        """Every key of the namespace."""
        return self._within(ALL)
