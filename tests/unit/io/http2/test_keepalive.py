from math import inf

import pytest

from etcd_factory.io.http2.keepalive import DOUBT, INTERVAL, SHORTEST, Liveness, Look
from etcd_factory.options import Keepalive


@pytest.fixture
def liveness():
    """Of a connection that was opened at 100."""
    return Liveness(Keepalive(10, 7), 100.0)


def test_a_connection_is_trusted_for_a_time(liveness):
    assert liveness.trusted == 110
    liveness.hear(105.0)
    assert (liveness.heard, liveness.trusted) == (105, 115)


def test_only_a_busy_connection_is_asked(liveness):
    assert liveness.due(busy=False) == inf
    assert liveness.due(busy=True) == 110
    assert liveness.check(1000.0, busy=False) is Look.NOTHING


def test_a_silent_connection_is_asked_once(liveness):
    assert liveness.check(109.9, busy=True) is Look.NOTHING
    assert liveness.check(110.0, busy=True) is Look.PING
    assert liveness.due(busy=True) == 117
    assert liveness.check(116.9, busy=True) is Look.NOTHING


def test_an_answer_starts_anew(liveness):
    liveness.check(110.0, busy=True)
    liveness.hear(111.0)
    assert liveness.due(busy=True) == 121
    assert liveness.check(117.0, busy=True) is Look.NOTHING


def test_no_answer_in_time(liveness):
    liveness.check(110.0, busy=True)
    with pytest.raises(TimeoutError, match="did not answer a PING within 7 s"):
        liveness.check(117.0, busy=True)


def test_it_is_not_asked_more_often_than_etcd_allows():
    """A short ``time`` only makes it be tested before it is used."""
    liveness = Liveness(Keepalive(0.5, 1e-9), 100.0)
    assert (liveness.trusted, liveness.due(busy=True)) == (100.5, 100 + INTERVAL)
    liveness.check(100 + INTERVAL, busy=True)
    assert liveness.due(busy=True) == 100 + INTERVAL + SHORTEST


def test_a_call_that_heard_nothing_makes_it_doubtful(liveness):
    assert liveness.suspect(101.0, 103.0)
    assert liveness.trusted == -inf and liveness.due(busy=False) == 103 + DOUBT


def test_a_call_during_which_something_was_heard_does_not(liveness):
    liveness.hear(102.0)
    assert not liveness.suspect(101.0, 103.0)
    assert liveness.trusted == 112 and liveness.due(busy=False) == inf


def test_the_streams_of_a_doubtful_connection_end_once(liveness):
    liveness.suspect(101.0, 103.0)
    assert liveness.check(102.9 + DOUBT, busy=True) is Look.NOTHING
    assert liveness.check(103.0 + DOUBT, busy=True) is Look.END_STREAMS
    assert liveness.check(103.0 + DOUBT, busy=True) is Look.NOTHING
    assert liveness.due(busy=True) == 110


def test_a_sign_of_life_ends_the_doubt(liveness):
    liveness.suspect(101.0, 103.0)
    liveness.hear(103.5)
    assert liveness.trusted == 113.5
    assert liveness.check(103.0 + DOUBT, busy=True) is Look.NOTHING


@pytest.mark.parametrize(
    "ask",
    [
        lambda liveness: liveness.suspect(101.0, 103.0),
        lambda liveness: liveness.ask(103.0),
        lambda liveness: liveness.check(110.0, busy=True) and liveness.ask(103.0),
    ],
    ids=["doubted", "tested", "silent"],
)
def test_a_connection_that_was_asked_is_not_doubted_again_at_once(liveness, ask):
    """etcd cuts a client that asks more often unless it answers calls meanwhile: a slow server is not dead."""
    ask(liveness)
    liveness.hear(103.1)
    assert not liveness.suspect(102.9 + INTERVAL, 109.0)
    assert liveness.trusted == 113.1
    assert liveness.suspect(103.0 + INTERVAL, 109.0)


def test_it_is_not_used_any_more(liveness):
    liveness.distrust()
    assert liveness.trusted == -inf
