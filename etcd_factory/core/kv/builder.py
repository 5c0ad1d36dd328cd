"""What all builders are: a face and the fields of a request."""

from __future__ import annotations

from typing import Any

from attrs import define

from etcd_factory.compat import Self
from etcd_factory.core.bound import Bound
from etcd_factory.core.face import F, Runner
from etcd_factory.core.pending import Pending
from etcd_factory.model.ranges import KeyRange, describe


@define(eq=False)
class Builder(Pending, Bound[F]):
    """What all builders are: a face and the fields of a request."""

    _run: Runner
    _fields: dict[str, Any]

    def _with(self, **fields: Any) -> Self:
        return type(self)(self._run, {**self._fields, **fields})

    def _in_range(self, keys: KeyRange) -> Self:
        return self._with(key=keys[0], range_end=keys[1])

    def __repr__(self) -> str:
        key, end = self._fields.get("key", b""), self._fields.get("range_end", b"")
        shown = describe((key, end)) if end else repr(key.decode(errors="backslashreplace")) if key else ""
        return f"<{' '.join(filter(None, (type(self).__name__, shown)))} of {self._run}>"
