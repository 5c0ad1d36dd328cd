"""A forked child uses the client that it has inherited."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks on this system")

START = """
import os, sys, threading, traceback
from etcd_factory import ETCDService

def forked(body):
    child = os.fork()
    if not child:
        code = 1
        try:
            body()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, f"the child ended with {code}"

host, namespace = sys.argv[1:]
options = {"hosts": [host], "namespace": namespace}
"""
USED = """
def child():
    assert etcd.get("k").string() == "parent"
    etcd.put("child").value("written")
    etcd.close()

etcd = ETCDService(options)
etcd.put("k").value("parent")
forked(child)
assert etcd.get("child").string() == "written"
etcd.close()
"""
UNUSED = """
def child():
    etcd.put("child").value("written")

etcd = ETCDService(options)
forked(child)
assert etcd.get("child").string() == "written"
etcd.close()
"""
BUSY = """
def work():
    while not over.is_set():
        etcd.put("k").value("parent")
        begun.set()

def child():
    assert etcd.get("k").string() == "parent"

etcd, over, begun = ETCDService(options), threading.Event(), threading.Event()
thread = threading.Thread(target=work)
thread.start()
begun.wait()
forked(child)
over.set()
thread.join()
etcd.close()
"""
FETCHING = """
asked, go, parent = threading.Event(), threading.Event(), os.getpid()

def password():
    if os.getpid() == parent:
        asked.set()
        go.wait()
    return "wonder"

def child():
    etcd.get("k").string()

etcd = ETCDService({**options, "auth": {"username": "alice", "password": password}})
thread = threading.Thread(target=lambda: etcd.get("k").string())
thread.start()
asked.wait()
try:
    forked(child)
finally:
    go.set()
    thread.join()
etcd.close()
"""
WATCHING = """
def child():
    try:
        next(watcher)
    except ClientClosedError as error:
        assert "begin it anew" in str(error)
    else:
        raise AssertionError("it gave an event")
    with etcd.watch().key("k").create() as own:
        etcd.put("k").value("child")
        assert next(own).kv.text == "child"

from etcd_factory.errors import ClientClosedError
etcd = ETCDService(options)
watcher = etcd.watch().key("k").create()
forked(child)
assert next(watcher).kv.text == "child"
etcd.close()
"""
NAMES = {
    "one_whose_watch_it_can_not_go_on_with": WATCHING,
    "one_that_was_used": USED,
    "one_that_was_not_used_yet": UNUSED,
    "one_that_another_thread_uses": BUSY,
    "one_that_fetches_its_token": FETCHING,
}


@pytest.mark.parametrize("script", NAMES.values(), ids=NAMES)
def test_a_forked_child_calls_with_the_client_of_its_parent(etcd_server, etcd_namespace, script):
    command = [sys.executable, "-c", START + script, etcd_server.endpoint, etcd_namespace]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
