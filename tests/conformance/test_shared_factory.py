"""A factory that a process and those that it forks share."""

from __future__ import annotations

import pytest

from tests.support.forks import needs_fork, needs_grpc_in_child, run_script

pytestmark = [needs_fork, needs_grpc_in_child]

USED = """
from etcd_factory.factory import SharedFactory

def child():
    assert shared.get().get("k").string() == "parent"
    shared.close()
    shared.get().put("child").value("written")
    shared.close()

shared = SharedFactory({"client": options})
shared.get().put("k").value("parent")
run_in_child(child)
run_in_child(child)
assert shared.get().get("child").string() == "written"
shared.close()
"""
UNUSED = """
from etcd_factory.factory import SharedFactory

def child():
    shared.get().put("child").value("written")
    shared.close()

shared = SharedFactory({"client": options})
run_in_child(child)
assert shared.get().get("child").string() == "written"
shared.close()
"""
OPENING = """
from etcd_factory.factory import SharedFactory

class Slow(ETCDService):
    def __init__(self, options):
        if os.getpid() == parent:
            opening.set()
            go.wait()
        super().__init__(options)

def child():
    shared.get().put("child").value("written")
    shared.close()

opening, go, parent = threading.Event(), threading.Event(), os.getpid()
shared = SharedFactory({"client": {**options, "client_class": Slow}})
thread = threading.Thread(target=shared.get)
thread.start()
opening.wait()
try:
    run_in_child(child)
finally:
    go.set()
    thread.join()
assert shared.get().get("child").string() == "written"
shared.close()
"""


@pytest.mark.parametrize("script", [USED, UNUSED, OPENING], ids=["used", "unused", "while it is opened"])
def test_a_child_uses_it_too(script, etcd_server, etcd_namespace):
    run_script(script, etcd_server, etcd_namespace)
