"""The status of an instance, of which its owner and its health check have a say."""

from __future__ import annotations

import pytest
from attrs import frozen

from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.registry.availability import Availability


@frozen
class Goal:
    status: str = "up"


class Reconciler:
    """Notes the statuses that it is to write; ``meanwhile`` happens once, while it writes."""

    ended = False

    def __init__(self):
        self.goal, self.written, self.meanwhile = Goal(), [], None

    async def update(self, status):
        self.goal = Goal(status)
        self.written.append(status)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile


@pytest.fixture
def reconciler():
    return Reconciler()


@pytest.fixture
def availability(reconciler):
    return Availability(AsyncioRuntime(), reconciler)


async def test_an_unhealthy_instance_is_down_until_it_is_healthy_again(availability, reconciler):
    await availability.found(is_healthy=False)
    await availability.found(is_healthy=True)
    assert reconciler.written == ["down", "up"]


async def test_a_paused_instance_is_paused_again_when_it_is_healthy_again(availability, reconciler):
    await availability.want("paused")
    await availability.found(is_healthy=False)
    await availability.found(is_healthy=True)
    assert reconciler.written == ["paused", "down", "paused"]


async def test_an_unhealthy_instance_cannot_be_resumed(availability, reconciler):
    await availability.found(is_healthy=False)
    await availability.want("up")
    assert reconciler.written == ["down", "down"]


async def test_an_instance_that_leaves_stays_down(availability, reconciler):
    await availability.want("down")
    await availability.found(is_healthy=False)
    await availability.found(is_healthy=True)
    assert set(reconciler.written) == {"down"}


async def test_what_changes_while_it_is_written_is_written_too(availability, reconciler):
    async def older_write_comes_last():
        await availability.found(is_healthy=False)
        reconciler.goal = Goal("paused")

    reconciler.meanwhile = older_write_comes_last()
    await availability.want("paused")
    assert reconciler.goal.status == "down"


async def test_it_has_ended_when_it_is_over_or_was_replaced(availability, reconciler):
    assert not availability.ended
    reconciler.ended = True
    assert availability.ended
    reconciler.ended = False
    availability.over.set()
    assert availability.ended
