"""Waiting in a thread: it ends when it may, in time, or by an interrupt that leaves nothing behind."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from etcd_factory.io.runtime.waiters import Bell, Waiters

BOUND = 10  # seconds that nothing here takes
TICK = 0.01


def test_what_is_done_is_not_waited_for():
    assert Waiters().wait(lambda: True)


def test_waiting_ends_at_its_timeout():
    assert not Waiters().wait(lambda: False, TICK)


def test_what_becomes_true_at_the_timeout_counts():
    answers = iter([False, False, True])
    assert Waiters().wait(lambda: next(answers), TICK)


def test_all_look_again_when_they_are_woken():
    waiters, looked, done = Waiters(), threading.Semaphore(0), []

    def is_done():
        looked.release()
        return done

    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(waiters.wait, is_done, BOUND) for _ in range(2)]
        for _ in range(4):  # each looks before and after it is among those who are woken
            assert looked.acquire(timeout=BOUND)
        waiters.wake()
        for _ in range(2):
            assert looked.acquire(timeout=BOUND)
        done.append(True)
        waiters.wake()
        assert [one.result(BOUND) for one in waiting] == [True, True]


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_an_interrupt_at_any_moment_stops_no_other(moment):
    waiters, looks = Waiters(), []

    def interrupted():
        looks.append(1)
        waiters.wake()
        if len(looks) == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        waiters.wait(interrupted, BOUND)
    assert not waiters._queues
    assert not waiters.wait(lambda: False, TICK)


@pytest.fixture
def bell():
    return Bell(*os.pipe())


def test_a_bell_is_heard_by_all_who_wait_and_who_come_later(bell, polls):
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(bell.wait) for _ in range(3)]
        polls.begun(3)
        bell.ring()
        assert [one.result(BOUND) for one in waiting] == [True, True, True]
    assert bell.wait()


def test_an_interrupt_takes_a_bell_from_no_other(bell, polls):
    bell.ring()
    polls.error = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        bell.wait()
    polls.error = None
    assert bell.wait()


def test_a_bell_that_nobody_has_leaves_no_file_open():
    ends = os.pipe()
    Bell(*ends)
    for end in ends:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(end)
