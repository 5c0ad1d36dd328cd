"""What etcd tells of itself and of those who may use it, as frozen values."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

OPEN = b"\0"  # the end of a range that has none


@frozen
class Permission:
    r"""What a role may do: ``permission`` is ``read``, ``write`` or ``readwrite``, for one key or a range of keys.

    ``range_end`` is the first key behind the range: empty for the one key ``key``, ``b"\0"`` for all from ``key`` on.
    """

    permission: str
    key: bytes
    range_end: bytes = b""

    @property
    def prefix(self) -> bytes | None:
        """What all keys of the range begin with, and no others; None if it is no such range."""
        if (self.key, self.range_end) == (OPEN, OPEN):
            return b""
        kept = self.key.rstrip(b"\xff")
        end = kept[:-1] + bytes([kept[-1] + 1]) if kept else OPEN
        return self.key if self.range_end == end else None

    @property
    def target(self) -> str:
        """The key or the range, to be read."""
        if not self.range_end:
            return f"key {self.key!r}"
        if self.prefix is not None:
            return f"prefix {self.prefix!r}"
        return f"range {self.key!r} to {'the end' if self.range_end == OPEN else repr(self.range_end)}"

    def __str__(self) -> str:
        return f"{self.permission} {self.target}"


@frozen
class AuthStatus:
    """Whether users must show who they are; ``revision`` counts the changes of users and roles."""

    enabled: bool
    revision: int = 0


@frozen
class Member:
    """A member of the cluster. Before it has started for the first time it has no name and no client URLs."""

    id: int
    name: str = ""
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()
    is_learner: bool = False


@frozen
class Status:
    """How the member ``member`` at ``endpoint`` fares: sizes are bytes, ``leader`` is a member's id (0: none)."""

    version: str
    db_size: int = 0
    db_size_in_use: int = 0
    leader: int = 0
    raft_index: int = 0
    raft_term: int = 0
    raft_applied_index: int = 0
    is_learner: bool = False
    errors: tuple[str, ...] = ()
    endpoint: str = ""
    member: int = 0


@frozen
class HashKV:
    """The hash of all keys at ``revision``, as the member at ``endpoint`` has them.

    Members agree in it only where ``revision`` and ``compact_revision`` are the same.
    """

    hash: int
    revision: int = 0
    compact_revision: int = 0
    endpoint: str = ""


@frozen
class Alarm:
    """An alarm that stands: ``nospace`` or ``corrupt``, of the member with that id."""

    kind: str
    member: int = 0


@frozen
class Snapshot:
    """A snapshot on disk: ``size`` in bytes, ``version`` of the store if the server told it (etcd 3.6)."""

    path: Path
    size: int
    version: str = ""
