"""When a failed call is sent again: Go's rules, and a write only if it certainly was not applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import Retry
from etcd_factory.core.call.retry import RetryAction, backoff, maybe_applied, next_action
from etcd_factory.errors import Code, error_of

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
        (LOST, RetryAction.HOST, RetryAction.RAISE),
        (NO_LEADER, RetryAction.HOST, RetryAction.RAISE),
        ((Code.CANCELLED, "Cancelled"), RetryAction.HOST, RetryAction.RAISE),
        (LATE, RetryAction.HOST, RetryAction.RAISE),
        (OLD_TOKEN, RetryAction.TOKEN, RetryAction.TOKEN),
        (OLD_STORE, RetryAction.TOKEN, RetryAction.TOKEN),
        (LEARNER, RetryAction.HOST, RetryAction.HOST),
        (DENIED, RetryAction.RAISE, RetryAction.RAISE),
        (FULL, RetryAction.RAISE, RetryAction.RAISE),
        ((Code.INTERNAL, "broken"), RetryAction.RAISE, RetryAction.RAISE),
        ((Code.UNKNOWN, "broken"), RetryAction.RAISE, RetryAction.RAISE),
    ],
    ids=lambda part: part[1] if isinstance(part, tuple) else part.name,
)
def test_what_is_done_about_an_answer(answer, read, write):
    error = failure(answer)
    assert next_action(error, repeatable=True, renewable=True, hosts=3) is read
    assert next_action(error, repeatable=False, renewable=True, hosts=3) is write


def test_a_read_that_has_spent_its_time_has_no_other_host_to_ask_where_there_is_one():
    assert next_action(failure(LATE), repeatable=True, renewable=False, hosts=1) is RetryAction.RAISE


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_never_left_is_sent_again(repeatable):
    assert next_action(failure(LOST, sent=False), repeatable=repeatable, renewable=False, hosts=1) is RetryAction.UNSENT


def test_a_refused_token_is_not_renewed_without_credentials():
    assert next_action(failure(OLD_TOKEN), repeatable=True, renewable=False, hosts=1) is RetryAction.RAISE


def test_a_write_refused_by_a_learner_is_an_error_if_it_is_the_only_host():
    assert next_action(failure(LEARNER), repeatable=False, renewable=False, hosts=1) is RetryAction.RAISE


@pytest.mark.parametrize("answer", [LOST, LATE, (Code.CANCELLED, ""), (Code.UNKNOWN, ""), (Code.INTERNAL, "")])
def test_a_write_whose_answer_was_lost_may_have_been_applied(answer):
    assert maybe_applied(failure(answer), repeatable=False)


@pytest.mark.parametrize("answer", [DENIED, FULL, OLD_TOKEN, (Code.FAILED_PRECONDITION, ""), (Code.NOT_FOUND, "")])
def test_a_write_that_the_server_refused_was_not_applied(answer):
    assert not maybe_applied(failure(answer), repeatable=False)


def test_a_write_that_never_left_was_not_applied():
    assert not maybe_applied(failure(LOST, sent=False), repeatable=False)


def test_a_read_is_never_applied():
    assert not maybe_applied(failure(LOST), repeatable=True)


def test_pauses_double_up_to_the_longest():
    retry = Retry(initial=0.1, maximum=0.5)
    assert [backoff(retry, failures, 1.0) for failures in (1, 2, 3, 4, 99)] == [0.1, 0.2, 0.4, 0.5, 0.5]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_chance_moves_a_pause_within_its_upper_half(failures, chance):
    retry = Retry(initial=0.1, maximum=0.5)
    full = backoff(retry, failures, 1.0)
    assert full / 2 <= backoff(retry, failures, chance) <= full <= retry.maximum
