"""Keys, responses and events as frozen values."""

from __future__ import annotations

from typing import Any

from attrs import frozen


def as_text(data: bytes, what: str) -> str:
    """Return ``data`` decoded as UTF-8; ``UnicodeDecodeError`` names the key or value that is not."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        reason = f"{error.reason}: {what} is not UTF-8; read it as bytes"
        raise UnicodeDecodeError("utf-8", data, error.start, error.end, reason) from None


def as_json(data: bytes, what: str) -> Any:
    """Return ``data`` decoded from JSON; ``json.JSONDecodeError`` (a ``ValueError``) names what is not JSON."""
    import json

    try:
        return json.loads(as_text(data, what))
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(f"{what} is not JSON: {error.msg}", error.doc, error.pos) from None


def as_number(data: bytes, what: str) -> int | float:
    """Return decimal text as an int if it reads as one, else as a float; ``ValueError`` if it is no number."""
    for kind in (int, float):
        try:
            if b"_" not in data:  # Python's digit grouping is no number to other languages
                return kind(data.decode())
        except ValueError:
            pass
    raise ValueError(f"{what} is not a number; read it with .string() or .bytes()")


SHOWN = 40  # bytes of a value in an error


def as_integer(data: bytes, what: str) -> int:
    """Return decimal text as an int; ``ValueError`` shows the beginning of what is there if it is none."""
    try:
        if b"_" not in data:
            return int(data.decode())
    except ValueError:
        pass
    rest = "..." if len(data) > SHOWN else ""
    raise ValueError(f"{what} is not an integer: {data[:SHOWN]!r}{rest}")


class KeyValueSlots:
    """The fields of a ``KeyValue``; here they can be set."""

    __slots__ = ("__weakref__", "create_revision", "key", "lease", "mod_revision", "value", "version")


@frozen
class KeyValue(KeyValueSlots):
    """A key with its value and metadata. Revisions are the store's; ``version`` counts puts since its creation."""

    key: bytes
    value: bytes = b""
    create_revision: int = 0
    mod_revision: int = 0
    version: int = 0
    lease: int = 0

    @property
    def key_text(self) -> str:
        """The key as text; raises ``UnicodeDecodeError`` if it is not UTF-8."""
        return as_text(self.key, f"key {self.key!r}")

    @property
    def text(self) -> str:
        """The value as text; raises ``UnicodeDecodeError`` if it is not UTF-8."""
        return as_text(self.value, f"the value of {self.key!r}")

    def json(self) -> Any:
        """Return the value decoded from JSON; raises ``ValueError`` if it is not JSON."""
        return as_json(self.value, f"the value of {self.key!r}")


@frozen
class RangeResponse:
    """The keys read at ``revision``. ``count`` is how many are in the range, ``more`` whether a limit cut it."""

    revision: int
    kvs: tuple[KeyValue, ...] = ()
    count: int = 0
    more: bool = False


@frozen
class PutResponse:
    """A put applied at ``revision``; ``previous`` is what it replaced, if requested."""

    revision: int
    previous: KeyValue | None = None


@frozen
class DeleteResponse:
    """``deleted`` keys were removed at ``revision``; ``previous`` has them, if requested."""

    revision: int
    deleted: int = 0
    previous: tuple[KeyValue, ...] = ()


@frozen
class CasResponse:
    """A conditional write (compare and set): if it ``succeeded``, it was applied at ``revision``.

    If not, nothing was changed, and ``current`` is the key as it was found at ``revision``, None if there was none.
    """

    succeeded: bool
    revision: int
    current: KeyValue | None = None


@frozen
class TxnResponse:
    """``succeeded`` says which branch ran; ``results`` has the results of its operations, in order."""

    succeeded: bool
    revision: int
    results: tuple[Any, ...] = ()


class EventSlots:
    """The fields of an ``Event``; here they can be set."""

    __slots__ = ("__weakref__", "kv", "previous", "resync", "revision", "type")


@frozen
class Event(EventSlots):
    """A change seen by a watch: ``put`` or ``delete`` of ``kv`` at ``revision``.

    ``previous`` is what it replaced, if requested. ``resync`` marks a change found by reading the range again after a
    compaction. An event of type ``progress``, if requested, only says that all before ``revision`` has been seen.
    """

    type: str
    kv: KeyValue
    revision: int
    previous: KeyValue | None = None
    resync: bool = False


@frozen
class LeaseInfo:
    """A lease as the server has it: ``ttl`` seconds left of ``granted``, -1 if there is no such lease.

    ``keys`` are those attached to it, if requested.
    """

    id: int
    ttl: int
    granted: int = 0
    keys: tuple[bytes, ...] = ()


@frozen
class Health:
    """The health of one client's cluster.

    ``leader`` is a member's id (0: none), ``latency`` the seconds of a linearizable read, ``error`` why it is not ok.
    """

    ok: bool
    endpoint: str = ""
    version: str = ""
    leader: int = 0
    latency: float = 0.0
    error: Exception | None = None
    priority: str = "medium"
