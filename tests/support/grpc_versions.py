"""What grpcio does otherwise before some release, for the tests that run over it."""

from __future__ import annotations

from importlib.metadata import version

import pytest

GRPC = version("grpcio")
IS_BEFORE_180 = [int(part) for part in GRPC.split(".")[:2]] < [1, 80]


def skip_before_180(what):
    """Skip a test that grpcio before 1.80 cannot pass, and say what it does."""
    if IS_BEFORE_180:
        pytest.skip(f"before grpcio 1.80 {what}; this is {GRPC}")
