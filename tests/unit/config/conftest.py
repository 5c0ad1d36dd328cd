from __future__ import annotations

import os
from textwrap import dedent

import pytest

from etcd_factory.config import load_config
from etcd_factory.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in os.environ:
        if name.startswith(("ETCD_FACTORY", "MIDWAY_SERVER_ENV")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path):
    """Write a file below the current directory."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return path

    return write


@pytest.fixture
def faults():
    """The texts of all faults of one load."""

    def faults(*sources, **options):
        with pytest.raises(ConfigError) as caught:
            load_config(*sources, **options)
        return [str(fault) for fault in caught.value.faults]

    return faults
