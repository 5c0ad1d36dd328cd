"""Telling what changed: in order, one call after another, and to the same end however slow the functions are."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from queue import Queue
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import KeyValue
from etcd_factory.core import notifier as module
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from tests.unit.core.mirror.test_store import WRITE, Store, compose, filled

BOUND = 10
MANY = 1000


class Keeping:
    """Ports that keep what is to be closed with a client."""

    def __init__(self):
        self.kept = {}

    def keep(self, name, make):
        return self.kept.setdefault(name, make())


class Blocking(Keeping, ThreadRuntime):
    """Ports on threads."""


class Awaited(Keeping, AsyncioRuntime):
    """Ports on asyncio."""


class Idle(Blocking):
    """Ports that leave it to the test when something is told."""

    def spawn(self, body, name):
        body.close()


def made(ports):
    return ChangeNotifier(SimpleNamespace(io=ports(), guard=threading.Lock))


@pytest.fixture(params=[Blocking, Awaited], ids=["threads", "tasks"])
def ports(request):
    return request.param


@pytest.fixture
def changes(ports):
    one = made(ports)
    yield one
    one.close()


@pytest.fixture
def noted():
    return Noted()


class Noted:
    """A function that notes what it is called with; ``slow`` is one that is let go on each time."""

    def __init__(self):
        self._calls, self._entered, self._go = Queue(), Queue(), Queue()

    def __call__(self, old, new):
        self._calls.put((old and old.text, new and new.text))

    def slow(self, ports):
        """In either face; the test is not held up."""
        return self._slow if ports is Blocking else self._awaited

    def _slow(self, old, new):
        self._entered.put(None)
        self._go.get(timeout=BOUND)
        self(old, new)

    async def _awaited(self, old, new):
        await asyncio.to_thread(self._slow, old, new)

    async def entered(self):
        await asyncio.to_thread(self._entered.get, timeout=BOUND)

    def let_go(self, count):
        for _ in range(count):
            self._go.put(None)

    async def calls(self, count):
        """So many calls, in order."""
        return [await asyncio.to_thread(self._calls.get, timeout=BOUND) for _ in range(count)]


def puts(*texts, key=b"k"):
    """How a key changes that these values are put to."""
    kvs = [None, *(KeyValue(key, text.encode()) for text in texts)]
    return [*pairwise(kvs)]


async def test_changes_are_told_one_after_another_in_order(changes, noted):
    changes.on(noted)
    changes.add(puts("1", "2"))
    changes.add([(KeyValue(b"k", b"2"), None)])
    assert await noted.calls(3) == [(None, "1"), ("1", "2"), ("2", None)]


async def test_what_was_before_a_function_was_given_is_not_told(changes, noted):
    assert not changes.wanted
    changes.add(puts("0"))
    changes.on(noted)
    assert changes.wanted
    changes.add(puts("0", "1")[1:])
    assert await noted.calls(1) == [("0", "1")]


async def test_all_functions_are_called_with_a_change_before_the_next_one_is_told(changes):
    first, both = Noted(), Noted()
    for one in (first, lambda *change: both(*change), lambda *change: both(*change)):
        changes.on(one)
    changes.add(puts("1", "2"))
    assert await both.calls(4) == [(None, "1")] * 2 + [("1", "2")] * 2
    assert await first.calls(2) == [(None, "1"), ("1", "2")]


async def test_what_a_function_raises_is_logged_and_the_others_and_the_next_are_called(changes, noted, caplog):
    def fails(old, new):
        raise RuntimeError("no good")

    changes.on(fails)
    changes.on(noted)
    changes.add(puts("1", "2"))
    assert await noted.calls(2) == [(None, "1"), ("1", "2")]
    found = [one for one in caplog.records if one.name == "etcd_factory.mirror"]
    assert [str(one.exc_info[1]) for one in found] == ["no good"] * 2
    assert "'change'" in found[0].getMessage()


async def test_a_slow_function_holds_up_nobody_and_gets_every_change(changes, ports, noted):
    changes.on(noted.slow(ports))
    changes.add(puts("1"))
    await noted.entered()
    for old, new in puts("1", "2", "3")[1:]:
        changes.add([(old, new)])
    noted.let_go(3)
    assert await noted.calls(3) == [(None, "1"), ("1", "2"), ("2", "3")]


async def test_more_than_may_wait_are_told_as_one_for_each_key(ports, noted, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    changes = made(ports)
    changes.on(noted.slow(ports))
    changes.add(puts("0"))
    await noted.entered()
    changes.add(puts("0", "1", "2", "3")[1:])
    changes.add(puts("x", key=b"other"))
    noted.let_go(3)
    assert await noted.calls(3) == [(None, "0"), ("0", "3"), (None, "x")]
    changes.close()


async def test_what_waits_when_it_is_closed_is_not_told(changes, ports, noted):
    last = Noted()
    changes.on(noted.slow(ports))
    changes.on(last)
    changes.add(puts("1", "2"))
    await noted.entered()
    changes.close()
    noted.let_go(2)
    assert await last.calls(1) == [(None, "1")]
    assert noted._entered.empty()


def waiting():
    """Changes that are told to nobody before they are taken."""
    changes = made(Idle)
    changes.on(print)
    return changes


async def test_what_waits_when_the_client_is_closed_is_not_told(changes, ports, noted):
    last = Noted()
    changes.on(noted.slow(ports))
    changes.on(last)
    changes.add(puts("1", "2"))
    await noted.entered()
    for one in changes._io.kept.values():
        await one.close()
    noted.let_go(2)
    assert await last.calls(1) == [(None, "1")]
    assert noted._entered.empty()


def taken(changes, count):
    """At most so many, as they would be told."""
    return [change for _ in range(count) if (change := changes._next()) is not None]


@given(st.lists(WRITE | st.integers(1, 5), max_size=40), st.integers(1, 4))
def test_what_is_told_leads_to_the_last_state_however_few_may_wait(steps, most):
    store, held, told = Store(), filled({}), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST", most)
        changes = waiting()
        for step in steps:
            if isinstance(step, int):
                told += taken(changes, step)
            else:
                store.write(step)
                changes.add(held._follow(store.told()))
                assert len(changes._waiting) <= max(most, 2 * 4)  # twice as many as there are keys
    assert compose({}, told + taken(changes, MANY)) == store.state


@given(st.lists(WRITE, max_size=20))
def test_where_all_may_wait_each_is_told(writes):
    store, held, changes, new = Store(), filled({}), waiting(), []
    for write in writes:
        store.write(write)
        new += held._follow(store.told())
    changes.add(new)
    assert taken(changes, MANY) == new
