"""Single flight: one of several callers does a thing, the others get what it gives."""

import asyncio
import threading

import pytest

from etcd_factory.core.call.single_flight import SingleFlight
from etcd_factory.errors import DeadlineExceededError
from etcd_factory.io.runtime.asyncio import Promise


@pytest.fixture
def flights():
    return SingleFlight(Promise, threading.Lock)


class Body:
    """What is flown: it waits to be let go, and counts how often it was begun."""

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
    tasks = [asyncio.create_task(flights.once(key, body, timeout)) for _ in range(many)]
    await asyncio.sleep(0)
    return tasks


async def test_many_callers_make_one_flight(flights):
    body = Body()
    tasks = await together(flights, body, 20)
    body.go.set()
    assert await asyncio.gather(*tasks) == ["done"] * 20
    assert body.begun == 1


async def test_an_error_reaches_all_who_wait(flights):
    body = Body(ValueError("broken"))
    tasks = await together(flights, body, 3)
    body.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["broken"] * 3
    assert body.begun == 1


async def test_a_later_call_flies_anew(flights):
    body = Body()
    body.go.set()
    await flights.once("k", body)
    await flights.once("k", body)
    assert body.begun == 2


async def test_a_call_after_an_error_flies_anew(flights):
    broken, sound = Body(ValueError("broken")), Body()
    broken.go.set()
    sound.go.set()
    with pytest.raises(ValueError, match="broken"):
        await flights.once("k", broken)
    assert await flights.once("k", sound) == "done"


async def test_other_keys_fly_by_themselves(flights):
    one, other = Body("one"), Body("other")
    tasks = await together(flights, one, 1, "a") + await together(flights, other, 1, "b")
    one.go.set()
    other.go.set()
    assert await asyncio.gather(*tasks) == ["one", "other"]


async def test_one_that_is_cancelled_hands_over_to_another(flights):
    body = Body()
    leader, follower = await together(flights, body, 2)
    leader.cancel()
    body.go.set()
    assert await follower == "done"
    assert body.begun == 2


async def test_one_who_waits_too_long_gets_a_deadline_error_and_the_flight_goes_on(flights):
    body = Body()
    leader, follower = await together(flights, body, 2, timeout=0.001)
    with pytest.raises(DeadlineExceededError):
        await follower
    body.go.set()
    assert await leader == "done"
