"""Waiting until a condition holds."""

from __future__ import annotations

import asyncio
import threading
from queue import Queue

import pytest

from etcd_factory.core.face import finish
from etcd_factory.core.mirror.conditions import ConditionWaiters
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime

BOUND = 10  # seconds that nothing here takes


@pytest.fixture
def waiters():
    return ConditionWaiters(AsyncioRuntime())


class Level:
    """A number that rises, and those who wait for it."""

    def __init__(self, waiters):
        self.height, self._waiters = 0, waiters

    def rise(self, height):
        self.height = height
        self._waiters.wake()

    async def wait(self, height, timeout=BOUND):
        return await self._waiters.until(lambda: self.height >= height, timeout)

    async def waiting(self, *heights):
        """Return tasks that have begun to wait."""
        tasks = [asyncio.create_task(self.wait(height)) for height in heights]
        await asyncio.sleep(0)
        return tasks


@pytest.fixture
def level(waiters):
    return Level(waiters)


async def test_what_holds_is_not_waited_for(level):
    assert await level.wait(0, timeout=0)


async def test_only_those_continue_whose_condition_holds(level):
    low, high, lowest = await level.waiting(2, 3, 1)
    level.rise(2)
    assert await asyncio.gather(low, lowest) == [True, True]
    assert not high.done()
    level.rise(3)
    assert await high


async def test_after_the_timeout_the_result_is_false_and_the_waiter_forgotten(level, waiters):
    assert not await level.wait(1, timeout=0.001)
    assert waiters._waiting == {}
    level.rise(1)


@pytest.mark.parametrize("timeout", [0, -1])
async def test_there_may_be_no_time_left_at_all(level, timeout):
    assert not await level.wait(1, timeout)


async def test_a_cancelled_waiter_is_forgotten_and_the_others_continue(level, waiters):
    one, other = await level.waiting(1, 1)
    one.cancel()
    await asyncio.wait([one])
    assert len(waiters._waiting) == 1
    level.rise(1)
    assert await other


async def test_the_error_of_the_end_is_raised_in_all_who_wait_and_who_come_later(level, waiters):
    waiting = await level.waiting(1, 2)
    waiters.end(ClientClosedError("over"))
    errors = await asyncio.gather(*waiting, level.wait(0), level.wait(1), return_exceptions=True)
    assert [(type(error), str(error)) for error in errors] == [(ClientClosedError, "over")] * 4


async def test_waking_after_the_end_does_nothing(level, waiters):
    waiters.end(ClientClosedError("over"))
    level.rise(1)
    with pytest.raises(ClientClosedError):
        await level.wait(1)


def test_threads_wait_for_a_condition_that_another_thread_brings_about():
    waiters, checked, met, results = ConditionWaiters(ThreadRuntime()), Queue(), [], []

    def wait():
        results.append(finish(waiters.until(lambda: checked.put(None) or bool(met), BOUND)))

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
        checked.get(timeout=BOUND)  # from then on it waits, or holds the lock until it does
    met.append(True)
    waiters.wake()
    for thread in threads:
        thread.join(BOUND)
    assert results == [True, True]
