"""What all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# examples have no deadline: how long one takes depends on what else the machine does
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_xdist_auto_num_workers():
    """Two workers a processor: tests wait for servers more than they compute."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No test sees the environment's own choice of a configuration."""
    for name in list(os.environ):
        if name.startswith(("ETCD_FACTORY__", "ETCD_FACTORY_ENV", "MIDWAY_SERVER_ENV")):
            monkeypatch.delenv(name)
