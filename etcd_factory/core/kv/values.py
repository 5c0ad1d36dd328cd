"""How the value of one key is read: the same for a service, inside a software transaction, and from a mirror."""

from __future__ import annotations

from typing import Any

from etcd_factory.core.face import Bound, F, terminal
from etcd_factory.core.op import Op
from etcd_factory.model import KeyValue
from etcd_factory.wire import replies

Data = bytes  # inside the class the name is a method's

TEXT = replies.first(replies.text)
DATA = replies.first(replies.data)
JSON = replies.first(replies.json)
NUMBER = replies.first(replies.number)
KV = replies.first(replies.key_value)


class ValueReader(Bound[F]):
    """A read of one key. Its terminals but ``exists`` give None if there is no such key."""

    __slots__ = ()

    _fields: Any  # a mapping; each heir says of which kind

    @terminal
    def string(self) -> Op[str | None]:
        """The value as text; ``UnicodeDecodeError`` if it is not UTF-8."""
        return Op("get", self._fields, TEXT)

    @terminal
    def bytes(self) -> Op[Data | None]:
        """The value as it is."""
        return Op("get", self._fields, DATA)

    @terminal
    def json(self) -> Op[Any]:
        """The value read as JSON; ``ValueError`` if it is none."""
        return Op("get", self._fields, JSON)

    @terminal
    def number(self) -> Op[int | float | None]:
        """The value as an int if it reads as one, else as a float; ``ValueError`` if it is no number."""
        return Op("get", self._fields, NUMBER)

    @terminal
    def exists(self) -> Op[bool]:
        """Whether there is such a key; its value is not fetched."""
        return Op("get", {**self._fields, "count_only": True}, replies.exists)

    @terminal
    def kv(self) -> Op[KeyValue | None]:
        """The key with its value, revisions, version and lease."""
        return Op("get", self._fields, KV)
