"""When a failed call is retried: Go's rules, and a write only if it certainly was not applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory import Retry
from etcd_factory.core.call.retry import RetryAction, backoff, maybe_applied, next_action
from etcd_factory.errors import Code, error_of
from etcd_factory.wire import methods

LOST = (Code.UNAVAILABLE, "Socket closed")
LATE = (Code.DEADLINE_EXCEEDED, "Deadline Exceeded")
NO_LEADER = (Code.UNAVAILABLE, "etcdserver: no leader")
OLD_TOKEN = (Code.UNAUTHENTICATED, "etcdserver: invalid auth token")
OLD_STORE = (Code.INVALID_ARGUMENT, "etcdserver: revision of auth store is old")
LEARNER = (Code.UNAVAILABLE, "etcdserver: rpc not supported for learner")
DENIED = (Code.PERMISSION_DENIED, "etcdserver: permission denied")
FULL = (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded")


def failure(status, sent=True):
    error = error_of(*status)
    error.sent = sent
    return error


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (LOST, RetryAction.NEXT_HOST, RetryAction.RAISE),
        (NO_LEADER, RetryAction.NEXT_HOST, RetryAction.RAISE),
        ((Code.CANCELLED, "Cancelled"), RetryAction.NEXT_HOST, RetryAction.RAISE),
        (LATE, RetryAction.NEXT_HOST, RetryAction.RAISE),
        (OLD_TOKEN, RetryAction.RENEW_TOKEN, RetryAction.RENEW_TOKEN),
        (OLD_STORE, RetryAction.RENEW_TOKEN, RetryAction.RENEW_TOKEN),
        (LEARNER, RetryAction.NEXT_HOST, RetryAction.NEXT_HOST),
        (DENIED, RetryAction.RAISE, RetryAction.RAISE),
        (FULL, RetryAction.RAISE, RetryAction.RAISE),
        ((Code.INTERNAL, "broken"), RetryAction.RAISE, RetryAction.RAISE),
        ((Code.UNKNOWN, "broken"), RetryAction.RAISE, RetryAction.RAISE),
    ],
    ids=lambda part: part[1] if isinstance(part, tuple) else part.name,
)
def test_the_next_action_after_each_error(status, read, write):
    error = failure(status)
    assert next_action(error, repeatable=True, renewable=True, hosts=3) is read
    assert next_action(error, repeatable=False, renewable=True, hosts=3) is write


def test_a_late_read_is_not_retried_if_there_is_only_one_host():
    assert next_action(failure(LATE), repeatable=True, renewable=False, hosts=1) is RetryAction.RAISE


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("status", [LOST, LATE, LEARNER])
def test_a_request_that_never_left_is_resent(repeatable, status):
    error = failure(status, sent=False)
    assert next_action(error, repeatable=repeatable, renewable=False, hosts=1) is RetryAction.RESEND


def test_a_refused_token_is_not_renewed_without_credentials():
    assert next_action(failure(OLD_TOKEN), repeatable=True, renewable=False, hosts=1) is RetryAction.RAISE


def test_a_write_refused_by_a_learner_is_an_error_if_it_is_the_only_host():
    assert next_action(failure(LEARNER), repeatable=False, renewable=False, hosts=1) is RetryAction.RAISE


WRITES = [methods.PUT, methods.TXN, methods.LEASE_GRANT, methods.LEASE_REVOKE, methods.ALARM, methods.COMPACT]
# any status but those by which a server says that the request itself was wrong
DOUBTFUL = [
    LOST,
    LATE,
    FULL,  # etcd applies the write and says then that there was no space for it
    (Code.CANCELLED, ""),
    (Code.UNKNOWN, ""),
    (Code.INTERNAL, ""),
    (Code.ABORTED, ""),
    (Code.DATA_LOSS, ""),
    (Code.RESOURCE_EXHAUSTED, "CLIENT: Received message larger than max (9 vs. 5)"),
    (Code.RESOURCE_EXHAUSTED, "Bandwidth exhausted or memory limit exceeded"),  # an RST_STREAM: ENHANCE_YOUR_CALM
    (Code.PERMISSION_DENIED, "Received RST_STREAM with error code 12"),  # INADEQUATE_SECURITY
    (Code.PERMISSION_DENIED, "Received http2 header with status: 403"),  # of a proxy
]
REFUSED = [
    DENIED,
    OLD_TOKEN,
    OLD_STORE,
    LEARNER,
    (Code.UNKNOWN, "auth: revision in header is old"),
    (Code.INVALID_ARGUMENT, "etcdserver: request is too large"),
    (Code.RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
    (Code.RESOURCE_EXHAUSTED, "Sent message larger than max (9 vs. 5)"),
    (Code.FAILED_PRECONDITION, ""),
    (Code.NOT_FOUND, ""),
    (Code.ALREADY_EXISTS, ""),
    (Code.OUT_OF_RANGE, ""),
    (Code.UNIMPLEMENTED, ""),
]


@pytest.mark.parametrize("method", WRITES, ids=lambda method: method.name)
@pytest.mark.parametrize("status", DOUBTFUL, ids=str)
def test_a_write_whose_reply_does_not_rule_it_out_may_have_been_applied(method, status):
    """Whether it may be repeated or not: repeatable does not mean that it was not applied."""
    assert maybe_applied(failure(status), method)


@pytest.mark.parametrize("method", WRITES, ids=lambda method: method.name)
@pytest.mark.parametrize("status", REFUSED, ids=str)
def test_a_write_that_the_server_refused_was_not_applied(method, status):
    assert not maybe_applied(failure(status), method)


@pytest.mark.parametrize("method", WRITES, ids=lambda method: method.name)
def test_a_write_that_never_left_was_not_applied(method):
    assert not maybe_applied(failure(LOST, sent=False), method)


@pytest.mark.parametrize(
    "method", [methods.RANGE, methods.READ_TXN, methods.LEASE_KEEP_ALIVE_ONCE, methods.AUTHENTICATE, methods.STATUS]
)
def test_a_call_that_writes_nothing_is_never_applied(method):
    assert not maybe_applied(failure(LOST), method)


def test_the_backoff_doubles_up_to_the_maximum():
    retry = Retry(initial=0.1, maximum=0.5)
    assert [backoff(retry, failures, 1.0) for failures in (1, 2, 3, 4, 99)] == [0.1, 0.2, 0.4, 0.5, 0.5]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_backoff_is_random_within_its_upper_half(failures, random):
    retry = Retry(initial=0.1, maximum=0.5)
    full = backoff(retry, failures, 1.0)
    assert full / 2 <= backoff(retry, failures, random) <= full <= retry.maximum
