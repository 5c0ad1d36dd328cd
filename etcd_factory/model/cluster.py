"""Users, members and maintenance as frozen values."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from .ranges import describe, prefix_of


@frozen
class Permission:
    r"""What a role may do: ``read``, ``write`` or ``readwrite`` one key or a range of keys.

    ``range_end`` is the first key after the range: empty for the single key ``key``, ``b"\0"`` for all from ``key`` on.
    """

    permission: str
    key: bytes
    range_end: bytes = b""

    @property
    def prefix(self) -> bytes | None:
        """What exactly the keys of the range start with; None if it is not the range of a prefix."""
        return prefix_of((self.key, self.range_end))

    @property
    def target(self) -> str:
        """The key or range as messages show it."""
        return describe((self.key, self.range_end))

    def __str__(self) -> str:
        return f"{self.permission} {self.target}"


@frozen
class AuthStatus:
    """Whether authentication is enabled; ``revision`` counts the changes of users and roles."""

    enabled: bool
    revision: int = 0


@frozen
class Member:
    """A member of the cluster. Until it has started for the first time it has no name and no client URLs."""

    id: int
    name: str = ""
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()
    is_learner: bool = False


@frozen
class Status:
    """The status of the member ``member`` at ``endpoint``: sizes are bytes, ``leader`` is a member's id (0: none).

    ``storage_version``, ``db_size_quota`` (bytes) and ``downgrade``, the version that the cluster is being downgraded
    to, are known from etcd 3.6 on.
    """

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
    storage_version: str = ""
    db_size_quota: int = 0
    downgrade: str = ""


@frozen
class HashKV:
    """The hash of all keys at ``revision``, of the member at ``endpoint``.

    Members can be compared only if ``revision`` and ``compact_revision`` are equal.
    """

    hash: int
    revision: int = 0
    compact_revision: int = 0
    endpoint: str = ""


@frozen
class Alarm:
    """An active alarm of the member with that id: ``nospace`` or ``corrupt``."""

    kind: str
    member: int = 0


@frozen
class Snapshot:
    """A snapshot on disk: ``size`` in bytes, ``version`` of the store if the server sent it (etcd 3.6)."""

    path: Path
    size: int
    version: str = ""
