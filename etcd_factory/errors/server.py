"""Errors from an etcd server, or from the connection to it."""

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
    """A gRPC status by its name: ``error.code == "UNAVAILABLE"``."""

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
    """A call failed at etcd, or on the way to it.

    ``code`` is the gRPC status, shown if there was one, ``message`` the server's own text, ``endpoint`` the host called
    last, ``attempts`` how often the call was sent, ``operation`` what was called (``put 'k'``). ``maybe_applied`` is
    True for a write whose response was lost: it may or may not have been applied. ``sent`` is False if the request
    certainly never left. The transport's own error, if there is one, is the ``__cause__``.
    """

    status: Code = Code.UNKNOWN
    hint = ""

    def __init__(self, message: str = "", *, code: Code | None = None, endpoint: str = "") -> None:
        Exception.__init__(self, message)
        self.message = message
        self.code = code or self.status
        self._has_status = code is not None  # from a server or gRPC; the errors that are made here have none to show
        self.endpoint = endpoint
        self.attempts = 1
        self.operation = ""
        self.maybe_applied = False
        self.sent = True

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__

    def __str__(self) -> str:
        at = f" at {self.endpoint}" if self.endpoint else ""
        tries = f"{self.attempts} attempts" if self.attempts > 1 else ""
        facts = ", ".join(filter(None, (self.code.value if self._has_status else "", tries)))
        where = f"{self.operation}{at}: " if self.operation or at else ""
        fate = "; the write may have been applied" if self.maybe_applied else ""
        hint = f"; {self.hint}" if self.hint else ""
        shown = f" ({facts})" if facts else ""
        return f"{where.lstrip()}{self.message or type(self).__name__}{shown}{fate}{hint}"


class ConnectionFailedError(EtcdError, Etcd3ConnectionFailed):
    """No connection could be established, or the one in use broke."""

    status = Code.UNAVAILABLE
    hint = "is etcd running there, and is the host right?"


class TLSError(ConnectionFailedError):
    """The host accepts connections, but TLS with it fails; the message says why, and what to change."""

    hint = ""


class DeadlineExceededError(EtcdError, TimeoutError, Etcd3ConnectionTimeout):
    """No response within ``timeout``."""

    status = Code.DEADLINE_EXCEEDED
    hint = "if the server is only slow, raise the timeout with with_options(timeout=...)"


class InternalError(EtcdError, Etcd3InternalError):
    """An internal error of etcd or of the transport."""

    status = Code.INTERNAL


class PreconditionError(EtcdError, Etcd3PreconditionFailed):
    """The server's state does not allow the call."""

    status = Code.FAILED_PRECONDITION


class AuthenticationFailedError(EtcdError):
    """The user name or the password is wrong."""

    status = Code.INVALID_ARGUMENT
    hint = "check auth.username and auth.password of this client"


class InvalidAuthTokenError(EtcdError):
    """The token has expired, or the call had none."""

    status = Code.UNAUTHENTICATED
    hint = "does this server require auth: {username, password}?"


class PermissionDeniedError(EtcdError, PermissionError):
    """The user's roles do not permit it."""

    status = Code.PERMISSION_DENIED
    hint = "no role of this user grants it"


class CompactedError(EtcdError, Etcd3Compacted):
    """The requested revision is compacted; ``compact_revision`` is the oldest one left, if the server sent it."""

    status = Code.OUT_OF_RANGE

    def __init__(self, message: str = "", *, compact_revision: int | None = None, **facts: Any) -> None:
        super().__init__(message or "required revision has been compacted", **facts)
        self.compact_revision = self.compacted_revision = compact_revision


class FutureRevisionError(EtcdError):
    """The requested revision does not exist yet, or no longer since the store was rolled back."""

    status = Code.OUT_OF_RANGE


class KeyNotFoundError(EtcdError):
    """A put that keeps the value or the lease found no such key."""

    status = Code.INVALID_ARGUMENT


class DuplicateKeyError(EtcdError):
    """A transaction writes one key twice."""

    status = Code.INVALID_ARGUMENT
    hint = "batch([...]) splits such operations into several transactions"


class LeaseNotFoundError(EtcdError):
    """The lease has expired or was revoked."""

    status = Code.NOT_FOUND


class LeaseExistsError(PreconditionError):
    """A lease with that id exists."""


class RoleExistsError(PreconditionError):
    """A role with that name exists."""


class RoleNotFoundError(PreconditionError):
    """No role has that name."""


class RoleNotGrantedError(PreconditionError):
    """The user does not have that role."""


class UserExistsError(PreconditionError):
    """A user with that name exists."""


class UserNotFoundError(PreconditionError):
    """No user has that name."""


class NoSpaceError(EtcdError):
    """The server's database has reached its quota."""

    status = Code.RESOURCE_EXHAUSTED
    hint = "compact and defragment, then disarm the alarm"


class RequestTooLargeError(EtcdError):
    """The request exceeds the server's --max-request-bytes (default 1.5 MiB) or --max-txn-ops (default 128)."""

    status = Code.RESOURCE_EXHAUSTED
    hint = "batch([...]) splits many operations into several transactions"


class ResponseTooLargeError(EtcdError):
    """The response exceeds the limit of this client's transport; the request may have been applied."""

    status = Code.RESOURCE_EXHAUSTED


class TooManyRequestsError(EtcdError):
    """The server has too many requests to apply and refuses more for now."""

    status = Code.RESOURCE_EXHAUSTED


class NoLeaderError(EtcdError, Etcd3ConnectionFailed):
    """The member has no leader, or lost it during the call."""

    status = Code.UNAVAILABLE


class UnhealthyClusterError(EtcdError, Etcd3ConnectionFailed):
    """Too few members are up, or they disagree."""

    status = Code.UNAVAILABLE


class LockFailedError(EtcdError):
    """The lock was not acquired in time, or is not held."""


class NotLeaderError(PreconditionError):
    """The caller, or the member called, is not the leader."""


class STMConflictError(EtcdError):
    """Others changed what the transaction read, in too many attempts in a row."""

    status = Code.ABORTED


class WatchOverflowError(EtcdError):
    """The watcher was read too slowly and its buffer overflowed."""


class LearnerError(EtcdError):
    """The member is a learner, which does not serve this call; the call was refused, not applied."""

    status = Code.UNAVAILABLE
    hint = "a learner receives all data and has no vote, until cluster.promote(); use another member's host"
