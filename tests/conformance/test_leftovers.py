"""What clients leave behind: nothing, however many there were, however they ended and whoever used them."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from etcd_factory import AsyncETCDService, errors
from etcd_factory.testing import FaultProxy
from tests.support.faces import BOUND, closed, settle
from tests.support.forks import PRELUDE
from tests.support.grpc_versions import skip_before

CYCLES, WARM_UP = 500, 20
THREADS, LOOPS, CALLS = 64, 4, 50
CLIENTS = 500
FILES = Path("/proc/self/fd")

needs_proc = pytest.mark.skipif(not FILES.is_dir(), reason="counts open files in /proc")


class Left:
    """Threads, open files and objects of clients at one moment. What earlier tests have left may end meanwhile."""

    def __init__(self):
        gc.collect()
        self.threads = {*threading.enumerate()}
        self.files = open_files()
        self.objects = Counter(kind.__qualname__ for kind in map(type, gc.get_objects()) if is_ours(kind))

    def check(self, before):
        """There is nothing that was not there before."""
        assert [one.name for one in self.threads - before.threads] == []
        deadline = time.monotonic() + BOUND
        while (files := open_files()) > before.files and time.monotonic() < deadline:
            time.sleep(0.01)  # gRPC closes sockets in threads of its own, of which nobody is told
        assert files <= before.files
        assert self.objects - before.objects == Counter()


def open_files():
    return len(os.listdir(FILES))


def is_ours(kind):
    """Whether a class is one of clients: proxies of other tests may still be called by theirs."""
    module = str(kind.__module__)
    return module.startswith("etcd_factory") and not module.startswith("etcd_factory.testing")


async def cycle(face, options):
    """Create a client, use it and close it."""
    client = face.service(options)
    await settle(client.get("k").exists())
    await closed(client)


@needs_proc
@pytest.mark.parametrize("share", [True, False], ids=["shared", "own"])
async def test_create_and_close_cycles_leave_no_thread_no_socket_and_no_object(face, options, share):
    for _ in range(WARM_UP):
        await cycle(face, {**options, "share": share})
    before = Left()
    for _ in range(CYCLES):
        await cycle(face, {**options, "share": share})
    Left().check(before)


async def work_with_everything(face, options):
    """Use a client for calls, watches and leases, and close it."""
    client = face.service(options)
    watcher = await settle(client.watch().key("k").create())
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(client.put("k").value("v"))
    await settle(watcher.cancel())
    await settle(lease.revoke())
    await closed(client)


@needs_proc
async def test_neither_do_those_with_watches_and_leases(face, options):
    for _ in range(WARM_UP):
        await work_with_everything(face, options)
    before = Left()
    for _ in range(WARM_UP):
        await work_with_everything(face, options)
    Left().check(before)


# --- sharing


async def use_many(face, options):
    """Return how many connections clients have that are used and open at once."""
    (host,) = options["hosts"]
    with FaultProxy(host) as proxy:
        clients = [face.service({**options, "hosts": [proxy.endpoint]}) for _ in range(CLIENTS)]
        for client in clients:
            await settle(client.get("k").exists())
        count = proxy.connections
        for client in clients:
            await closed(client)
        return count


async def test_clients_of_one_cluster_share_their_sockets(face, options, is_grpc):
    if is_grpc:
        pytest.skip("gRPC's clients have connections of their own")
    assert await use_many(face, options) == 1


# --- many users of one client


def test_threads_that_call_while_their_client_is_closed_get_results_or_learn_it(face, options):
    if not face.is_blocking:
        pytest.skip("a client of asyncio belongs to one loop at a time")
    client, begun = face.service(options), threading.Semaphore(0)

    def work(number):
        done = 0
        try:
            while True:
                client.put(f"k{number}").value("v")
                done += 1
                begun.release()
        except errors.ClientClosedError:
            return done

    with ThreadPoolExecutor(THREADS) as pool:
        working = [pool.submit(work, number) for number in range(THREADS)]
        for _ in range(2 * THREADS):
            assert begun.acquire(timeout=BOUND)
        client.close()
        assert sum(one.result(BOUND) for one in working) >= 2 * THREADS


async def test_tasks_that_call_while_their_client_is_closed_get_results_or_learn_it(face, options):
    if face.is_blocking:
        pytest.skip("threads: above")
    client, done = face.service(options), []

    async def work(number):
        while True:
            await client.put(f"k{number}").value("v")
            done.append(number)

    working = [asyncio.ensure_future(work(number)) for number in range(THREADS)]
    while len(done) < 2 * THREADS:
        await asyncio.wait(working, timeout=0)
    await client.aclose()
    results = await asyncio.wait_for(asyncio.gather(*working, return_exceptions=True), BOUND)
    assert {type(error) for error in results} == {errors.ClientClosedError}


async def call(client, number):
    results = await asyncio.gather(*(client.put(f"{number}/{one}").value("v") for one in range(CALLS)))
    return len({result.revision for result in results})


def test_several_loops_at_once_use_one_client(options):
    client = AsyncETCDService(options)
    with ThreadPoolExecutor(LOOPS) as pool:
        running = [pool.submit(asyncio.run, call(client, number)) for number in range(LOOPS)]
        assert [one.result(BOUND) for one in running] == [CALLS] * LOOPS
    asyncio.run(client.aclose())


# --- interpreters that end meanwhile

THREADED = """
from etcd_factory import ETCDService

