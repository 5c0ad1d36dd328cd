"""Calling handlers with changes: in order, one call after another, with the same outcome however slow they are."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from queue import Queue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import KeyValue
from etcd_factory.core.background import Background
from etcd_factory.core.face import Sync
from etcd_factory.core.mirror.store import merged
from etcd_factory.core.notifier import LIMIT, ChangeNotifier
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from tests.support.stores import WRITE, Store, apply, compose, filled

BOUND = 10  # seconds that nothing here takes
MANY = 1000

log = logging.getLogger("etcd_factory.test")


def notifier(runtime, limit=LIMIT):
    return ChangeNotifier(Background(runtime, None), "'change' of a mirror", merged, log, limit)


@pytest.fixture
def changes(runtime):
    one = notifier(runtime)
    yield one
    one.close()


@pytest.fixture
def calls():
    return Calls()


class Calls:
    """A handler that records its calls; ``slow`` is one that waits each time until it is released."""

    def __init__(self):
        self._calls, self._entered, self._go = Queue(), Queue(), Queue()

    def __call__(self, old, new):
        self._calls.put((old and old.text, new and new.text))

    def slow(self, runtime):
        """A handler for the face; it does not hold up the test."""
        return self._slow if runtime.face is Sync else self._slow_task

    def _slow(self, old, new):
        self._entered.put(None)
        self._go.get(timeout=BOUND)
        self(old, new)

    async def _slow_task(self, old, new):
        await asyncio.to_thread(self._slow, old, new)

    async def entered(self):
        """Wait until the slow handler is called."""
        await asyncio.to_thread(self._entered.get, timeout=BOUND)

    @property
    def is_waiting(self):
        """Whether the slow handler was called and nobody waited for that."""
        return not self._entered.empty()

    def release(self, count):
        for _ in range(count):
            self._go.put(None)

    async def take(self, count):
        """Return so many calls, in order."""
        return [await asyncio.to_thread(self._calls.get, timeout=BOUND) for _ in range(count)]


def puts(*texts, key=b"k"):
    """Return how a key changes when it is set to these values."""
    kvs = [None, *(KeyValue(key, text.encode()) for text in texts)]
    return [*pairwise(kvs)]


async def test_handlers_get_changes_one_after_another_in_order(changes, calls):
    changes.on(calls)
    changes.add(puts("1", "2"))
    changes.add([(KeyValue(b"k", b"2"), None)])
    assert await calls.take(3) == [(None, "1"), ("1", "2"), ("2", None)]


async def test_a_handler_gets_only_changes_after_its_registration(changes, calls):
    assert not changes.wanted
    changes.add(puts("0"))
    changes.on(calls)
    assert changes.wanted
    changes.add(puts("0", "1")[1:])
    assert await calls.take(1) == [("0", "1")]


async def test_all_handlers_are_called_with_a_change_before_the_next_one(changes):
    first, both = Calls(), Calls()
    for one in (first, lambda *change: both(*change), lambda *change: both(*change)):
        changes.on(one)
    changes.add(puts("1", "2"))
    assert await both.take(4) == [(None, "1")] * 2 + [("1", "2")] * 2
    assert await first.take(2) == [(None, "1"), ("1", "2")]


async def test_what_a_handler_raises_is_logged_and_all_other_calls_are_made(changes, calls, caplog):
    def fails(old, new):
        raise RuntimeError("no good")

    changes.on(fails)
    changes.on(calls)
    changes.add(puts("1", "2"))
    assert await calls.take(2) == [(None, "1"), ("1", "2")]
    found = [one for one in caplog.records if one.name == log.name]
    assert [str(one.exc_info[1]) for one in found] == ["no good"] * 2
    assert "'change' of a mirror" in found[0].getMessage()


async def test_a_slow_handler_holds_up_nobody_and_gets_every_change(changes, runtime, calls):
    changes.on(calls.slow(runtime))
    changes.add(puts("1"))
    await calls.entered()
    for old, new in puts("1", "2", "3")[1:]:
        changes.add([(old, new)])
    calls.release(3)
    assert await calls.take(3) == [(None, "1"), ("1", "2"), ("2", "3")]


async def test_above_the_limit_the_changes_of_a_key_are_merged(runtime, calls):
    changes = notifier(runtime, limit=3)
    changes.on(calls.slow(runtime))
    changes.add(puts("0"))
    await calls.entered()
    changes.add(puts("0", "1", "2", "3")[1:])
    changes.add(puts("x", key=b"other"))
    calls.release(3)
    assert await calls.take(3) == [(None, "0"), ("0", "3"), (None, "x")]
    changes.close()


async def test_after_close_no_handler_is_called(changes, runtime, calls):
    last = Calls()
    changes.on(calls.slow(runtime))
    changes.on(last)
    changes.add(puts("1", "2"))
    await calls.entered()
    changes.close()
    calls.release(2)
    assert await last.take(1) == [(None, "1")]
    assert not calls.is_waiting


async def test_after_its_client_was_closed_no_handler_is_called(runtime, calls):
    background, last = Background(runtime, None), Calls()
    changes = ChangeNotifier(background, "'change' of a mirror", merged, log)
    changes.on(calls.slow(runtime))
    changes.on(last)
    changes.add(puts("1", "2"))
    await calls.entered()
    await background.close()
    calls.release(2)
    assert await last.take(1) == [(None, "1")]
    assert not calls.is_waiting


async def test_in_asyncio_a_handler_may_be_a_coroutine_function(calls):
    async def handler(old, new):
        await asyncio.sleep(0)
        calls(old, new)

    changes = notifier(AsyncioRuntime())
    changes.on(handler)
    changes.add(puts("1", "2"))
    assert await calls.take(2) == [(None, "1"), ("1", "2")]
    changes.close()


class Idle(ThreadRuntime):
    """A runtime that leaves it to the test when handlers are called."""

    def spawn(self, body, name):
        body.close()


def idle(limit=LIMIT):
    """Return a notifier whose changes wait until they are taken."""
    changes = notifier(Idle(), limit)
    changes.on(print)
    return changes


def taken(changes, count):
    """Return at most so many changes, as a handler would get them."""
    return [change for _ in range(count) if (change := changes._next()) is not None]


@given(st.lists(WRITE | st.integers(1, 5), max_size=40), st.integers(1, 4))
def test_the_calls_lead_to_the_last_state_whatever_the_limit(steps, limit):
    store, held, called, changes = Store(), filled({}), [], idle(limit)
    for step in steps:
        if isinstance(step, int):
            called += taken(changes, step)
        else:
            store.write(step)
            changes.add(apply(held, store.deliver()))
            assert len(changes._waiting) <= max(limit, 2 * 4)  # twice as many as there are keys
    assert compose({}, called + taken(changes, MANY)) == store.state


@given(st.lists(WRITE, max_size=20))
def test_below_the_limit_each_change_is_a_call(writes):
    store, held, changes, new = Store(), filled({}), idle(), []
    for write in writes:
        store.write(write)
        new += apply(held, store.deliver())
    changes.add(new)
    assert taken(changes, MANY) == new
