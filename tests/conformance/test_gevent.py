"""Programs whose threads are gevent's: what waits lets the others run."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("gevent", reason="gevent is not installed")

BOUND = 60  # seconds that nothing here takes
BEGIN = """
from gevent import monkey

monkey.patch_all()

import sys

import gevent

from etcd_factory import ETCDService, errors

options = {"hosts": sys.argv[1], "namespace": sys.argv[2]}
silent = {"hosts": sys.argv[3]}
"""
WATCHES = """
with ETCDService(options) as etcd:
    with etcd.watch().key("k").create() as watcher:
        waiting = gevent.spawn(next, iter(watcher))
        etcd.put("k").value("v")
        print(waiting.get(timeout=30).kv.text)
    with etcd.lock("lock") as lock:
        print(lock.held)
"""
MANY = """
def write(number):
    return [etcd.put(f"k{number}").value(f"{number} {turn}") and etcd.get(f"k{number}").string() for turn in range(20)]

with ETCDService(options) as etcd:
    writing = [gevent.spawn(write, number) for number in range(50)]
    for number, one in enumerate(writing):
        assert one.get(timeout=30) == [f"{number} {turn}" for turn in range(20)]
print("own", "answers")
"""
# The call to a host that is silent ends only after those that began later, though it waits in the same thread.
BESIDE = """
def call(client, name):
    try:
        client.get("k").string()
    except errors.EtcdError:
        pass
    ended.append(name)

ended = []
with ETCDService(options) as etcd, ETCDService({**silent, "timeout": 3, "dial_timeout": 3}) as other:
    held = gevent.spawn(call, other, "silent")
    gevent.sleep(0)
    gevent.joinall([gevent.spawn(call, etcd, "answered")], timeout=30)
    print(*ended)
    held.join(timeout=30)
print(ended[-1])
"""
CLOSED = """
def work():
    try:
        while True:
            etcd.put("k").value("v")
    except errors.ClientClosedError:
        return "closed"

etcd = ETCDService(options)
watcher = etcd.watch().create()
working = [gevent.spawn(work) for _ in range(20)]
while etcd.get("k").string() is None:
    pass
etcd.close()
print(*{one.get(timeout=30) for one in working})
print("all")
"""
PROGRAMS = {
    "watches and locks": (WATCHES, ["v", "True"]),
    "many greenlets on one connection": (MANY, ["own", "answers"]),
    "a silent host beside others": (BESIDE, ["answered", "silent"]),
    "closing while others call": (CLOSED, ["closed", "all"]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_greenlets_works(options, silent, name):
    program, printed = PROGRAMS[name]
    command = [sys.executable, "-c", BEGIN + program, *options["hosts"], options["namespace"], silent]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
    assert (done.stdout.split(), done.returncode) == (printed, 0), done.stderr
