"""The root of the error tree, and the errors that are the caller's to correct."""

import pickle

import pytest

from etcd_factory import errors
from etcd_factory.errors import (
    ClientClosedError,
    CloseError,
    ConfigError,
    EtcdError,
    EtcdFactoryError,
    Fault,
    InstanceExistsError,
    InstanceNotFoundError,
    NoInstanceError,
    choice,
    suggestion,
)

TREE = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, EtcdFactoryError)]
OWN = {
    "CloseError": ({"a": ValueError("x")},),
    "ConfigError": (Fault("f.yml", "etcd.hosts", "expected a host"), "another"),
    "InstanceNotFoundError": ("instnace", ("instance",)),
    "InstanceExistsError": ("instance",),
    "ClientClosedError": ("the factory",),
    "DistributionError": ("wrong etcd3",),
    "NoInstanceError": ("user", "up", ("fast",)),
}
BUILTIN = {
    "ConfigError": ValueError,
    "InstanceNotFoundError": KeyError,
    "NoInstanceError": LookupError,
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


# --- the tree


@pytest.mark.parametrize("name", CONTRACT)
def test_the_tree_has_the_class(name):
    assert issubclass(getattr(errors, name), EtcdFactoryError)
    assert name in errors.__all__


@pytest.mark.parametrize(("name", "builtin"), BUILTIN.items())
def test_an_error_is_also_the_builtin_that_it_resembles(name, builtin):
    assert issubclass(getattr(errors, name), builtin)


@pytest.mark.parametrize("name", OWN)
def test_an_error_is_equal_after_pickling(name):
    error = getattr(errors, name)(*OWN[name])
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_every_class_of_the_tree_is_pickled_by_a_test():
    """Those of a server are in ``test_server``."""
    own = {cls.__name__ for cls in TREE if not issubclass(cls, EtcdError)} - {"EtcdFactoryError"}
    assert own == set(OWN)


# --- configuration


def test_a_fault_says_where_it_was_written():
    assert str(Fault("f.yml", "etcd.hosts", "expected a host")) == "f.yml: etcd.hosts: expected a host"
    assert str(Fault("", "etcd.hosts", "expected a host")) == "etcd.hosts: expected a host"
    assert str(Fault("", "", "expected a host")) == "expected a host"


def test_a_single_fault_is_the_whole_message():
    assert str(ConfigError("expected a host")) == "expected a host"


def test_several_faults_are_listed():
    error = ConfigError(Fault("f.yml", "etcd.hosts", "expected a host"), "another")
    first, *rest = str(error).splitlines()
    assert first.startswith("2 ")
    assert [line.strip() for line in rest] == ["f.yml: etcd.hosts: expected a host", "another"]
    assert [fault.message for fault in error.faults] == ["expected a host", "another"]


# --- names


def test_an_unknown_client_is_an_error_that_suggests_and_lists_names():
    text = str(InstanceNotFoundError("instnace", ("instance", "other")))
    assert "'instnace'" in text
    assert "did you mean 'instance'?" in text
    assert "instance, other" in text


def test_without_a_default_client_the_error_says_how_to_name_one():
    assert "default_client_name" in str(InstanceNotFoundError(None, ("instance",)))
    wrong = str(InstanceNotFoundError(None, ("instance",), "instnace"))
    assert "default_client_name is 'instnace'" in wrong
    assert "did you mean 'instance'?" in wrong


def test_an_existing_client_is_an_error_that_says_what_to_pass():
    text = str(InstanceExistsError("instance"))
    assert "on_exists='return'" in text
    assert "on_exists='replace'" in text


def test_no_instance_of_a_service_is_an_error_with_status_and_tags():
    assert "'user'" in str(NoInstanceError("user"))
    text = str(NoInstanceError("user", "up", {"fast", "eu"}))
    assert "up" in text
    assert "eu, fast" in text


def test_the_most_similar_known_name_is_suggested():
    assert suggestion("hots", ["timeout", "hosts"]) == "; did you mean 'hosts'?"
    assert suggestion("zzz", ["timeout", "hosts"]) == ""


WAYS = ("error", "return", "replace")


def test_a_value_that_is_allowed_is_returned():
    assert [choice(way, WAYS) for way in WAYS] == [*WAYS]


@pytest.mark.parametrize(
    ("value", "hint"),
    [("retrun", "; did you mean 'return'?"), ("", ""), (None, ""), (5, ""), ([], ""), ("ERROR", "")],
)
def test_any_other_value_is_an_error_that_lists_what_is_allowed(value, hint):
    with pytest.raises(ValueError, match="expected one of") as caught:
        choice(value, WAYS, "on_exists")
    assert str(caught.value) == f"on_exists: expected one of error, return, replace, got {value!r}{hint}"


def test_what_is_allowed_may_be_an_iterator_and_the_value_may_have_no_name():
    with pytest.raises(ValueError, match=r"^expected one of a, b, got 'c'$"):
        choice("c", iter(("a", "b")))


# --- closing


def test_a_closed_client_is_an_error_with_the_next_step_or_a_text_of_its_own():
    assert "closed" in str(ClientClosedError())
    assert str(ClientClosedError("the factory is closed")) == "the factory is closed"


def test_several_failures_to_close_are_one_group():
    failures = {"a": ValueError("x"), "b": KeyError("y")}
    error = CloseError(failures)
    assert error.failures == failures
    assert "closing 'a' failed" in str(error)
    assert [*error.exceptions] == [*failures.values()]


def test_a_part_of_the_group_keeps_the_names_of_its_clients():
    error = CloseError({"a": ValueError("x"), "b": KeyError("y")})
    values, rest = error.split(ValueError)
    assert ([*values.failures], [*rest.failures]) == (["a"], ["b"])


# --- for several callers


def test_others_get_an_error_of_their_own():
    first = errors.ConnectionFailedError("why", endpoint="a:1")
    first.sent, first.__cause__ = False, ConnectionResetError()
    second = errors.copied(first)
    second.operation = "put 'k'"
    assert (type(second), second.sent, second.__cause__) == (type(first), False, first.__cause__)
    assert first.operation == ""
