"""Single flight: one of several callers does the work, the others get its result."""

import asyncio
import threading

import pytest

from etcd_factory.core.call.single_flight import SingleFlight
from etcd_factory.core.face import finish
from etcd_factory.errors import DeadlineExceededError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime

BOUND = 10  # seconds that nothing here takes


@pytest.fixture
def flights():
    return SingleFlight(AsyncioRuntime())


class Body:
    """The work: it waits until ``go`` is set, and counts how often it was begun."""

    def __init__(self, outcome="done"):
        self.outcome, self.begun, self.go = outcome, 0, asyncio.Event()

    async def __call__(self):
        self.begun += 1
        await self.go.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def together(flights, body, many, key="k", timeout=None):
    """Tasks of callers that have all reached the flight."""
    tasks = [asyncio.create_task(flights.run(key, body, timeout)) for _ in range(many)]
    await asyncio.sleep(0)
    return tasks


async def test_many_callers_share_one_flight(flights):
    body = Body()
    tasks = await together(flights, body, 20)
    body.go.set()
    assert await asyncio.gather(*tasks) == ["done"] * 20
    assert body.begun == 1


async def test_a_flight_that_nobody_waits_for_makes_no_promise(flights, monkeypatch):
    made = []
    promise = flights._runtime.promise
    monkeypatch.setattr(flights._runtime, "promise", lambda: made.append(1) or promise(), raising=False)
    body = Body()
    body.go.set()
    await flights.run("k", body)
    assert made == []
    body.go.clear()
    tasks = await together(flights, body, 3)
    body.go.set()
    await asyncio.gather(*tasks)
    assert made == [1]


async def test_an_error_is_raised_in_all_who_wait(flights):
    body = Body(ValueError("broken"))
    tasks = await together(flights, body, 3)
    body.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["broken"] * 3
    assert body.begun == 1


async def test_a_later_call_runs_again(flights):
    body = Body()
    body.go.set()
    await flights.run("k", body)
    await flights.run("k", body)
    assert body.begun == 2


async def test_a_call_after_an_error_runs_again(flights):
    broken, sound = Body(ValueError("broken")), Body()
    broken.go.set()
    sound.go.set()
    with pytest.raises(ValueError, match="broken"):
        await flights.run("k", broken)
    assert await flights.run("k", sound) == "done"


async def test_keys_have_flights_of_their_own(flights):
    one, other = Body("one"), Body("other")
    tasks = await together(flights, one, 1, "a") + await together(flights, other, 1, "b")
    one.go.set()
    other.go.set()
    assert await asyncio.gather(*tasks) == ["one", "other"]


async def test_a_cancelled_caller_hands_over_to_another(flights):
    body = Body()
    leader, follower = await together(flights, body, 2)
    leader.cancel()
    body.go.set()
    assert await follower == "done"
    assert body.begun == 2


async def test_a_caller_that_waits_too_long_gets_a_deadline_error_and_the_flight_continues(flights):
    body = Body()
    leader, follower = await together(flights, body, 2, timeout=0.001)
    with pytest.raises(DeadlineExceededError):
        await follower
    body.go.set()
    assert await leader == "done"


async def test_joining_waits_for_the_flight_under_way_and_raises_its_error(flights):
    body = Body(ValueError("broken"))
    (leader,) = await together(flights, body, 1)
    joining = asyncio.create_task(flights.join("k"))
    await asyncio.sleep(0)
    assert not joining.done()
    body.go.set()
    for task in (leader, joining):
        with pytest.raises(ValueError, match="broken"):
            await task


async def test_joining_without_a_flight_returns_at_once(flights):
    await flights.join("k")


async def test_a_forked_child_starts_without_flights(flights):
    body = Body()
    (leader,) = await together(flights, body, 1)
    assert flights.forget() is not None
    sound = Body()
    sound.go.set()
    assert await flights.run("k", sound) == "done"
    body.go.set()
    await leader


class Announcing(ThreadRuntime):
    """A runtime of threads that says when one waits for a flight."""

    def __init__(self):
        self.waiting = threading.Event()

    def promise(self):
        promise = ThreadRuntime.promise()
        wait = promise.wait

        async def announced(timeout=None):
            self.waiting.set()
            return await wait(timeout)

        promise.wait = announced
        return promise


def test_threads_share_a_flight():
    runtime, entered, begun, results = Announcing(), threading.Event(), [], []
    flights = SingleFlight(runtime)

    async def body():
        begun.append(1)
        entered.set()
        assert runtime.waiting.wait(BOUND)
        return "done"

    def run(work):
        thread = threading.Thread(target=lambda: results.append(finish(flights.run("k", work))))
        thread.start()
        return thread

    leader = run(body)
    assert entered.wait(BOUND)
    follower = run(body)
    for thread in (leader, follower):
        thread.join(BOUND)
    assert results == ["done", "done"]
    assert begun == [1]
