"""From etcd's status and words to the error class, and what each error keeps."""

import pickle

import pytest

from etcd_factory import errors
from etcd_factory.errors import Code, EtcdError, EtcdFactoryError, error_of, etcd3
from etcd_factory.errors.status import BY_CODE, BY_MESSAGE

# api/v3rpc/rpctypes/error.go of etcd, and gRPC's own words
ANSWERS = [
    ("INVALID_ARGUMENT", "etcdserver: key not found", "KeyNotFoundError"),
    ("INVALID_ARGUMENT", "etcdserver: duplicate key given in txn request", "DuplicateKeyError"),
    ("INVALID_ARGUMENT", "etcdserver: key is not provided", "EtcdError"),
    ("INVALID_ARGUMENT", "etcdserver: too many operations in txn request", "EtcdError"),
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
    ("UNKNOWN", "auth: revision in header is old", "InvalidAuthTokenError"),  # etcd 3.5.1's words where tokens are JWTs
    ("INVALID_ARGUMENT", "etcdserver: user name is empty", "InvalidAuthTokenError"),
    ("FAILED_PRECONDITION", "etcdserver: authentication is not enabled", "PreconditionError"),
    ("FAILED_PRECONDITION", "etcdserver: not leader", "NotLeaderError"),
    ("UNAVAILABLE", "etcdserver: no leader", "NoLeaderError"),
    ("UNAVAILABLE", "etcdserver: leader changed", "NoLeaderError"),
    ("UNAVAILABLE", "etcdserver: unhealthy cluster", "UnhealthyClusterError"),
    ("UNAVAILABLE", "etcdserver: request timed out", "DeadlineExceededError"),
    (
        "UNAVAILABLE",
        "etcdserver: request timed out, possibly due to previous leader failure",
        "DeadlineExceededError",
    ),
    ("UNAVAILABLE", "etcdserver: server stopped", "ConnectionFailedError"),
    ("UNAVAILABLE", "failed to connect to all addresses", "ConnectionFailedError"),
    ("DEADLINE_EXCEEDED", "Deadline Exceeded", "DeadlineExceededError"),
    ("INTERNAL", "panic", "InternalError"),
    ("UNKNOWN", "what else", "EtcdError"),
    ("DATA_LOSS", "etcdserver: corrupt cluster", "EtcdError"),
]

TREE = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, EtcdFactoryError)]
SERVER = [cls for cls in TREE if issubclass(cls, EtcdError)]
OWN = {
    "CloseError": ({"a": ValueError("x")},),
    "ConfigError": (errors.Fault("f.yml", "etcd.hosts", "expected a host"), "another"),
    "InstanceNotFoundError": ("instnace", ("instance",)),
    "InstanceExistsError": ("instance",),
    "ClientClosedError": ("the factory",),
    "DistributionError": ("wrong etcd3",),
    "NoInstanceError": ("user", "up", ("fast",)),
}
BORROWED = {
    "EtcdError": "Etcd3Exception",
    "ConnectionFailedError": "ConnectionFailedError",
    "DeadlineExceededError": "ConnectionTimeoutError",
    "PreconditionError": "PreconditionFailedError",
    "CompactedError": "RevisionCompactedError",
    "InternalError": "InternalServerError",
    "LeaseExistsError": "PreconditionFailedError",
    "NoLeaderError": "ConnectionFailedError",
}
BUILTIN = {
    "ConfigError": ValueError,
    "InstanceNotFoundError": KeyError,
    "DeadlineExceededError": TimeoutError,
    "PermissionDeniedError": PermissionError,
    "DistributionError": ImportError,
}
CONTRACT = [
    "EtcdFactoryError",
    "ConfigError",
    "InstanceNotFoundError",
    "InstanceExistsError",
    "ClientClosedError",
    "EtcdError",
    "ConnectionFailedError",
    "DeadlineExceededError",
    "AuthenticationFailedError",
    "InvalidAuthTokenError",
    "PermissionDeniedError",
    "CompactedError",
    "FutureRevisionError",
    "KeyNotFoundError",
    "DuplicateKeyError",
    "LeaseNotFoundError",
    "LeaseExistsError",
    "RoleExistsError",
    "RoleNotFoundError",
    "RoleNotGrantedError",
    "UserExistsError",
    "UserNotFoundError",
    "NoSpaceError",
    "RequestTooLargeError",
    "TooManyRequestsError",
    "NoLeaderError",
    "UnhealthyClusterError",
    "LockFailedError",
    "NotLeaderError",
    "STMConflictError",
    "WatchOverflowError",
]


