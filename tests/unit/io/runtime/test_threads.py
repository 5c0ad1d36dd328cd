"""The runtime on threads: whatever waits blocks its thread and never suspends."""

from __future__ import annotations

import _thread
import errno
import os
import select
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from etcd_factory.core.face import Sync, finish
from etcd_factory.io.runtime.threads import FEW, Mailbox, Promise, Signal, ThreadRuntime

BOUND = 10  # seconds that nothing here takes
TICK = 0.01


@pytest.fixture
def runtime():
    return ThreadRuntime()


WAITS = {
    "signal": lambda runtime: runtime.signal().wait(TICK),
    "gate": lambda runtime: runtime.gate().wait(TICK),
    "mailbox": lambda runtime: runtime.mailbox(1).get(TICK),
    "sleep": lambda runtime: runtime.sleep(0),
    "within": lambda runtime: runtime.within(BOUND, lambda: 7),
    "aside": lambda runtime: runtime.aside(lambda: 7),
    "gather": lambda runtime: runtime.gather([runtime.sleep(0)]),
    "join": lambda runtime: runtime.spawn(runtime.sleep(0), "etcd_factory test").join(BOUND),
}


@pytest.mark.parametrize("name", WAITS)
async def test_nothing_waits_for_an_event_loop(runtime, name):
    """Even if one is running in this thread."""
    finish(WAITS[name](runtime))


def no_pipe():
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("lacks", ["nothing", "poll", "files"])
def test_a_gate_that_opens_wakes_more_threads_than_wait_at_locks(runtime, polls, monkeypatch, lacks):
    if lacks == "poll":
        monkeypatch.delattr(select, "poll")
    if lacks == "files":
        monkeypatch.setattr(os, "pipe", no_pipe)
    gate = runtime.gate()
    assert [finish(gate.wait(0)) for _ in range(FEW)] == [False] * FEW  # each had a lock
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(finish, gate.wait()) for _ in range(3)]
        polls.begun(3 if lacks == "nothing" else 0)
        gate.open()
        assert [one.result(BOUND) for one in waiting] == [True] * 3
    assert finish(gate.wait())


async def test_a_promise_that_is_set_does_not_suspend(runtime):
    promise = runtime.promise()
    promise.set(7)
    assert finish(promise.wait(BOUND)) == 7


def test_its_face_is_the_blocking_one_and_all_threads_share_its_scope(runtime):
    scopes = []
    thread = threading.Thread(target=lambda: scopes.append(runtime.scope()))
    thread.start()
    thread.join(BOUND)
    assert runtime.face is Sync
    assert scopes == [runtime.scope()]


def test_a_task_has_a_daemon_thread_of_its_own(runtime):
    threads = []

    async def body():
        threads.append(threading.current_thread())

    assert finish(runtime.spawn(body(), "etcd_factory test").join(BOUND))
    (thread,) = threads
    assert (thread.daemon, thread.name) == (True, "etcd_factory test")
    assert thread is not threading.current_thread()


@pytest.mark.parametrize("is_started", [True, False])
def test_a_task_runs_once_even_if_its_start_is_interrupted(runtime, monkeypatch, is_started):
    start, calls, runs = _thread.start_new_thread, [], threading.Semaphore(0)

    def interrupted(run, args):
        calls.append(run)
        if is_started or len(calls) > 1:
            start(run, args)
        if len(calls) == 1:
            raise KeyboardInterrupt

    async def body():
        runs.release()

    monkeypatch.setattr(_thread, "start_new_thread", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runtime.spawn(body(), "etcd_factory test")
    assert runs.acquire(timeout=BOUND)
    assert not runs.acquire(timeout=TICK)


def test_a_task_whose_thread_cannot_start_is_an_error(runtime, monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda self: (_ for _ in ()).throw(RuntimeError("no more threads")))
    body = runtime.sleep(0)
    with pytest.raises(RuntimeError, match="no more threads"):
        runtime.spawn(body, "etcd_factory test")
    assert body.cr_frame is None  # closed, or it would be warned of


def test_a_body_within_a_bound_returns_or_raises_what_it_does(runtime):
    def fails():
        raise KeyError("k")

    assert finish(runtime.within(BOUND, lambda: 7)) == 7
    with pytest.raises(KeyError):
        finish(runtime.within(BOUND, fails))


def test_a_body_that_takes_longer_is_a_timeout_and_keeps_running(runtime):
    go, done = threading.Event(), threading.Event()

    def slow():
        assert go.wait(BOUND)
        done.set()

    with pytest.raises(TimeoutError, match=r"not done within 0\.01 s"):
        finish(runtime.within(TICK, slow))
    assert not done.is_set()
    go.set()
    assert done.wait(BOUND)


def test_a_timeout_that_the_body_raises_itself_passes(runtime):
    def fails():
        raise TimeoutError("of the body")

    with pytest.raises(TimeoutError, match="of the body"):
        finish(runtime.within(BOUND, fails))


def test_an_error_of_a_gathered_coroutine_is_raised(runtime):
    async def fails():
        raise KeyError("k")

    with pytest.raises(KeyError):
        finish(runtime.gather([runtime.sleep(0), fails()]))


def test_gathering_nothing_returns_nothing(runtime):
    assert finish(runtime.gather([])) == []


def test_a_domain_is_looked_up_by_its_record(runtime, monkeypatch):
    monkeypatch.setattr("etcd_factory.io.runtime.dns.lookup", lambda name, timeout: [(name, timeout)])
    assert finish(runtime.lookup("example.com", True, 3.0)) == [("_etcd-client-ssl._tcp.example.com", 3.0)]


def test_many_threads_take_each_item_once():
    box, taken = Mailbox(10_000), []

    def take():
        while (item := finish(box.get())) is not None:
            taken.append(item)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for item in range(1000):
        box.put(item)
    box.close()
    for thread in threads:
        thread.join(BOUND)
    assert sorted(taken) == list(range(1000))


def test_the_kinds_of_a_runtime_are_those_of_this_module(runtime):
    kinds = [type(runtime.signal()), type(runtime.promise()), type(runtime.mailbox(1))]
    assert kinds == [Signal, Promise, Mailbox]
