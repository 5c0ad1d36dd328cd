"""Whether a Docker engine answers."""

import os
import subprocess
import sys

import pytest

from etcd_factory.testing.image import engine_missing


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


def test_the_reason_is_told_where_none_answers(nowhere):
    assert engine_missing().startswith("no Docker engine answers: ")


def test_asking_leaves_no_warning_behind(nowhere):
    code = "from etcd_factory.testing.image import engine_missing; assert engine_missing()"
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code]
    assert subprocess.run(command, env=os.environ, capture_output=True, text=True).stderr == ""


def test_without_the_sdk_it_tells_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    assert engine_missing().endswith("run: pip install 'etcd-factory[testing]'")
