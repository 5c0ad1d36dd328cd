"""What the command line says of an error: its own options, not Python's."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError, EtcdError, EtcdFactoryError
from etcd_factory.service import ETCDService

SLOW = "if the server is only slow, raise --timeout; `etcd-factory doctor` says what is wrong"
NO_LEADER = "the member has no leader: more than half of the members must run; `etcd-factory doctor` says more"
AWAY = f"{ConnectionFailedError.hint} `etcd-factory doctor` says more"
PATIENCE = 1.0  # seconds that asking a member about its leader may take

HINTS: dict[type[EtcdError], str] = {DeadlineExceededError: SLOW, ConnectionFailedError: AWAY}


def advised(error: object) -> object:
    """Return an error with the command line's advice in place of that for programs."""
    if isinstance(error, EtcdError) and error.hint == type(error).hint:
        error.hint = HINTS.get(type(error), error.hint)
    return error


@contextmanager
def explained(etcd: ETCDService) -> Generator[None, None, None]:
    """Ask the member that did not answer in time, once, whether it has a leader."""
    try:
        yield
    except DeadlineExceededError as error:
        if has_no_leader(etcd, error.endpoint):
            error.hint = NO_LEADER
        raise


def has_no_leader(etcd: ETCDService, endpoint: str) -> bool:
    """Whether a host of the client answers, and says that it has no leader."""
    host = next((url for url in etcd.options.hosts if url.partition("://")[2] == endpoint), None)
    try:
        return host is not None and not etcd.with_options(timeout=PATIENCE).maintenance.status(host).leader
    except EtcdFactoryError:
        return False
