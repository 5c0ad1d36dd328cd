"""The runtime on asyncio."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from etcd_factory.core.face import Async
from etcd_factory.io.runtime.asyncio import AsyncioRuntime, is_set

BOUND = 10  # seconds that nothing here takes
TICK = 0.01


@pytest.fixture
def runtime():
    return AsyncioRuntime()


async def test_its_face_is_asyncio_and_each_loop_is_a_scope(runtime):
    assert runtime.face is Async
    assert runtime.scope() is asyncio.get_running_loop()
    other = await asyncio.to_thread(lambda: asyncio.run(scope(runtime)))
    assert other is not runtime.scope()


async def scope(runtime):
    return runtime.scope()


def test_without_a_running_loop_there_is_no_scope(runtime):
    with pytest.raises(RuntimeError, match="no running event loop: an asyncio client needs asyncio"):
        runtime.scope()


async def test_a_promise_may_be_awaited_in_several_loops(runtime):
    """A client may be used in several at once."""
    promise = runtime.promise()
    begun = threading.Event()

    async def wait():
        begun.set()
        return await promise.wait(BOUND)

    other = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(wait())))
    mine = asyncio.ensure_future(promise.wait(BOUND))
    assert await asyncio.to_thread(begun.wait, BOUND)
    promise.set(7)
    assert await asyncio.wait_for(asyncio.gather(mine, other), BOUND) == [7, 7]


async def test_a_body_within_a_bound_may_be_a_coroutine_or_not(runtime):
    async def later():
        return 7

    assert [await runtime.within(BOUND, later), await runtime.within(BOUND, lambda: 8)] == [7, 8]


async def test_a_body_that_takes_longer_is_cancelled(runtime):
    cancelled = asyncio.Event()

    async def slow():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError, match=r"not done within 0\.01 s"):
        await runtime.within(TICK, slow)
    await asyncio.wait_for(cancelled.wait(), BOUND)  # its end is not waited for


async def test_a_timeout_that_the_body_raises_itself_keeps_its_text(runtime):
    async def fails():
        raise TimeoutError("of the body")

    with pytest.raises(TimeoutError, match="of the body"):
        await runtime.within(BOUND, fails)


async def test_what_runs_aside_holds_up_no_loop(runtime):
    names = [await runtime.aside(lambda: threading.current_thread().name)]
    assert names != [threading.current_thread().name]


async def test_what_fails_aside_is_raised(runtime):
    def fails():
        raise KeyError("k")

    with pytest.raises(KeyError):
        await runtime.aside(fails)


async def test_a_cancellation_that_comes_together_with_the_event_is_not_lost():
    """Before Python 3.12 ``wait_for`` would lose it."""
    event = asyncio.Event()
    waiting = asyncio.ensure_future(is_set(event, BOUND))
    await asyncio.sleep(0)
    event.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_waiting_leaves_no_task_behind():
    before = asyncio.all_tasks()
    assert not await is_set(asyncio.Event(), TICK)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_many_who_wait_share_one_timer_and_each_has_its_own_deadline():
    loop, ended = asyncio.get_running_loop(), []
    timers = len(loop._scheduled)

    async def wait(name, timeout):
        assert not await AsyncioRuntime().gate().wait(timeout)
        ended.append(name)

    late = [asyncio.ensure_future(wait(f"late {number}", BOUND)) for number in range(100)]
    await asyncio.sleep(0)
    assert len(loop._scheduled) - timers <= 1
    await asyncio.gather(wait("second", 2 * TICK), wait("first", TICK))
    assert sorted(ended) == ["first", "second"]
    for task in late:
        task.cancel()
    await asyncio.wait(late)


async def test_a_timer_that_is_too_early_for_those_who_wait_now_waits_for_them():
    first = AsyncioRuntime().gate()
    waiting = asyncio.ensure_future(first.wait(TICK))
    await asyncio.sleep(0)
    first.open()
    assert await waiting
    assert not await AsyncioRuntime().gate().wait(3 * TICK)


def test_a_loop_that_ended_before_its_timer_is_not_kept():
    loops = []

    async def wait():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        gate = AsyncioRuntime().gate()
        waiting = asyncio.ensure_future(gate.wait(BOUND))
        await asyncio.sleep(0)
        gate.open()
        assert await waiting

    for _ in range(5):
        asyncio.run(wait())
    gc.collect()
    assert len([loop for loop in loops if loop() is not None]) <= 1  # the next one drops it


async def test_a_domain_is_looked_up_by_its_record(runtime, monkeypatch):
    async def lookup(name, timeout):
        return [(name, timeout)]

    monkeypatch.setattr("etcd_factory.io.runtime.dns.lookup_async", lookup)
    assert await runtime.lookup("example.com", False, 3.0) == [("_etcd-client._tcp.example.com", 3.0)]


async def test_an_error_of_a_gathered_coroutine_is_raised(runtime):
    async def fails():
        raise KeyError("k")

    with pytest.raises(KeyError):
        await runtime.gather([runtime.sleep(0), fails()])
