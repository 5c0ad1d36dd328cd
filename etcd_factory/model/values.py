"""What etcd holds and answers, as frozen values."""

from __future__ import annotations

from typing import Any

from attrs import frozen


def as_text(data: bytes, what: str) -> str:
    """``data`` read as UTF-8; where it is not, ``UnicodeDecodeError`` says which key or value can't be read."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        reason = f"{error.reason}: {what} is not UTF-8; read it as bytes"
        raise UnicodeDecodeError("utf-8", data, error.start, error.end, reason) from None


def as_json(data: bytes, what: str) -> Any:
    """``data`` read as JSON; where it is not, ``json.JSONDecodeError`` (a ``ValueError``) says which value."""
    import json

    try:
        return json.loads(as_text(data, what))
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(f"{what} is not JSON: {error.msg}", error.doc, error.pos) from None


def as_number(data: bytes, what: str) -> int | float:
    """``data`` read as decimal text: an int if it reads as one, else a float, else ``ValueError``."""
    for kind in (int, float):
        try:
            if b"_" not in data:  # Python's own digit grouping is no number to others
                return kind(data.decode())
        except ValueError:
            pass
    raise ValueError(f"{what} is not a number; read it with .string() or .bytes()")


@frozen
class KeyValue:
    """A key and what etcd knows of it. Revisions are the store's; ``version`` counts puts since its creation."""

    key: bytes
    value: bytes = b""
    create_revision: int = 0
    mod_revision: int = 0
    version: int = 0
    lease: int = 0

    @property
    def key_text(self) -> str:
        """The key as text; ``UnicodeDecodeError`` if it is not UTF-8."""
        return as_text(self.key, f"key {self.key!r}")

    @property
    def text(self) -> str:
        """The value as text; ``UnicodeDecodeError`` if it is not UTF-8."""
        return as_text(self.value, f"the value of {self.key!r}")

    def json(self) -> Any:
        """The value read as JSON; ``ValueError`` if it is none."""
        return as_json(self.value, f"the value of {self.key!r}")


@frozen
class RangeResponse:
    """What a read found at ``revision``. ``count`` is all that lies in the range, ``more`` if a limit cut it."""

    revision: int
    kvs: tuple[KeyValue, ...] = ()
    count: int = 0
    more: bool = False


@frozen
class PutResponse:
    """A put happened at ``revision``; ``previous`` is what stood there, if it was asked for."""

    revision: int
    previous: KeyValue | None = None


@frozen
class DeleteResponse:
    """``deleted`` keys went at ``revision``; ``previous`` has them, if they were asked for."""

    revision: int
    deleted: int = 0
    previous: tuple[KeyValue, ...] = ()


@frozen
class TxnResponse:
    """``succeeded`` tells which branch ran; ``results`` has that branch's answers in order."""

    succeeded: bool
    revision: int
    results: tuple[Any, ...] = ()


@frozen
class Event:
    """A change that a watch saw: ``put`` or ``delete``, of ``kv``, at ``revision``.

    ``previous`` is what stood there, if it was asked for. ``resync`` marks what was read afresh after a compaction.
    Of type ``progress``, if asked for, it tells only that all before ``revision`` has been seen.
    """

    type: str
    kv: KeyValue
    revision: int
    previous: KeyValue | None = None
    resync: bool = False


@frozen
class LeaseInfo:
    """A lease as the server has it: ``ttl`` seconds are left of ``granted``, -1 if there is no such lease.

    ``keys`` are those that live with it, if they were asked for.
    """

    id: int
    ttl: int
    granted: int = 0
    keys: tuple[bytes, ...] = ()


@frozen
class Health:
    """How one client fares: ``leader`` is a member's id (0: none), ``latency`` the seconds of a linearizable read."""

    ok: bool
    endpoint: str = ""
    version: str = ""
    leader: int = 0
    latency: float = 0.0
    error: Exception | None = None
    priority: str = "medium"
