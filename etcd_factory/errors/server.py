"""Errors from an etcd server, or from the way to it."""

from __future__ import annotations

from enum import Enum
from typing import Any

from .base import EtcdFactoryError
from .etcd3 import (
    Etcd3Compacted,
    Etcd3ConnectionFailed,
    Etcd3ConnectionTimeout,
    Etcd3Exception,
    Etcd3InternalError,
    Etcd3PreconditionFailed,
)


class Code(str, Enum):
    """The gRPC status of an answer, by its name: ``error.code == "UNAVAILABLE"``."""

    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    UNAUTHENTICATED = "UNAUTHENTICATED"


class EtcdError(EtcdFactoryError, Etcd3Exception):
    """What etcd, or the connection to it, answered in place of a result.

    ``code`` is the gRPC status, ``message`` the server's own words, ``endpoint`` the member that was asked last,
    ``attempts`` how often the call was sent, ``operation`` what was asked (``put 'k'``). ``maybe_applied`` is
    true for a write whose answer was lost: it may or may not have happened. The gRPC error is the ``__cause__``.
    """

    status: Code = Code.UNKNOWN
    hint = ""

    def __init__(self, message: str = "", *, code: Code | None = None, endpoint: str = "") -> None:
        Exception.__init__(self, message)
        self.message = message
        self.code = code or self.status
        self.endpoint = endpoint
        self.attempts = 1
        self.operation = ""
        self.maybe_applied = False
        self.sent = True

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__

    def __str__(self) -> str:
        at = f" at {self.endpoint}" if self.endpoint else ""
        tries = f", {self.attempts} attempts" if self.attempts > 1 else ""
        where = f"{self.operation}{at}: " if self.operation or at else ""
        fate = "; the write may have been applied" if self.maybe_applied else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where.lstrip()}{self.message or type(self).__name__} ({self.code.value}{tries}){fate}{hint}"


class ConnectionFailedError(EtcdError, Etcd3ConnectionFailed):
    """No connection could be made, or the one in use broke."""

    status = Code.UNAVAILABLE
    hint = "is etcd running there, and is the host right?"


class DeadlineExceededError(EtcdError, TimeoutError, Etcd3ConnectionTimeout):
    """No answer within ``timeout``."""

    status = Code.DEADLINE_EXCEEDED
    hint = "raise it with with_options(timeout=...) if the server is only slow"


class InternalError(EtcdError, Etcd3InternalError):
    """etcd or gRPC failed inside."""

    status = Code.INTERNAL


class PreconditionError(EtcdError, Etcd3PreconditionFailed):
    """The server's state does not allow the call."""

    status = Code.FAILED_PRECONDITION


class AuthenticationFailedError(EtcdError):
    """User name or password are wrong."""

    status = Code.INVALID_ARGUMENT
    hint = "check auth.username and auth.password of this client"


class InvalidAuthTokenError(EtcdError):
    """The token has expired, or the call had none."""

    status = Code.UNAUTHENTICATED
    hint = "does this server want auth: {username, password}?"


class PermissionDeniedError(EtcdError, PermissionError):
    """The user's roles do not allow it."""

    status = Code.PERMISSION_DENIED
    hint = "no role of this user grants it"


class CompactedError(EtcdError, Etcd3Compacted):
    """The revision asked for has been compacted away; ``compact_revision`` is the oldest one left, if told."""

    status = Code.OUT_OF_RANGE

    def __init__(self, message: str = "", *, compact_revision: int | None = None, **facts: Any) -> None:
        super().__init__(message or "required revision has been compacted", **facts)
        self.compact_revision = self.compacted_revision = compact_revision


class FutureRevisionError(EtcdError):
    """The revision asked for has not happened yet."""

    status = Code.OUT_OF_RANGE


class KeyNotFoundError(EtcdError):
    """A put that keeps the value or the lease found no key."""

    status = Code.INVALID_ARGUMENT


class DuplicateKeyError(EtcdError):
    """A transaction writes one key twice."""

    status = Code.INVALID_ARGUMENT
    hint = "batch([...]) splits such operations into several transactions"


class LeaseNotFoundError(EtcdError):
    """The lease has expired or was revoked."""

    status = Code.NOT_FOUND


class LeaseExistsError(PreconditionError):
    """A lease of that id exists."""


class RoleExistsError(PreconditionError):
    """A role of that name exists."""


class RoleNotFoundError(PreconditionError):
    """No role has that name."""


class RoleNotGrantedError(PreconditionError):
    """The user does not have that role."""


class UserExistsError(PreconditionError):
    """A user of that name exists."""


class UserNotFoundError(PreconditionError):
    """No user has that name."""


class NoSpaceError(EtcdError):
    """The server's database has reached its quota."""

    status = Code.RESOURCE_EXHAUSTED
    hint = "compact and defragment, then disarm the alarm"


class RequestTooLargeError(EtcdError):
    """The request is above the server's --max-request-bytes."""

    status = Code.RESOURCE_EXHAUSTED


class TooManyRequestsError(EtcdError):
    """The server is behind with applying and takes no more for now."""

    status = Code.RESOURCE_EXHAUSTED


class NoLeaderError(EtcdError, Etcd3ConnectionFailed):
    """The member has no leader, or lost it during the call."""

    status = Code.UNAVAILABLE


class UnhealthyClusterError(EtcdError, Etcd3ConnectionFailed):
    """Too few members are up, or they disagree."""

    status = Code.UNAVAILABLE


class LockFailedError(EtcdError):
    """The lock was not got in time."""


class NotLeaderError(PreconditionError):
    """The one who asked is not the leader."""


class STMConflictError(EtcdError):
    """Others changed what the transaction read, too often in a row."""


class WatchOverflowError(EtcdError):
    """The watcher was read too slowly and its buffer is full."""
