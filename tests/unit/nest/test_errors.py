"""Errors of modules: their texts, and how they split and pickle."""

from __future__ import annotations

import pickle

import pytest

from etcd_factory.errors import EtcdFactoryError
from etcd_factory.nest import (
    ApplicationStateError,
    AsyncFactoryError,
    ConfigKeyError,
    CycleError,
    DeclarationError,
    Missing,
    ModuleError,
    ProviderNotFoundError,
    StopError,
    Token,
    UnresolvedError,
)
from etcd_factory.nest.errors import declared_in, display_name

MISSING = Missing("Controller", "service", "token", "App", "add it to the providers of App")
ERRORS = [
    DeclarationError("text"),
    UnresolvedError(MISSING, MISSING),
    CycleError(["a", "b", "a"]),
    ProviderNotFoundError("text"),
    ConfigKeyError("text"),
    AsyncFactoryError("text"),
    ApplicationStateError("text"),
    StopError([OSError("a")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_has_the_same_base_and_pickles(error):
    assert isinstance(error, ModuleError)
    assert isinstance(error, EtcdFactoryError)
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert str(copied) == str(error)


def test_one_missing_dependency_is_the_whole_message():
    assert str(UnresolvedError(MISSING)) == (
        "can't resolve dependencies of Controller in App: parameter 'service' needs 'token', which is not visible in "
        "App; add it to the providers of App"
    )


def test_a_cycle_is_shown_as_a_path():
    assert str(CycleError(["a", "b", "a"])).startswith("circular dependency between providers: a -> b -> a; move what")


def test_key_errors_show_their_message_without_quotes():
    assert str(ProviderNotFoundError("no module provides it")) == "no module provides it"


def test_a_group_of_stop_errors_splits_and_pickles():
    error = StopError([OSError("a"), KeyError("b")])
    caught, rest = error.split(OSError)
    assert isinstance(caught, StopError)
    assert [type(one) for one in rest.exceptions] == [KeyError]
    assert [str(one) for one in pickle.loads(pickle.dumps(error)).exceptions] == ["a", "'b'"]


def test_a_declaration_error_is_prefixed_with_its_place():
    original = DeclarationError("text")
    with pytest.raises(DeclarationError, match=r"^Service in App: text$") as caught, declared_in("Service in App"):
        raise original
    assert caught.value.__cause__ is original


def test_other_errors_are_not_prefixed():
    with pytest.raises(ValueError, match=r"^text$"), declared_in("App"):
        raise ValueError("text")


@pytest.mark.parametrize(
    ("value", "name"),
    [(Token("t"), "Token('t')"), (list[int], "list[int]"), (5, "5"), ("a", "'a'"), (dict, "dict"), (len, repr(len))],
)
def test_values_are_shown_as_in_code(value, name):
    assert display_name(value) == name


def test_classes_and_functions_are_shown_by_name():
    class Local:
        def method(self): ...

    assert display_name(Local) == "Local"
    assert display_name(Local.method) == "Local.method"
