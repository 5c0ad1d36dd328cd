"""Uses of instances: what a block tells the view, in either kind of ``with``."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.face import Async, Sync
from etcd_factory.registry.instance import ServiceInstance
from etcd_factory.registry.use import Use

ONE = ServiceInstance("user", "a")


class Ledger:
    """A picker and a balancer that note what they are told."""

    def __init__(self):
        self.time, self.notes = 0.0, []

    def now(self):
        return self.time

    def begin(self, instance):
        self.notes.append(("begin", instance.id))

    def end(self, picked, seconds, failed):
        assert picked == (ONE, self)
        self.notes.append(("end", seconds, failed))

    def use(self, face, key=None):
        return Use(self, face, lambda given: (ONE, self) if given == key else None, key)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.mark.parametrize("face", [Sync, Async])
def test_a_block_is_one_use_that_took_so_long(ledger, face):
    with ledger.use(face, "key") as instance:
        assert (instance, ledger.notes) == (ONE, [("begin", "a")])
        ledger.time = 5
    assert ledger.notes == [("begin", "a"), ("end", 5, False)]


@pytest.mark.parametrize(
    ("error", "failed"),
    [(ValueError, True), (TimeoutError, True), (asyncio.CancelledError, None), (KeyboardInterrupt, None)],
)
def test_an_exception_is_a_failure_unless_it_breaks_the_block_off(ledger, error, failed):
    with pytest.raises(error), ledger.use(Sync):
        raise error
    assert ledger.notes[-1] == ("end", 0, failed)


async def test_in_asyncio_it_can_be_entered_with_async_with(ledger):
    async with ledger.use(Async) as instance:
        assert instance is ONE
        ledger.time = 5
    assert ledger.notes == [("begin", "a"), ("end", 5, False)]


async def test_a_blocking_one_cannot(ledger):
    with pytest.raises(TypeError, match="enter it with 'with'"):
        async with ledger.use(Sync):
            raise AssertionError
    assert ledger.notes == []