def wait(watcher):
    for event in watcher:
        pass

def write(number):
    while True:
        etcd.put(f"k{number}").value("v")
        begun.release()

etcd, begun = ETCDService({**options, "transport": rest[0]}), threading.Semaphore(0)
watcher, lock = etcd.watch().create(), etcd.lock("lock").acquire()
works = [(wait, watcher), *((write, number) for number in range(8))]
for function, argument in works:
    threading.Thread(target=function, args=(argument,), daemon=True).start()
for _ in range(100):
    assert begun.acquire(timeout=20)
"""
TASKS = """
import asyncio
from etcd_factory import AsyncETCDService

async def write(etcd, number, begun):
    while True:
        await etcd.put(f"k{number}").value("v")
        begun.release()

async def main():
    etcd, begun = AsyncETCDService({**options, "transport": rest[0]}), asyncio.Semaphore(0)
    watcher, lock = await etcd.watch().create(), await etcd.lock("lock").acquire()
    kept.append((etcd, watcher, lock, [asyncio.ensure_future(write(etcd, number, begun)) for number in range(8)]))
    for _ in range(100):
        await begun.acquire()

kept = []
asyncio.run(main())
"""
ENDED = TASKS.replace("asyncio.run(main())", "loop = asyncio.new_event_loop()\nloop.run_until_complete(main())")


def run(script, options, is_grpc):
    command = [sys.executable, "-c", PRELUDE + script, *options["hosts"], options["namespace"]]
    done = subprocess.run([*command, "grpc" if is_grpc else "h2"], capture_output=True, text=True, timeout=BOUND)
    return done.returncode, done.stderr


@pytest.mark.parametrize("script", [THREADED, TASKS], ids=["threads", "tasks"])
def test_an_interpreter_ends_silently_in_the_middle_of_everything(options, is_grpc, script):
    if is_grpc and script is TASKS:
        skip_before("1.76", "channels of asyncio print an error at the end")  # seen with 1.62
    assert run(script, options, is_grpc) == (0, "")


def test_an_interpreter_whose_loop_stopped_says_nothing_but_of_its_tasks(options, is_grpc):
    code, printed = run(ENDED, options, is_grpc)
    assert code == 0
    assert [line for line in printed.splitlines() if "etcd_factory" in line and "Error" in line] == []
    assert "Exception ignored" not in printed
