"""What both runtimes do alike: signals, mailboxes, tasks and promises, on threads and on asyncio."""

import asyncio
import threading

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import DeadlineExceededError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime

BOUND = 10
TICK = 0.01


@pytest.fixture(params=[ThreadRuntime, AsyncioRuntime], ids=["threads", "tasks"])
def runtime(request):
    return request.param()


class Waiters:
    """Runs beside the test what waits; all of it must end soon."""

    def __init__(self, runtime):
        self._blocks = runtime.face.__name__ == "Sync"

    def begin(self, body):
        return asyncio.ensure_future(asyncio.to_thread(finish, body) if self._blocks else body)

    async def waiting(self, *bodies):
        """Begin them, and return once each of them waits."""
        begun = [self.begin(body) for body in bodies]
        await asyncio.sleep(TICK)
        return begun

    async def soon(self, body):
        return await asyncio.wait_for(self.begin(body), BOUND)


@pytest.fixture
def waiters(runtime):
    return Waiters(runtime)


async def ended(*waiting):
    return await asyncio.wait_for(asyncio.gather(*waiting), BOUND)


async def test_a_signal_wakes_all_who_wait(runtime, waiters):
    signal = runtime.signal()
    waiting = await waiters.waiting(*(signal.wait() for _ in range(3)))
    signal.set()
    assert await ended(*waiting) == [True, True, True]


async def test_a_signal_that_is_not_set_in_time_is_false(runtime, waiters):
    assert await waiters.soon(runtime.signal().wait(TICK)) is False


async def test_a_signal_stays_set_until_it_is_cleared(runtime, waiters):
    signal = runtime.signal()
    assert not signal.is_set()
    signal.set()
    assert [await waiters.soon(signal.wait(TICK)) for _ in range(2)] == [True, True]
    signal.clear()
    assert not signal.is_set()
    assert await waiters.soon(signal.wait(TICK)) is False


async def test_a_gate_lets_all_pass_who_wait_and_who_come_later(runtime, waiters):
    gate = runtime.gate()
    waiting = await waiters.waiting(*(gate.wait() for _ in range(3)), gate.wait(BOUND))
    gate.open()
    assert await ended(*waiting) == [True] * 4
    assert await waiters.soon(gate.wait()) is True
    assert await waiters.soon(gate.wait(TICK)) is True


@pytest.mark.parametrize("timeout", [TICK, 0.0, -1.0])
async def test_a_gate_that_is_not_opened_in_time_is_false(runtime, waiters, timeout):
    gate = runtime.gate()
    assert await waiters.soon(gate.wait(timeout)) is False
    gate.open()  # nobody waits any more
    assert await waiters.soon(gate.wait()) is True


async def test_a_cancelled_task_leaves_the_others_at_the_gate():
    gate = AsyncioRuntime().gate()

    async def wait():
        return await gate.wait()

    gone, stays = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    gate.open()
    assert (gone.cancelled(), await asyncio.wait_for(stays, BOUND)) == (True, True)


async def test_a_mailbox_returns_items_in_order(runtime, waiters):
    box = runtime.mailbox(3)
    assert [box.put(item) for item in "abc"] == [True, True, True]
    assert [await waiters.soon(box.get()) for _ in "abc"] == ["a", "b", "c"]


async def test_a_full_mailbox_accepts_only_what_it_must(runtime, waiters):
    box = runtime.mailbox(1)
    assert (box.put("a"), box.put("b"), box.put("c", always=True)) == (True, False, True)
    assert [await waiters.soon(box.get()) for _ in "ac"] == ["a", "c"]
    assert box.put("d")


async def test_an_item_wakes_a_reader(runtime, waiters):
    box = runtime.mailbox(1)
    waiting = await waiters.waiting(box.get())
    box.put("a")
    assert await ended(*waiting) == ["a"]


async def test_each_item_goes_to_one_reader(runtime, waiters):
    box = runtime.mailbox(5)
    waiting = await waiters.waiting(*(box.get() for _ in range(5)))
    for item in range(5):
        box.put(item)
    assert sorted(await ended(*waiting)) == [0, 1, 2, 3, 4]


async def test_an_empty_mailbox_returns_none_after_the_timeout(runtime, waiters):
    box = runtime.mailbox(1)
    assert await waiters.soon(box.get(TICK)) is None
    box.put("a")
    assert await waiters.soon(box.get(TICK)) == "a"


async def test_a_closed_mailbox_returns_what_is_in_it_and_then_none(runtime, waiters):
    box = runtime.mailbox(2)
    box.put("a")
    box.close()
    assert (box.put("b"), box.put("c", always=True)) == (False, False)
    assert [await waiters.soon(box.get()) for _ in range(3)] == ["a", None, None]


async def test_closing_a_mailbox_wakes_all_readers(runtime, waiters):
    box = runtime.mailbox(1)
    waiting = await waiters.waiting(*(box.get() for _ in range(3)))
    box.close()
    assert await ended(*waiting) == [None, None, None]


async def test_a_task_runs_in_the_background_and_has_a_name(runtime, waiters):
    go, names = runtime.signal(), []

    async def body():
        await go.wait(BOUND)
        blocks = runtime.face.__name__ == "Sync"
        names.append(threading.current_thread().name if blocks else asyncio.current_task().get_name())

    task = runtime.spawn(body(), "etcd_factory test")
    assert await waiters.soon(task.join(TICK)) is False
    go.set()
    assert await waiters.soon(task.join(BOUND)) is True
    assert names == ["etcd_factory test"]


async def test_a_task_that_joins_itself_does_not_wait(runtime, waiters):
    joined, known, tasks = [], runtime.signal(), []

    async def body():
        await known.wait(BOUND)
        joined.append(await tasks[0].join(BOUND))

    tasks.append(runtime.spawn(body(), "etcd_factory test"))
    known.set()
    assert await waiters.soon(tasks[0].join(BOUND)) is True
    assert joined == [True]


async def test_a_promise_returns_its_value_to_all_who_wait_then_and_later(runtime, waiters):
    promise = runtime.promise()
    waiting = await waiters.waiting(*(promise.wait(BOUND) for _ in range(3)))
    promise.set("v")
    assert await ended(*waiting) == ["v", "v", "v"]
    assert await waiters.soon(promise.wait()) == "v"


async def test_a_promise_that_is_not_set_in_time_is_an_error_and_can_still_be_set(runtime, waiters):
    promise = runtime.promise()
    with pytest.raises(DeadlineExceededError):
        await waiters.soon(promise.wait(TICK))
    promise.set("v")
    assert await waiters.soon(promise.wait(TICK)) == "v"


async def test_a_cancelled_waiter_of_a_promise_harms_no_other():
    promise = AsyncioRuntime.promise()
    hasty, patient = asyncio.ensure_future(promise.wait()), asyncio.ensure_future(promise.wait())
    await asyncio.sleep(0)
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    promise.set("v")
    assert await asyncio.wait_for(patient, BOUND) == "v"


async def test_no_item_is_lost_with_a_cancelled_reader():
    box = AsyncioRuntime.mailbox(1)
    reader = asyncio.ensure_future(box.get())
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    box.put("a")
    assert await asyncio.wait_for(box.get(), BOUND) == "a"


async def test_gathered_coroutines_run_concurrently(runtime, waiters):
    one, two = runtime.signal(), runtime.signal()

    async def body(mine, other):
        mine.set()
        return await other.wait(BOUND)

    assert await waiters.soon(runtime.gather([body(one, two), body(two, one)])) == [True, True]
