"""When a failed call is sent again.

Go's rules (client/v3/retry.go, retry_interceptor.go), but for one: a write is sent again only if it certainly was not
applied, that is if it never left or the server refused it before applying. Jepsen found lost updates in clients that
did otherwise (etcd-io/etcd#14890).
"""

from __future__ import annotations

from enum import Enum

from etcd_factory.errors import Code, EtcdError, InvalidAuthTokenError
from etcd_factory.options import Retry


class RetryAction(Enum):
    """What to do about a failure."""

    RAISE = "raise it"
    TOKEN = "fetch a new token and send again"  # noqa: S105
    HOST = "send again to another host"
    UNSENT = "send again: it never left"


AWAY = (Code.UNAVAILABLE, Code.CANCELLED)
LEARNER = "rpc not supported for learner"
# what may have been cut off on its way back, as against what the server said
UNCERTAIN = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN, Code.INTERNAL}


def next_action(error: EtcdError, *, repeatable: bool, renewable: bool, hosts: int) -> RetryAction:
    """What to do about one failure; ``renewable`` says whether the token may be fetched again."""
    if not error.sent:
        return RetryAction.UNSENT
    if isinstance(error, InvalidAuthTokenError) and renewable:
        return RetryAction.TOKEN
    if LEARNER in error.message and hosts > 1:
        return RetryAction.HOST
    if repeatable and (error.code in AWAY or (error.code is Code.DEADLINE_EXCEEDED and hosts > 1)):
        return RetryAction.HOST
    return RetryAction.RAISE


def maybe_applied(error: EtcdError, *, repeatable: bool) -> bool:
    """Whether a write may have been applied although this is its answer."""
    refused = isinstance(error, InvalidAuthTokenError)  # before anything was done, whatever its code
    return error.sent and not repeatable and not refused and error.code in UNCERTAIN


def backoff(retry: Retry, failures: int, chance: float) -> float:
    """Seconds before the next attempt: doubling, and half of it by ``chance`` (0 to 1), so that clients spread."""
    full: float = min(retry.maximum, retry.initial * 2 ** min(failures - 1, 30))
    return full * (0.5 + chance / 2)
