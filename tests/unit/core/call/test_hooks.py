"""How hooks are called: what they raise, and the context managers that they return."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from etcd_factory import Callback, Delivered
from etcd_factory.core.call.hooks import around, checked, report, timed

ACTIVITY = Callback(object(), 1)


def broken(*_):
    raise ValueError("of the hook")


class Entered:
    """A hook that returns a context manager, and what that saw."""

    def __init__(self, name="", log=None):
        self.name, self.log = name, [] if log is None else log

    def hook(self, activity):
        return self._manager(activity)

    @contextmanager
    def _manager(self, activity):
        self.log.append(f"{self.name}enter")
        try:
            yield
        except BaseException as error:
            self.log.append(f"{self.name}{type(error).__name__}")
            raise
        self.log.append(f"{self.name}leave")


def test_a_hook_that_raises_is_logged_and_the_others_are_called(caplog):
    seen = []
    report((broken, seen.append), ACTIVITY)
    assert seen == [ACTIVITY]
    assert "a hook of on_call failed" in caplog.text
    assert "of the hook" in caplog.text


def test_context_managers_are_left_in_reverse_order():
    log = []
    with around((Entered("a ", log).hook, print, Entered("b ", log).hook), ACTIVITY):
        log.append("block")
    assert log == ["a enter", "b enter", "block", "b leave", "a leave"]


def test_what_the_block_raises_is_raised_and_seen():
    entered = Entered()
    with pytest.raises(KeyError), around((entered.hook,), ACTIVITY):
        raise KeyError
    assert entered.log == ["enter", "KeyError"]


def test_what_was_caught_in_the_block_is_seen_and_not_raised():
    entered = Entered()
    with around((entered.hook,), ACTIVITY) as failures:
        failures += [KeyError(), ValueError()]
    assert entered.log == ["enter", "KeyError"]


class Broken:
    """A context manager that cannot be entered, or left."""

    def __init__(self, where):
        self.where = where

    def __enter__(self):
        self._fail("enter")

    def __exit__(self, *_):
        self._fail("leave")
        return True

    def _fail(self, where):
        if self.where == where:
            broken()


@pytest.mark.parametrize("where", ["enter", "leave"])
def test_a_context_manager_that_raises_is_logged(where, caplog):
    ran = []
    with around((lambda _: Broken(where),), ACTIVITY):
        ran.append(1)
    assert ran == [1]
    assert "of the hook" in caplog.text


def test_a_context_manager_suppresses_nothing():
    with pytest.raises(KeyError), around((lambda _: Broken("nowhere"),), ACTIVITY):
        raise KeyError


def test_the_first_reader_of_events_tells_how_long_they_waited():
    seen, times = [], iter([10.0, 12.5])
    events = timed((seen.append,), lambda: next(times), iter("ab"), 2)
    assert seen == []
    assert list(events) == ["a", "b"]
    assert [(type(one), one.events, one.lag) for one in seen] == [(Delivered, 2, 2.5)]


async def waiting(_): ...


@pytest.mark.parametrize(("hook", "problem"), [(None, "a function"), (Callback, "a function"), (waiting, "is async")])
def test_what_is_no_hook_is_refused(hook, problem):
    with pytest.raises(TypeError, match=problem):
        checked(hook)
