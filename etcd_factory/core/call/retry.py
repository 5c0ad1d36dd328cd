"""When a failed call is sent again.

Go's rules (client/v3/retry.go, retry_interceptor.go), with one difference: a write is retried only if it was certainly
not applied, because it never left or because the server refused it before applying. Jepsen found lost updates in
clients that retry otherwise (etcd-io/etcd#14890).
"""

from __future__ import annotations

from enum import Enum

from etcd_factory.errors import Code, EtcdError, InvalidAuthTokenError, LearnerError
from etcd_factory.options import Retry


class RetryAction(Enum):
    """What to do about a failed attempt."""

    RAISE = "raise the error"
    RENEW_TOKEN = "fetch a new token and retry"  # noqa: S105
    NEXT_HOST = "retry on another host"
    RESEND = "retry: the request never left"


UNAVAILABLE = (Code.UNAVAILABLE, Code.CANCELLED)
# statuses that may come from the connection after the server has applied the request
UNCERTAIN = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN, Code.INTERNAL}


def next_action(error: EtcdError, *, repeatable: bool, renewable: bool, hosts: int) -> RetryAction:
    """Decide about one failure; ``renewable`` says whether the token may be fetched again."""
    if not error.sent:
        return RetryAction.RESEND
    if isinstance(error, InvalidAuthTokenError) and renewable:
        return RetryAction.RENEW_TOKEN
    if isinstance(error, LearnerError) and hosts > 1:
        return RetryAction.NEXT_HOST
    if repeatable and (error.code in UNAVAILABLE or (error.code is Code.DEADLINE_EXCEEDED and hosts > 1)):
        return RetryAction.NEXT_HOST
    return RetryAction.RAISE


def maybe_applied(error: EtcdError, *, repeatable: bool) -> bool:
    """Return whether a write that failed with this error may have been applied."""
    refused = isinstance(error, InvalidAuthTokenError)  # before anything was done, whatever its code
    return error.sent and not repeatable and not refused and error.code in UNCERTAIN


def backoff(retry: Retry, failures: int, random: float) -> float:
    """Return the seconds before the next attempt: doubling, half of it ``random`` (0 to 1) so that clients spread."""
    full: float = min(retry.maximum, retry.initial * 2 ** min(failures - 1, 30))
    return full * (0.5 + random / 2)
