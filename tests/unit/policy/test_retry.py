"""When a failed call is sent again: Go's rules, and a write only if it certainly was not applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import Retry
from etcd_factory.errors import Code, error_of
from etcd_factory.policy.retry import Next, judge, pause, uncertain

LOST = (Code.UNAVAILABLE, "Socket closed")
LATE = (Code.DEADLINE_EXCEEDED, "Deadline Exceeded")
NO_LEADER = (Code.UNAVAILABLE, "etcdserver: no leader")
OLD_TOKEN = (Code.UNAUTHENTICATED, "etcdserver: invalid auth token")
OLD_STORE = (Code.INVALID_ARGUMENT, "etcdserver: revision of auth store is old")
LEARNER = (Code.UNAVAILABLE, "etcdserver: rpc not supported for learner")
DENIED = (Code.PERMISSION_DENIED, "etcdserver: permission denied")
FULL = (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded")


def failure(answer, sent=True):
    error = error_of(*answer)
    error.sent = sent
    return error


@pytest.mark.parametrize(
    ("answer", "read", "write"),
    [
        (LOST, Next.HOST, Next.RAISE),
        (NO_LEADER, Next.HOST, Next.RAISE),
        ((Code.CANCELLED, "Cancelled"), Next.HOST, Next.RAISE),
        (LATE, Next.HOST, Next.RAISE),
        (OLD_TOKEN, Next.TOKEN, Next.TOKEN),
        (OLD_STORE, Next.TOKEN, Next.TOKEN),
        (LEARNER, Next.HOST, Next.HOST),
        (DENIED, Next.RAISE, Next.RAISE),
        (FULL, Next.RAISE, Next.RAISE),
        ((Code.INTERNAL, "broken"), Next.RAISE, Next.RAISE),
        ((Code.UNKNOWN, "broken"), Next.RAISE, Next.RAISE),
    ],
    ids=lambda part: part[1] if isinstance(part, tuple) else part.name,
)
def test_what_is_done_about_an_answer(answer, read, write):
    error = failure(answer)
    assert judge(error, repeatable=True, renewable=True, hosts=3) is read
    assert judge(error, repeatable=False, renewable=True, hosts=3) is write


def test_a_read_that_has_spent_its_time_has_no_other_host_to_ask_where_there_is_one():
    assert judge(failure(LATE), repeatable=True, renewable=False, hosts=1) is Next.RAISE


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_never_left_is_sent_again(repeatable):
    assert judge(failure(LOST, sent=False), repeatable=repeatable, renewable=False, hosts=1) is Next.UNSENT


def test_a_refused_token_is_not_renewed_without_credentials():
    assert judge(failure(OLD_TOKEN), repeatable=True, renewable=False, hosts=1) is Next.RAISE


def test_a_write_refused_by_a_learner_is_an_error_if_it_is_the_only_host():
    assert judge(failure(LEARNER), repeatable=False, renewable=False, hosts=1) is Next.RAISE


@pytest.mark.parametrize("answer", [LOST, LATE, (Code.CANCELLED, ""), (Code.UNKNOWN, ""), (Code.INTERNAL, "")])
def test_a_write_whose_answer_was_lost_may_have_been_applied(answer):
    assert uncertain(failure(answer), repeatable=False)


@pytest.mark.parametrize("answer", [DENIED, FULL, OLD_TOKEN, (Code.FAILED_PRECONDITION, ""), (Code.NOT_FOUND, "")])
def test_a_write_that_the_server_refused_was_not_applied(answer):
    assert not uncertain(failure(answer), repeatable=False)


def test_a_write_that_never_left_was_not_applied():
    assert not uncertain(failure(LOST, sent=False), repeatable=False)


def test_a_read_is_never_applied():
    assert not uncertain(failure(LOST), repeatable=True)


def test_pauses_double_up_to_the_longest():
    retry = Retry(initial=0.1, maximum=0.5)
    assert [pause(retry, failures, 1.0) for failures in (1, 2, 3, 4, 99)] == [0.1, 0.2, 0.4, 0.5, 0.5]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_chance_moves_a_pause_within_its_upper_half(failures, chance):
    retry = Retry(initial=0.1, maximum=0.5)
    full = pause(retry, failures, 1.0)
    assert full / 2 <= pause(retry, failures, chance) <= full <= retry.maximum
