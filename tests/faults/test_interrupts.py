"""Ctrl-C at random moments of blocking calls: what was begun ends, and the client can be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import etcd_factory

ROOT = Path(etcd_factory.__file__).parent.parent
COUNT = os.environ.get("TESTS_INTERRUPTS", "60")
SEED = os.environ.get("TESTS_SEED", "20261130")
BOUND = 120 + int(COUNT)  # seconds that no run takes


def test_calls_interrupted_at_any_moment_leave_nothing_and_a_client_that_can_be_used(server):
    """``TESTS_INTERRUPTS=500`` interrupts more calls."""
    args = [sys.executable, "-m", "tests.support.interrupts", server.endpoint, SEED, COUNT]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(args, cwd=ROOT, env=env, capture_output=True, text=True, timeout=BOUND, check=False)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures["problems"] == [], ended.stderr
    assert figures["interrupted"] >= int(COUNT)
