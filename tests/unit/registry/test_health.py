"""The loop of a health check: when an instance is down and back, what is logged, and when the loop ends."""

from __future__ import annotations

import logging
from collections import deque

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import NoSpaceError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.registry import health
from etcd_factory.registry.checks import Check
from etcd_factory.registry.health import HealthCheck

SOON = 0.0001  # seconds between checks
OK, BAD = None, OSError("refused")


class Instance:
    """An availability whose checks go as the test says, one after another; then it has ended."""

    def __init__(self, runtime, outcomes):
        self.over, self._outcomes = runtime.signal(), deque(outcomes)
        self.found_healthy, self.error = [], None

    @property
    def ended(self):
        return self.over.is_set()

    async def found(self, *, is_healthy):
        self.found_healthy.append(is_healthy)
        if self.error is not None:
            raise self.error

    async def probe(self, runtime):
        outcome = self._outcomes.popleft()
        if not self._outcomes:
            self.over.set()
        if outcome is not None:
            raise outcome


@pytest.fixture(params=[ThreadRuntime, AsyncioRuntime])
def runtime(request):
    return request.param()


@pytest.fixture
def run(runtime):
    """A function that runs a check to its end; returns its instance."""

    async def go(*outcomes, failures=3, error=None, probe=None):
        instance = Instance(runtime, outcomes)
        instance.error = error
        loop = HealthCheck(runtime, "user/a", Check(probe or instance.probe, SOON, failures), instance)._run()
        if isinstance(runtime, ThreadRuntime):
            finish(loop)
        else:
            await loop
        return instance

    return go


@pytest.mark.parametrize(
    ("outcomes", "found"),
    [
        ([OK, OK], []),
        ([BAD, BAD, OK], []),
        ([BAD, BAD, OK, BAD, BAD], []),
        ([BAD, BAD, BAD], [False]),
        ([BAD] * 9, [False]),
        ([BAD, BAD, BAD, OK], [False, True]),
        ([BAD, BAD, BAD, OK, BAD, BAD, OK, OK, BAD, BAD, BAD, BAD], [False, True, False]),
    ],
)
async def test_it_is_down_after_three_failures_in_a_row_and_back_after_a_success(run, outcomes, found):
    assert (await run(*outcomes)).found_healthy == found


async def test_one_failure_may_be_enough(run):
    assert (await run(BAD, OK, BAD, failures=1)).found_healthy == [False, True, False]


async def test_each_change_is_logged_once(run, caplog):
    caplog.set_level(logging.INFO, "etcd_factory.registry")
    await run(BAD, BAD, BAD, BAD, BAD, OK, OK)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.messages == [
        "the health check of user/a failed 3 times, it is down: OSError('refused')",
        "the health check of user/a succeeds again, it is back",
    ]


async def test_a_status_that_cannot_be_written_ends_nothing(run):
    found = await run(BAD, BAD, BAD, OK, error=NoSpaceError("no space"))
    assert found.found_healthy == [False, True]


async def test_a_check_that_hangs_has_failed(run, runtime, monkeypatch):
    monkeypatch.setattr(health, "TIMEOUT", 0.01)
    never, made = runtime.signal(), []

    class Hanging(Instance):
        async def found(self, *, is_healthy):
            made.append(is_healthy)
            self.over.set()

    async def probe(_):
        await never.wait()

    instance = Hanging(runtime, [])
    loop = HealthCheck(runtime, "user/a", Check(probe, SOON, 2), instance)._run()
    if isinstance(runtime, ThreadRuntime):
        finish(loop)
    else:
        await loop
    never.set()
    assert made == [False]


async def test_in_the_blocking_face_a_check_that_exits_has_failed(run, runtime):
    """There it would end nothing but a thread; in asyncio it ends the event loop, as in any task."""
    if isinstance(runtime, ThreadRuntime):
        assert (await run(SystemExit(), SystemExit(), SystemExit(), OK)).found_healthy == [False, True]
