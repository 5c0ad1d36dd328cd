"""What all tests share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No test sees the environment's own choice of a configuration."""
    for name in list(os.environ):
        if name.startswith(("ETCD_FACTORY__", "ETCD_FACTORY_ENV", "MIDWAY_SERVER_ENV")):
            monkeypatch.delenv(name)
