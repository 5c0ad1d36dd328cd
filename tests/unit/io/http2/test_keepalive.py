from math import inf

import pytest

from etcd_factory.io.http2.keepalive import SPACING, Liveness
from etcd_factory.options import Keepalive


@pytest.fixture
def liveness():
    """Of a connection that was opened at 100."""
    return Liveness(Keepalive(10, 5), 100.0)


def test_a_connection_is_trusted_for_a_time(liveness):
    assert liveness.trusted == 110
    liveness.hear(105.0)
    assert (liveness.heard, liveness.trusted) == (105, 115)


def test_only_a_busy_connection_is_asked(liveness):
    assert liveness.due(busy=False) == inf
    assert liveness.due(busy=True) == 110
    assert not liveness.check(1000.0, busy=False)


def test_a_silent_connection_is_asked_once(liveness):
    assert not liveness.check(109.9, busy=True)
    assert liveness.check(110.0, busy=True)
    assert liveness.due(busy=True) == 115
    assert not liveness.check(114.9, busy=True)


def test_an_answer_starts_anew(liveness):
    liveness.check(110.0, busy=True)
    liveness.hear(111.0)
    assert liveness.due(busy=True) == 121
    assert not liveness.check(115.0, busy=True)


def test_no_answer_in_time(liveness):
    liveness.check(110.0, busy=True)
    with pytest.raises(TimeoutError, match="did not answer a PING within 5 s"):
        liveness.check(115.0, busy=True)


def test_a_call_that_heard_nothing_makes_it_suspicious(liveness):
    liveness.suspect(101.0)
    assert liveness.trusted == -inf


def test_a_call_during_which_something_was_heard_does_not(liveness):
    liveness.hear(102.0)
    liveness.suspect(101.0)
    assert liveness.trusted == 112


def test_it_is_not_used_any_more(liveness):
    liveness.distrust()
    assert liveness.trusted == -inf


def test_a_connection_that_has_passed_a_test_is_not_tested_again_at_once(liveness):
    """etcd cuts a client that asks more often than every 5 s unless it answers calls: a slow server is not dead."""
    liveness.suspect(101.0)
    liveness.hear(102.0)  # the answer
    liveness.suspect(102.0 + SPACING - 0.1)
    assert liveness.trusted == 112
    liveness.suspect(102.0 + SPACING)
    assert liveness.trusted == -inf


def test_nor_is_one_that_was_just_asked_because_it_was_silent(liveness):
    liveness.check(110.0, busy=True)
    liveness.hear(110.1)
    liveness.suspect(111.0)
    assert liveness.trusted == 120.1
