"""Whether a Docker engine answers."""

import os
import subprocess
import sys

from etcd_factory.testing.docker_engine import engine_missing


def test_the_reason_is_reported_if_no_engine_answers(no_engine):
    assert engine_missing().startswith("no Docker engine answers: ")


def test_a_failed_ping_leaves_no_warning_behind(no_engine):
    code = "from etcd_factory.testing.docker_engine import engine_missing; assert engine_missing()"
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code]
    assert subprocess.run(command, env=os.environ, capture_output=True, text=True).stderr == ""


def test_without_the_sdk_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    assert engine_missing().endswith("run: pip install 'etcd-factory[testing]'")
