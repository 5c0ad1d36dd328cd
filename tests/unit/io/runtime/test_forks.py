"""Forks: what has connections or threads drops them in the child, untouched."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.core.background import Closing
from etcd_factory.io.runtime import forks
from etcd_factory.testing import ScriptedTransport
from tests.support.views import view_behind

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks exist on Unix only"),
    # Python 3.12 warns of a fork where there are threads; here the child does nothing but look
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


class Forkable:
    """Counts how often it was to forget."""

    def __init__(self):
        self.times = 0

    def forget(self):
        self.times += 1
        return "what is kept"


class Worker:
    """Background work of a client."""

    closing = Closing.WATCHES

    def __init__(self, client):
        pass


def in_child(check):
    """Run a function in a forked child, and return whether it was true there."""
    child = os.fork()
    if child == 0:
        outcome = 1
        try:
            outcome = 0 if check() else 1
        finally:
            os._exit(outcome)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Failing(Forkable):
    """Cannot forget."""

    def forget(self):
        raise OSError("not now")


def test_what_cannot_forget_does_not_keep_the_others_from_it():
    several = [made() for made in (Failing, Forkable) * 10]  # in any order
    for one in several:
        forks.register(one)
    assert in_child(lambda: [one.times for one in several] == [0, 1] * 10)


def test_what_is_registered_forgets_in_the_child_only():
    one = Forkable()
    forks.register(one)
    assert in_child(lambda: one.times == 1)
    assert one.times == 0


def test_in_the_child_of_a_child_it_forgets_again():
    one = Forkable()
    forks.register(one)
    assert in_child(lambda: in_child(lambda: one.times == 2))


def test_what_was_dropped_is_kept_alive_in_the_child():
    """gRPC's clean-up would wait for threads that only the parent has."""
    one = Forkable()
    forks.register(one)
    assert in_child(lambda: "what is kept" in forks._inherited)


def test_what_is_gone_is_not_kept():
    one = Forkable()
    forks.register(one)
    live = len(forks._live)
    del one
    gc.collect()
    assert len(forks._live) < live


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
def test_a_service_is_registered_and_its_child_counts_the_fork(service):
    client = service(transport=ScriptedTransport([]))
    core = view_behind(client).client
    assert in_child(lambda: core.background.generation == 1)
    assert core.background.generation == 0


def test_a_lock_that_another_thread_held_is_free_in_the_child():
    background = view_behind(ETCDService(transport=ScriptedTransport([]))).client.background
    held, go = threading.Event(), threading.Event()

    class Slow(Worker):
        """A worker whose creation, under the lock, takes long."""

        def __init__(self, client):
            held.set()
            go.wait(10)

    thread = threading.Thread(target=lambda: background.get(Slow))
    thread.start()
    assert held.wait(10)
    try:
        assert in_child(lambda: isinstance(background.get(Worker), Worker))
    finally:
        go.set()
        thread.join(10)


def stack_size():
    """The bytes of a new thread's stack; asking sets it to 0, the default."""
    size = threading.stack_size()
    threading.stack_size(size)
    return size


def test_threads_of_a_child_have_larger_stacks_once_for_each_fork():
    """So their addresses are not those of its parent's threads."""
    before = stack_size()
    forks.move_stacks()
    assert stack_size() == before

    def moved():
        forks.move_stacks()
        size = stack_size()
        forks.move_stacks()
        return size == stack_size() == max(before, forks.default_size()) + forks.STEP

    assert in_child(moved)
