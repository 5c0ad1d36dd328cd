"""Few threads call the handlers of all watches: in order, and however long one takes."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from etcd_factory.core.face import finish
from etcd_factory.core.watch import dispatcher as module
from etcd_factory.core.watch.dispatcher import Dispatcher, Turn
from etcd_factory.io.runtime.threads import ThreadRuntime

BOUND = 30  # seconds that nothing here takes
NAME = "etcd_factory handlers"


class Watch:
    """A watch whose handlers append what waits to ``seen``; ``gate`` holds them up."""

    def __init__(self, dispatcher, seen):
        self.turn, self.items, self.seen = Turn.NONE, [], seen
        self._dispatcher = dispatcher
        self.gate, self.began = threading.Event(), threading.Event()
        self.gate.set()

    def add(self, item):
        self.items.append(item)
        self._dispatcher.schedule(self)

    async def dispatch(self):
        self.began.set()
        assert self.gate.wait(BOUND)
        while self.items:
            self.seen.add(self.items.pop(0))


class Seen:
    """What handlers were called for, in order."""

    def __init__(self):
        self.items, self._changed = [], threading.Condition()

    def add(self, item):
        with self._changed:
            self.items.append((item, threading.current_thread()))
            self._changed.notify_all()

    def until(self, count):
        """Wait for so many, and return them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.items) >= count, BOUND), self.items
            return [item for item, _ in self.items]

    @property
    def threads(self):
        return {thread for _, thread in self.items}


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def dispatcher():
    made = Dispatcher(SimpleNamespace(runtime=ThreadRuntime()))
    yield made
    finish(made.close())
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join(BOUND)


def test_many_watches_share_one_thread(dispatcher, seen):
    for number in range(200):
        Watch(dispatcher, seen).add(number)
    assert seen.until(200) == [*range(200)]
    assert len(seen.threads) == 1


def test_what_comes_while_the_handlers_run_is_passed_to_them_later(dispatcher, seen):
    watch = Watch(dispatcher, seen)
    watch.gate.clear()
    watch.add(1)
    assert watch.began.wait(BOUND)
    watch.add(2)
    assert watch.turn is Turn.AGAIN
    watch.gate.set()
    assert seen.until(2) == [1, 2]


def test_a_handler_that_blocks_holds_up_no_other_watch_for_ever(dispatcher, seen):
    blocked = [Watch(dispatcher, seen) for _ in range(3)]
    for watch in blocked:
        watch.gate.clear()
        watch.add("blocked")
    Watch(dispatcher, seen).add("another")
    assert seen.until(1) == ["another"]
    for watch in blocked:
        watch.gate.set()
    assert seen.until(4) == ["another", *["blocked"] * 3]


def test_a_watch_whose_handlers_run_has_no_other_thread(dispatcher, seen):
    """While they block, what comes for them waits, and begins no thread."""
    watch = Watch(dispatcher, seen)
    watch.gate.clear()
    for number in range(5):
        watch.add(number)
    assert watch.began.wait(BOUND)
    assert dispatcher._waiting == 0
    watch.gate.set()
    assert seen.until(5) == [0, 1, 2, 3, 4]
    assert len(seen.threads) == 1


def test_a_thread_ends_when_there_is_nothing_to_do_and_another_begins(dispatcher, seen, monkeypatch):
    monkeypatch.setattr(module, "LINGER", 0.0)
    watch = Watch(dispatcher, seen)
    for number in range(3):
        watch.add(number)
        seen.until(number + 1)
        for thread in seen.threads:
            thread.join(BOUND)
    assert len(seen.threads) == 3
    assert dispatcher._threads == 0


def test_after_its_end_it_calls_for_what_waited_and_for_nothing_more(dispatcher, seen):
    first, second, late = (Watch(dispatcher, seen) for _ in range(3))
    first.gate.clear()
    first.add("first")
    assert first.began.wait(BOUND)
    second.add("second")
    finish(dispatcher.close())
    late.add("late")
    first.gate.set()
    assert sorted(seen.until(2)) == ["first", "second"]
    for thread in seen.threads:
        thread.join(BOUND)
    assert len(seen.items) == 2
