"""From a gRPC status and its message to the error class."""

import pytest

from etcd_factory import errors
from etcd_factory.errors import Code, EtcdError, error_of
from etcd_factory.errors.status import BY_CODE, BY_MESSAGE, no_response

# api/v3rpc/rpctypes/error.go of etcd, and gRPC's own messages
ANSWERS = [
    ("INVALID_ARGUMENT", "etcdserver: key not found", "KeyNotFoundError"),
    ("INVALID_ARGUMENT", "etcdserver: duplicate key given in txn request", "DuplicateKeyError"),
    ("INVALID_ARGUMENT", "etcdserver: key is not provided", "EtcdError"),
    ("INVALID_ARGUMENT", "etcdserver: too many operations in txn request", "RequestTooLargeError"),
    ("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted", "CompactedError"),
    ("OUT_OF_RANGE", "etcdserver: mvcc: required revision is a future revision", "FutureRevisionError"),
    ("RESOURCE_EXHAUSTED", "etcdserver: mvcc: database space exceeded", "NoSpaceError"),
    ("NOT_FOUND", "etcdserver: requested lease not found", "LeaseNotFoundError"),
    ("FAILED_PRECONDITION", "etcdserver: lease already exists", "LeaseExistsError"),
    ("INVALID_ARGUMENT", "etcdserver: request is too large", "RequestTooLargeError"),
    (
        "RESOURCE_EXHAUSTED",
        "grpc: received message larger than max (3000000 vs. 2097152)",
        "RequestTooLargeError",
    ),
    ("RESOURCE_EXHAUSTED", "Sent message larger than max (3000000 vs. 2097152)", "RequestTooLargeError"),
    ("RESOURCE_EXHAUSTED", "CLIENT: Received message larger than max (3000000 vs. 2097152)", "ResponseTooLargeError"),
    ("RESOURCE_EXHAUSTED", "etcdserver: too many requests", "TooManyRequestsError"),
    ("FAILED_PRECONDITION", "etcdserver: user name already exists", "UserExistsError"),
    ("FAILED_PRECONDITION", "etcdserver: user name not found", "UserNotFoundError"),
    ("FAILED_PRECONDITION", "etcdserver: role name already exists", "RoleExistsError"),
    ("FAILED_PRECONDITION", "etcdserver: role name not found", "RoleNotFoundError"),
    ("FAILED_PRECONDITION", "etcdserver: role is not granted to the user", "RoleNotGrantedError"),
    (
        "INVALID_ARGUMENT",
        "etcdserver: authentication failed, invalid user ID or password",
        "AuthenticationFailedError",
    ),
    ("PERMISSION_DENIED", "etcdserver: permission denied", "PermissionDeniedError"),
    ("UNAUTHENTICATED", "etcdserver: invalid auth token", "InvalidAuthTokenError"),
    ("INVALID_ARGUMENT", "etcdserver: revision of auth store is old", "InvalidAuthTokenError"),
    ("UNKNOWN", "auth: revision in header is old", "InvalidAuthTokenError"),  # etcd 3.5.1, where tokens are JWTs
    ("INVALID_ARGUMENT", "etcdserver: user name is empty", "InvalidAuthTokenError"),
    ("FAILED_PRECONDITION", "etcdserver: authentication is not enabled", "PreconditionError"),
    ("FAILED_PRECONDITION", "etcdserver: not leader", "NotLeaderError"),
    ("UNAVAILABLE", "etcdserver: no leader", "NoLeaderError"),
    ("UNAVAILABLE", "etcdserver: leader changed", "NoLeaderError"),
    ("UNKNOWN", "lease: not a primary lessor", "NoLeaderError"),
    ("UNKNOWN", "raft proposal dropped", "NoLeaderError"),
    ("UNKNOWN", "raft: stopped", "ConnectionFailedError"),
    ("UNAVAILABLE", "etcdserver: unhealthy cluster", "UnhealthyClusterError"),
    ("UNAVAILABLE", "etcdserver: rpc not supported for learner", "LearnerError"),
    ("UNAVAILABLE", "etcdserver: request timed out", "DeadlineExceededError"),
    (
        "UNAVAILABLE",
        "etcdserver: request timed out, possibly due to previous leader failure",
        "DeadlineExceededError",
    ),
    ("UNKNOWN", "context deadline exceeded", "DeadlineExceededError"),
    ("CANCELLED", "context canceled", "DeadlineExceededError"),
    ("UNAVAILABLE", "etcdserver: server stopped", "ConnectionFailedError"),
    ("UNAVAILABLE", "failed to connect to all addresses", "ConnectionFailedError"),
    ("DEADLINE_EXCEEDED", "Deadline Exceeded", "DeadlineExceededError"),
    ("INTERNAL", "panic", "InternalError"),
    ("UNKNOWN", "what else", "EtcdError"),
    ("DATA_LOSS", "etcdserver: corrupt cluster", "EtcdError"),
]


@pytest.mark.parametrize(("code", "message", "name"), ANSWERS, ids=[row[1] for row in ANSWERS])
def test_each_message_of_etcd_has_its_class(code, message, name):
    error = error_of(Code(code), message, "127.0.0.1:2379")
    assert type(error).__name__ == name
    assert (error.code, error.message, error.endpoint) == (code, message, "127.0.0.1:2379")


def test_every_row_of_the_table_is_tested_here():
    unseen = [text for text, _ in BY_MESSAGE if not any(text in message for _, message, _ in ANSWERS)]
    assert unseen == []


@pytest.mark.parametrize("code", Code, ids=lambda code: code.name)
def test_an_unknown_message_has_the_class_of_its_code(code):
    assert type(error_of(code, "unheard of")) is BY_CODE.get(code, EtcdError)


def test_text_before_and_after_the_message_does_not_matter():
    found = error_of(Code.UNKNOWN, "proxy: etcdserver: key not found (member 1)")
    assert type(found) is errors.KeyNotFoundError


def test_the_message_counts_more_than_the_code():
    assert type(error_of(Code.UNAVAILABLE, "etcdserver: permission denied")) is errors.PermissionDeniedError


@pytest.mark.parametrize("message", [text for text, _ in BY_MESSAGE])
def test_no_row_of_the_table_hides_a_later_one(message):
    """The first row that matches counts."""
    matching = [text for text, _ in BY_MESSAGE if text in message]
    assert matching[0] == message


@pytest.mark.parametrize(
    ("timeout", "text"), [(4.99837, "5"), (2.5, "2.5"), (0.0123, "0.012"), (60, "60"), (119.6, "120")]
)
def test_the_seconds_without_a_response_have_two_digits(timeout, text):
    error = no_response(timeout, "h:1")
    assert (error.message, error.endpoint) == (f"no response within {text} s", "h:1")
