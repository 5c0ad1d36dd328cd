"""Reading the value of one key: the same methods on a service, in a software transaction and on a mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etcd_factory.core.bound import Bound, terminal
from etcd_factory.core.face import F
from etcd_factory.core.op import Op
from etcd_factory.core.pending import Pending
from etcd_factory.model import KeyValue
from etcd_factory.wire import replies
from etcd_factory.wire.values import key_value

Data = bytes  # inside the class the name is a method's

TEXT = replies.first(replies.text)
DATA = replies.first(replies.data)
JSON = replies.first(replies.json)
NUMBER = replies.first(replies.number)
KV = replies.first(key_value)


class ValueReader(Pending, Bound[F]):
    """A read of one key. Its terminals except ``exists`` return None if there is no such key."""

    __slots__ = ()

    if TYPE_CHECKING:
        _fields: dict[str, Any]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._fields['key'].decode(errors='backslashreplace')!r} of {self._run}>"

    @terminal
    def string(self) -> Op[str | None]:
        """Return the value as text. Raises ``UnicodeDecodeError`` if it is not UTF-8."""
        return Op("get", self._fields, TEXT)

    @terminal
    def bytes(self) -> Op[Data | None]:
        """Return the value as bytes."""
        return Op("get", self._fields, DATA)

    @terminal
    def json(self) -> Op[Any]:
        """Return the value decoded from JSON. Raises ``ValueError`` if it is not JSON."""
        return Op("get", self._fields, JSON)

    @terminal
    def number(self) -> Op[int | float | None]:
        """Return the value as an int if it reads as one, else as a float. Raises ``ValueError`` if it is no number."""
        return Op("get", self._fields, NUMBER)

    @terminal
    def exists(self) -> Op[bool]:
        """Return whether the key exists; its value is not fetched."""
        return Op("get", {**self._fields, "count_only": True}, replies.exists)

    @terminal
    def kv(self) -> Op[KeyValue | None]:
        """Return the key with its value, revisions, version and lease."""
        return Op("get", self._fields, KV)
