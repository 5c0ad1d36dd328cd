"""What grpcio does otherwise before some release, for the tests that run over it."""

from __future__ import annotations

from importlib.metadata import version

import pytest

GRPC = version("grpcio")


def is_before(release):
    """Whether grpcio is older than a release, as "1.80"."""
    return numbers(GRPC) < numbers(release)


def numbers(release):
    return [int(part) for part in release.split(".")[:2]]


def skip_before(release, what):
    """Skip a test that grpcio before a release cannot pass, and say what it does."""
    if is_before(release):
        pytest.skip(f"before grpcio {release} {what}; this is {GRPC}")
