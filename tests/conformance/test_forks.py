"""A forked child uses the client that it has inherited, or reads why it cannot."""

import pytest

from tests.support.forks import needs_fork, needs_grpc_in_child, run_script

USED = """
def child():
    assert etcd.get("k").string() == "parent"
    etcd.put("child").value("written")
    etcd.close()

etcd = ETCDService(options)
etcd.put("k").value("parent")
run_in_child(child)
assert etcd.get("child").string() == "written"
etcd.close()
"""
UNUSED = """
def child():
    etcd.put("child").value("written")

etcd = ETCDService(options)
run_in_child(child)
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
run_in_child(child)
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
    run_in_child(child)
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
        assert "begin a new one" in str(error)
    else:
        raise AssertionError("an event")
    with etcd.watch().key("k").create() as own:
        etcd.put("k").value("child")
        assert next(own).kv.text == "child"

from etcd_factory.errors import ClientClosedError
etcd = ETCDService(options)
watcher = etcd.watch().key("k").create()
run_in_child(child)
assert next(watcher).kv.text == "child"
etcd.close()
"""
ASYNCIO = """
import asyncio
from etcd_factory import AsyncETCDService
from etcd_factory.errors import ClientClosedError

async def put(etcd):
    await etcd.put("k").value("v")
    return await etcd.get("k").string()

async def own():
    async with AsyncETCDService(options) as etcd:
        return await put(etcd)
"""
AFTER = (
    ASYNCIO
    + """
def child():
    assert asyncio.run(put(etcd)) == "v"
    assert asyncio.run(own()) == "v"

etcd = AsyncETCDService(options)
run_in_child(child)
assert asyncio.run(own()) == "v"  # and closed
run_in_child(child)
"""
)
OPEN = (
    ASYNCIO
    + """
def child():
    for _ in range(2):
        asyncio.run(put(etcd))
    asyncio.run(own())

async def main():
    await put(etcd)
    run_in_child(child)
    await put(etcd)
    await etcd.aclose()

etcd = AsyncETCDService(options)
asyncio.run(main())
"""
)
STRANDED = (
    ASYNCIO
    + """
def child():
    for call in (lambda: asyncio.run(put(etcd)), lambda: asyncio.run(own())):
        error = raises(call)
        assert isinstance(error, ClientClosedError) and "forked while one was open" in str(error), error
    with ETCDService(options) as blocking:
        assert blocking.get("k").string() == "v"

async def main():
    await put(etcd)
    run_in_child(child)
    await put(etcd)
    await etcd.aclose()

options["transport"] = "grpc"
etcd = AsyncETCDService(options)
asyncio.run(main())
"""
)
VIEWS = (
    ASYNCIO
    + """
from etcd_factory.testing import ScriptedTransport, replies

async def in_child():
    assert (mirror[b"m/k"].text, mirror.connected) == ("parent", False)
    while not mirror.connected:
        await asyncio.sleep(0.01)
    assert mirror[b"m/k"].text == "child"

def child():
    assert mirror[b"m/k"].text == "parent"  # outside of an event loop nothing begins
    asyncio.run(in_child())

async def main():
    global mirror
    mirror = await etcd.mirror("m/")
    run_in_child(child)
    assert mirror.connected

parent = os.getpid()
read = lambda call: replies.get({"m/k": "parent" if os.getpid() == parent else "child"}, revision=5)
etcd = AsyncETCDService(transport=ScriptedTransport({"Range": read, "Watch": [replies.watch(revision=5)] * 2}))
asyncio.run(main())
"""
)
SCRIPTS = {
    "of asyncio with a mirror, on a transport without gRPC": VIEWS,
    "of asyncio before its first use": AFTER,
    "of asyncio that is open": OPEN,
    "of asyncio that is open on gRPC, which would hang": STRANDED,
    "of a watch": WATCHING,
    "that was used": USED,
    "that was not used yet": UNUSED,
    "that another thread uses": BUSY,
    "that fetches its token": FETCHING,
}


@needs_fork
@needs_grpc_in_child
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_forked_child_uses_the_client_of_its_parent(etcd_server, etcd_namespace, script):
    run_script(script, etcd_server, etcd_namespace)
