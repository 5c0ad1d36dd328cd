"""Waiting in either face, woken from any thread."""

import asyncio
import threading
from time import monotonic

import pytest

from etcd_factory.core.face import Async, Sync, finish
from etcd_factory.testing.fake.waiting import waiter, yield_to_others

LONG = 30  # seconds that nothing here takes


def test_a_thread_is_woken_by_another():
    one = waiter(Sync)
    threading.Thread(target=one.wake).start()
    assert finish(one.wait(LONG))
    assert finish(one.wait())


async def test_a_task_is_woken_by_another_thread():
    one = waiter(Async)
    threading.Thread(target=one.wake).start()
    assert await one.wait(LONG)


@pytest.mark.parametrize("seconds", [0, 0.01])
async def test_a_wait_ends_in_time(seconds):
    start = monotonic()
    assert not finish(waiter(Sync).wait(seconds))
    assert not await waiter(Async).wait(seconds)
    assert monotonic() - start >= 2 * seconds


def test_waking_a_task_of_a_loop_that_has_ended_does_nothing():
    async def make():
        return waiter(Async)

    asyncio.run(make()).wake()


async def test_only_asyncio_lets_others_run():
    ran = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    finish(yield_to_others(Sync))
    assert ran == []
    await yield_to_others(Async)
    assert ran == [1]
