"""When a failed call is sent again.

Go's rules (client/v3/retry.go, retry_interceptor.go), with one difference: a write is retried only if it was certainly
not applied, because it never left or because the server refused it before applying. Jepsen found lost updates in
clients that retry otherwise (etcd-io/etcd#14890).
"""

from __future__ import annotations

from enum import Enum

from etcd_factory.errors import (
    Code,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    InvalidAuthTokenError,
    LearnerError,
    NoLeaderError,
    RequestTooLargeError,
    TooManyRequestsError,
)
from etcd_factory.options import Retry
from etcd_factory.wire.methods import Method


class RetryAction(Enum):
    """What to do about a failed attempt."""

    RAISE = "raise the error"
    RENEW_TOKEN = "fetch a new token and retry"  # noqa: S105
    NEXT_HOST = "retry on another host"
    RESEND = "retry: the request never left"


ELSEWHERE = (RetryAction.NEXT_HOST, RetryAction.RESEND)
UNAVAILABLE = (Code.UNAVAILABLE, Code.CANCELLED)
# The host gave no response of its own, or is cut off from its peers: the next call goes to another one.
UNRESPONSIVE = (ConnectionFailedError, DeadlineExceededError, NoLeaderError)
# What a server refuses before it proposes anything to its peers.
REFUSED = (InvalidAuthTokenError, LearnerError, RequestTooLargeError, TooManyRequestsError)
# Statuses that say that the request was wrong, so that it was not applied; any other may come after it was.
CERTAIN = {
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.ALREADY_EXISTS,
    Code.FAILED_PRECONDITION,
    Code.OUT_OF_RANGE,
    Code.UNIMPLEMENTED,
    Code.UNAUTHENTICATED,
}
# gRPC also makes this status from a stream that was reset (INADEQUATE_SECURITY) and from a proxy's 403.
DENIED = (Code.PERMISSION_DENIED, "etcdserver: permission denied")


def next_action(error: EtcdError, *, repeatable: bool, renewable: bool, hosts: int) -> RetryAction:
    """Decide about one failure; ``renewable`` says whether the token may be fetched again."""
    if not error.sent:
        return RetryAction.RESEND
    if isinstance(error, InvalidAuthTokenError) and renewable:
        return RetryAction.RENEW_TOKEN
    if isinstance(error, LearnerError):
        return RetryAction.NEXT_HOST if hosts > 1 else RetryAction.RAISE
    if repeatable and (error.code in UNAVAILABLE or isinstance(error, NoLeaderError)):
        return RetryAction.NEXT_HOST
    if repeatable and isinstance(error, DeadlineExceededError) and hosts > 1:
        return RetryAction.NEXT_HOST
    return RetryAction.RAISE


def maybe_applied(error: EtcdError, method: Method[object, object]) -> bool:
    """Return whether a call that failed with this error may have changed something."""
    return error.sent and method.writes and not is_refusal(error)


def is_refusal(error: EtcdError) -> bool:
    """Whether etcd certainly refused the request before it did anything."""
    code, words = DENIED
    return isinstance(error, REFUSED) or error.code in CERTAIN or (error.code is code and words in error.message)


def backoff(retry: Retry, failures: int, random: float) -> float:
    """Return the seconds before the next attempt: doubling, half of it ``random`` (0 to 1) so that clients spread."""
    full: float = min(retry.maximum, retry.initial * 2 ** min(failures - 1, 30))
    return full * (0.5 + random / 2)
