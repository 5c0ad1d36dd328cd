"""A program whose threads are gevent's."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("gevent", reason="gevent is not installed")

BOUND = 60  # seconds that nothing here takes
PROGRAM = """
from gevent import monkey

monkey.patch_all()

import sys

import gevent

from etcd_factory import ETCDService

with ETCDService({"hosts": sys.argv[1], "namespace": sys.argv[2]}) as etcd:
    with etcd.watch().key("k").create() as watcher:
        waiting = gevent.spawn(next, iter(watcher))
        etcd.put("k").value("v")
        print(waiting.get(timeout=30).kv.text)
    with etcd.lock("lock") as lock:
        print(lock.held)
"""


def test_watches_and_locks_work_in_greenlets(etcd_server, etcd_namespace):
    command = [sys.executable, "-c", PROGRAM, etcd_server.endpoint, etcd_namespace]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
    assert (done.stdout.split(), done.returncode) == (["v", "True"], 0), done.stderr
