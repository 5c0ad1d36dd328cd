"""What differs between versions of etcd, for the tests that depend on it: each difference by name, with its reason."""

from __future__ import annotations

import pytest
from attrs import field, frozen

from etcd_factory.testing import find_binary
from etcd_factory.testing.binary import version_of


def release_of(version):
    """Return ``3.6.0-rc.4`` as (3, 6, 0), to compare."""
    return tuple(int(part) for part in version.partition("-")[0].split("."))


def local():
    """Return the version of the etcd that the tests start."""
    return version_of(find_binary())


@frozen
class Since:
    """What etcd does from some releases on: the first of each series that has it; later series have it too."""

    what: str
    first: tuple[str, ...] = field(converter=lambda text: tuple(text.split()))

    def __str__(self):
        return f"from {' and '.join(self.first)} on {self.what}"

    def holds(self, version):
        """Whether a version of etcd does it."""
        release, starts = release_of(version), [release_of(first) for first in self.first]
        same = [start for start in starts if start[:2] == release[:2]]
        return release >= (same or starts)[-1]


AUTH_STATUS = Since("etcd tells whether authentication is enabled", "3.5.0")
AUTH_STATUS_FOR_ALL = Since("etcd tells whether authentication is enabled without a login", "3.7.0")
DOWNGRADES = Since("etcd knows downgrades", "3.5.0")
TAKES_HASHES = Since("etcd takes hashed passwords", "3.5.0")
STREAMS_RANGES = Since("etcd streams ranges", "3.7.0")
KEEPS_WRITES = Since("etcd keeps acknowledged writes when it is killed (etcd-io/etcd#13766, #14370)", "3.5.5")
PROGRESS_IS_STABLE = Since("the interval of progress reports is no experimental flag", "3.6.0")
LOGS_FORGOTTEN_TOKENS = Since("etcd logs which token it has forgotten", "3.5.0")
REFUSES_RENEWALS = Since("etcd does not renew a lease with a key that the user may not put", "3.5.28 3.6.9 3.7.0")


def need(change, version):
    """Skip the test if this version of etcd does not do that yet; the reason names both."""
    if not change.holds(version):
        pytest.skip(f"only {change}; this is {version}")


def need_before(change, version):
    """Skip the test if this version of etcd does that already; the reason names both."""
    if change.holds(version):
        pytest.skip(f"{change}; this is {version}")


def progress_flag(interval, version=None):
    """Return the flag for how often idle watches that ask for it are sent the store's revision."""
    name = "watch-progress-notify-interval"
    stable = PROGRESS_IS_STABLE.holds(version or local())
    return f"--{name}={interval}" if stable else f"--experimental-{name}={interval}"


def minors_below(version, count):
    """Return the minor version so many below: ``3.5.30`` and 1 give ``3.4``."""
    major, minor, _ = release_of(version)
    return f"{major}.{minor - count}"
