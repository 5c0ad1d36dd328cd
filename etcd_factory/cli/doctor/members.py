"""Checks of a member through the client: its version, its leader, its alarms."""

from __future__ import annotations

from collections.abc import Iterator

from etcd_factory.errors import EtcdError, PermissionDeniedError
from etcd_factory.model.cluster import Status
from etcd_factory.service import ETCDService

from .finding import Finding, failed, ok, remedy, warning
from .network import DIRECT

OLDEST = (3, 4)
# https://groups.google.com/a/kubernetes.io/g/dev/c/B7gJs88XtQc: members may differ after a crash under load
CORRUPTING = ((3, 5, 0), (3, 5, 1), (3, 5, 2))

MAJORITY = "start the other members: more than half must run and reach each other (ports, peer URLs, their logs)"
NO_GRPC = (
    "it is not etcd, or a proxy that does not pass gRPC on",
    "http2 header with status",
)  # of each transport
ALARM = "look at `status` and the alarms; for nospace compact, defragment, then disarm the alarm"


def member(etcd: ETCDService, url: str, host: str) -> Iterator[Finding]:
    """Yield what a member says of itself."""
    try:
        status = etcd.maintenance.status(url)
    except PermissionDeniedError:  # only root may ask since etcd 3.5.28 and 3.6.9
        yield ok("version", "not shown to this user", host)
    except EtcdError as error:
        if any(words in error.message for words in NO_GRPC):
            yield failed("proxy", error.message, DIRECT, host)
        elif not is_refusal(error):  # that is the same at every host, and reported once
            yield failed("member", error.message or str(error), remedy(error, MAJORITY), host)
    else:
        yield version(status, host)
        yield leader(status, host)
        yield from alarms(status, host)


def is_refusal(error: EtcdError) -> bool:
    """Whether an error is about the credentials."""
    from etcd_factory.errors import AuthenticationFailedError, InvalidAuthTokenError

    return isinstance(error, (AuthenticationFailedError, InvalidAuthTokenError))


def numbers(text: str) -> tuple[int, ...]:
    """Return a version such as ``3.5.1`` as numbers."""
    return tuple(int(part) for part in text.partition("-")[0].split(".") if part.isdigit())


def version(status: Status, host: str) -> Finding:
    """Return whether a member's version is one to use."""
    found = numbers(status.version)
    if found < OLDEST:
        return warning("version", f"etcd {status.version}", "upgrade etcd: 3.4 is the oldest that is supported", host)
    if found in CORRUPTING:
        message = f"etcd {status.version}, which may lose data when it is killed under load"
        return warning("version", message, "upgrade etcd to the newest release of 3.5", host)
    return ok("version", f"etcd {status.version}", host)


def leader(status: Status, host: str) -> Finding:
    """Return whether a member has a leader."""
    if not status.leader:
        return failed(
            "leader", "the member has no leader: the cluster serves no linearizable reads, no writes", MAJORITY, host
        )
    if status.is_learner:
        return warning("leader", "a learner, which answers few calls", "promote it: `member promote`", host)
    return ok("leader", "it is the leader" if status.leader == status.member else f"it follows {status.leader:x}", host)


def alarms(status: Status, host: str) -> Iterator[Finding]:
    """Yield the errors that a member reports: its alarms; that it has no leader is known."""
    for one in status.errors:
        if "no leader" not in one:
            yield failed("alarm", one, ALARM, host)
