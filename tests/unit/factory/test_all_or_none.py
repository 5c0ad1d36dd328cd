"""Making several things at once or in order: all of them, or none."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial

import pytest

from etcd_factory.core.face import finish
from etcd_factory.factory.all_or_none import all_or_none
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from tests.support.faces import BOUND


class Makers:
    """Makers that note what they did; those in ``failing`` raise."""

    def __init__(self, failing=()):
        self.failing, self.made, self.undone = failing, [], []

    async def make(self, name):
        if name in self.failing:
            raise RuntimeError(f"no {name}")
        self.made.append(name)
        return name.upper()

    async def undo(self, one):
        self.undone.append(one)

    def all(self, names="abc"):
        return {name: partial(self.make, name) for name in names}


@pytest.fixture(params=[ThreadRuntime, AsyncioRuntime])
def run(request):
    """Runs a coroutine of a runtime to its end."""
    runtime = request.param()

    async def run(makers, concurrent, names="abc"):
        body = all_or_none(runtime, makers.all(names), makers.undo, concurrent=concurrent)
        return finish(body) if request.param is ThreadRuntime else await body

    return run


@pytest.mark.parametrize("concurrent", [False, True])
async def test_the_results_are_in_order(run, concurrent):
    assert await run(Makers(), concurrent) == ["A", "B", "C"]
    assert await run(Makers(), concurrent, "") == []


async def test_if_one_fails_in_order_those_before_are_undone_and_none_after_it_is_made(run):
    makers = Makers("b")
    with pytest.raises(RuntimeError, match="no b"):
        await run(makers, False)
    assert (makers.made, makers.undone) == (["a"], ["A"])


async def test_if_some_fail_at_once_all_others_are_undone_and_the_first_error_is_raised(run, caplog):
    makers = Makers("bc")
    caplog.set_level(logging.ERROR)
    with pytest.raises(RuntimeError, match="no b"):
        await run(makers, True, "abcd")
    assert sorted(makers.undone) == ["A", "D"]
    assert "making the etcd client 'c' failed too: no c" in caplog.text


def test_threads_make_them_at_once():
    barrier = threading.Barrier(3, timeout=BOUND)

    async def make():
        return barrier.wait() >= 0

    makers = dict.fromkeys("abc", make)
    assert finish(all_or_none(ThreadRuntime(), makers, Makers().undo, concurrent=True)) == [True] * 3


async def test_tasks_make_them_at_once():
    waiting, everyone = [], asyncio.Event()

    async def make():
        waiting.append(1)
        if len(waiting) == 3:
            everyone.set()
        return await asyncio.wait_for(everyone.wait(), BOUND)

    makers = dict.fromkeys("abc", make)
    assert await all_or_none(AsyncioRuntime(), makers, Makers().undo, concurrent=True) == [True] * 3


async def test_what_was_made_is_undone_if_the_caller_is_cancelled():
    makers, waits = Makers(), asyncio.Event()

    async def hang():
        waits.set()
        await asyncio.Event().wait()

    bodies = {**makers.all("a"), "b": hang}
    task = asyncio.ensure_future(all_or_none(AsyncioRuntime(), bodies, makers.undo, concurrent=True))
    await asyncio.wait_for(waits.wait(), BOUND)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert makers.undone == ["A"]
