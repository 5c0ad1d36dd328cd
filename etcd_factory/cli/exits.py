"""The exit codes, and which error has which one. ``docs/cli.md`` lists them."""

from __future__ import annotations

from etcd_factory.errors import (
    ConfigError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    EtcdFactoryError,
    InstanceNotFoundError,
    LeaseNotFoundError,
    LockFailedError,
    NoLeaderError,
    UnhealthyClusterError,
)

DONE = 0
NO = 1  # the answer is no: no such key, a difference, a failed check
USAGE = 2  # wrong arguments, an invalid configuration
UNREACHABLE = 3
REFUSED = 4
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
CLOSED_PIPE = 141  # 128 + SIGPIPE
TERMINATED = 143  # 128 + SIGTERM

# The first that fits: subclasses come before their bases.
CODES: tuple[tuple[type[BaseException], int], ...] = (
    (ConfigError, USAGE),
    (InstanceNotFoundError, USAGE),
    (LeaseNotFoundError, NO),
    (LockFailedError, NO),
    (ConnectionFailedError, UNREACHABLE),
    (DeadlineExceededError, UNREACHABLE),
    (NoLeaderError, UNREACHABLE),
    (UnhealthyClusterError, UNREACHABLE),
    (EtcdError, REFUSED),
    (EtcdFactoryError, NO),
    (ValueError, USAGE),
    (TypeError, USAGE),
    (OSError, NO),
)


def code_of(error: BaseException) -> int | None:
    """Return the exit code of an error; None for one that is a defect, whose traceback is wanted."""
    return next((code for kind, code in CODES if isinstance(error, kind)), None)