@pytest.mark.parametrize(("code", "message", "name"), ANSWERS, ids=[row[1] for row in ANSWERS])
def test_an_answer_of_etcd_has_its_class(code, message, name):
    error = error_of(Code(code), message, "127.0.0.1:2379")
    assert type(error).__name__ == name
    assert (error.code, error.message, error.endpoint) == (code, message, "127.0.0.1:2379")


def test_every_row_of_the_table_has_a_text_of_etcd_here():
    unseen = [text for text, _ in BY_MESSAGE if not any(text in message for _, message, _ in ANSWERS)]
    assert unseen == []


@pytest.mark.parametrize("code", Code, ids=lambda code: code.name)
def test_a_code_with_unknown_words_has_the_class_of_the_code(code):
    assert type(error_of(code, "unheard of")) is BY_CODE.get(code, EtcdError)


def test_words_before_and_after_the_message_do_not_matter():
    found = error_of(Code.UNKNOWN, "proxy: etcdserver: key not found (member 1)")
    assert type(found) is errors.KeyNotFoundError


@pytest.mark.parametrize("name", CONTRACT)
def test_the_tree_has_the_class(name):
    assert issubclass(getattr(errors, name), EtcdFactoryError)
    assert name in errors.__all__


@pytest.mark.parametrize("cls", SERVER, ids=lambda cls: cls.__name__)
def test_a_server_error_is_whole_after_pickling(cls):
    error = cls("the words", code=Code.ABORTED, endpoint="h:1")
    error.operation, error.attempts, error.maybe_applied = "put 'k'", 3, True
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again), str(again)) == (cls, vars(error), str(error))


@pytest.mark.parametrize("name", OWN)
def test_an_error_of_our_own_is_whole_after_pickling(name):
    error = getattr(errors, name)(*OWN[name])
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_every_class_of_the_tree_is_pickled_by_one_of_these_tests():
    assert {cls.__name__ for cls in TREE} - {cls.__name__ for cls in SERVER} - {"EtcdFactoryError"} == set(OWN)


@pytest.mark.parametrize(("ours", "theirs"), BORROWED.items())
def test_an_error_is_also_that_of_python_etcd3(ours, theirs):
    assert issubclass(getattr(errors, ours), getattr(etcd3.module, theirs))


@pytest.mark.parametrize(("name", "builtin"), BUILTIN.items())
def test_an_error_is_also_the_builtin_that_it_resembles(name, builtin):
    assert issubclass(getattr(errors, name), builtin)


def test_a_compaction_tells_the_oldest_revision_left_after_pickling_too():
    error = pickle.loads(pickle.dumps(errors.CompactedError(compact_revision=9)))
    assert (error.compact_revision, error.compacted_revision) == (9, 9)


def test_the_text_has_operation_endpoint_words_code_attempts_and_the_next_step():
    error = errors.ConnectionFailedError("refused", endpoint="h:1")
    error.operation, error.attempts = "get 'k'", 3
    assert str(error).startswith("get 'k' at h:1: refused (UNAVAILABLE, 3 attempts); is etcd running there")


def test_the_text_says_that_a_write_may_have_been_applied():
    error = errors.DeadlineExceededError("late")
    error.maybe_applied = True
    assert "the write may have been applied" in str(error)
