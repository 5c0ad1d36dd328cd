"""Errors from an etcd server: their facts, their text, and that they survive pickling."""

import pickle

import pytest

from etcd_factory import errors
from etcd_factory.errors import Code, EtcdError

SERVER = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, EtcdError)]


@pytest.mark.parametrize("cls", SERVER, ids=lambda cls: cls.__name__)
def test_a_server_error_is_equal_after_pickling(cls):
    error = cls("the message", code=Code.ABORTED, endpoint="h:1")
    error.operation, error.attempts, error.maybe_applied, error.sent = "put 'k'", 3, True, False
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again), str(again)) == (cls, vars(error), str(error))


@pytest.mark.parametrize("cls", SERVER, ids=lambda cls: cls.__name__)
def test_a_server_error_has_a_code_and_a_text_by_default(cls):
    error = cls()
    assert (error.code, error.attempts, error.maybe_applied, error.sent) == (cls.status, 1, False, True)
    assert cls.__name__ in str(error) or error.message in str(error)


def test_a_compaction_has_the_oldest_revision_left_after_pickling_too():
    error = pickle.loads(pickle.dumps(errors.CompactedError(compact_revision=9)))
    assert (error.compact_revision, error.compacted_revision) == (9, 9)


def test_the_text_has_operation_endpoint_message_code_attempts_and_the_next_step():
    error = errors.ConnectionFailedError("refused", code=Code.UNAVAILABLE, endpoint="h:1")
    error.operation, error.attempts = "get 'k'", 3
    assert str(error).startswith("get 'k' at h:1: refused (UNAVAILABLE, 3 attempts); is etcd running there")


def test_what_is_not_known_is_left_out_of_the_text():
    assert str(EtcdError("odd")) == "odd"
    assert str(EtcdError("odd", endpoint="h:1")) == "at h:1: odd"
    assert str(EtcdError(endpoint="h:1")) == "at h:1: EtcdError"


def test_the_text_says_that_a_write_may_have_been_applied():
    error = errors.DeadlineExceededError("late")
    error.maybe_applied = True
    assert "the write may have been applied" in str(error)


def test_a_code_is_compared_as_text():
    assert errors.NoSpaceError().code == "RESOURCE_EXHAUSTED"
    assert Code("UNAVAILABLE") is Code.UNAVAILABLE


@pytest.mark.parametrize(("attempts", "shown"), [(1, ""), (3, " (3 attempts)")])
def test_a_status_that_no_server_sent_is_not_shown(attempts, shown):
    error = errors.LockFailedError("the lock 'q' is not held")
    error.attempts = attempts
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == f"the lock 'q' is not held{shown}"


def test_a_status_that_was_sent_is_shown():
    assert str(errors.LockFailedError("refused", code=Code.UNKNOWN)) == "refused (UNKNOWN)"
