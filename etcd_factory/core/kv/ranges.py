"""Choosing keys: what builders of reads and of watches share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, to_bytes
from etcd_factory.model.ranges import ALL, KeyRange, prefix_range


def key_range(start: Text, end: Text) -> KeyRange:
    r"""Return the range from ``start`` to before ``end``; ``"\0"`` as end means the end of all keys."""
    if not to_bytes(end):
        raise ValueError(r"a range needs an end: the first key after it, or '\0' for all keys from the start on")
    return to_bytes(start), to_bytes(end)


class RangeModifiers:
    """A builder that is about keys; the last of these calls counts."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _in_range(self, keys: KeyRange) -> Self: ...

    def prefix(self, prefix: Text) -> Self:
        """Choose the keys that start with ``prefix``; ``""`` means all."""
        return self._in_range(prefix_range(to_bytes(prefix, "a prefix")))

    def range(self, start: Text, end: Text) -> Self:
        r"""Choose the keys from ``start`` to before ``end``; ``"\0"`` as end means all from ``start`` on."""
        return self._in_range(key_range(start, end))

    def all(self) -> Self:
        """Choose every key of the namespace."""
        return self._in_range(ALL)
