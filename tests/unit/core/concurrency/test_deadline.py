from __future__ import annotations

from math import inf

import pytest

from etcd_factory.core.concurrency.deadline import NEVER, PATIENCE, Deadline

USUAL = 5.0


class Clock:
    """A clock that a test sets."""

    time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


def test_without_an_end_nothing_limits_a_call_and_waits_are_endless():
    assert (NEVER.reached, NEVER.over, NEVER.limits) == (False, False, False)
    assert (NEVER.call_timeout, NEVER.wait_timeout) == (inf, None)


@pytest.mark.parametrize(
    ("later", "call", "wait", "limits"),
    [(0, USUAL, 8.0, False), (2, USUAL, 6.0, False), (5, 3.0, 3.0, True), (7.5, 0.5, 0.5, True)],
)
def test_near_the_end_calls_have_what_is_left(clock, later, call, wait, limits):
    deadline = Deadline.after(8.0, USUAL, clock)
    clock.time += later
    assert (deadline.call_timeout, deadline.wait_timeout, deadline.limits) == (call, wait, limits)
    assert (deadline.reached, deadline.over) == (False, False)


@pytest.mark.parametrize("later", [8.0, 100.0])
def test_at_the_end_there_is_a_short_last_look_and_no_repetition(clock, later):
    deadline = Deadline.after(8.0, USUAL, clock)
    clock.time += later
    assert (deadline.reached, deadline.over, deadline.limits) == (True, True, True)
    assert (deadline.call_timeout, deadline.wait_timeout) == (PATIENCE, 0.0)


def test_a_call_is_not_begun_with_less_than_it_could_use(clock):
    deadline = Deadline.after(8.0, USUAL, clock)
    clock.time += 7.9999
    assert deadline.call_timeout == PATIENCE


def test_with_0_one_attempt_takes_the_usual_time_and_may_be_repeated(clock):
    deadline = Deadline.after(0, USUAL, clock)
    assert (deadline.reached, deadline.over, deadline.call_timeout) == (True, False, USUAL)
