"""Tokens: classes, strings and ``Token`` objects."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import pytest

from etcd_factory.nest import Application, DeclarationError, Inject, Provider, Token, UnresolvedError
from etcd_factory.nest.tokens import as_tuple, is_class, is_function
from tests.support.nest_modules import importing


def make():
    return 1


class Service:
    pass


@pytest.mark.parametrize("token", [None, [], {}, make])
def test_an_invalid_token_is_refused(token):
    with pytest.raises(DeclarationError, match=r"invalid token .*; use a class, a string or a Token"):
        Provider(token, use_value=1)
    with pytest.raises(DeclarationError, match=r"invalid token .*; use a class, a string or a Token"):
        Inject(token)


def test_a_generic_alias_is_not_a_class():
    assert is_class(Service)
    assert not is_class(list[int])
    assert not is_class(Service())


def test_only_functions_written_in_python_are_functions():
    assert is_function(make)
    assert is_function(lambda: 1)
    assert not is_function(print)
    assert not is_function(Service)


@pytest.mark.parametrize("value", ["abc", b"abc", {"a": 1}, 5, Service])
def test_a_list_is_required(value):
    with pytest.raises(DeclarationError, match=rf"imports must be a list, not {type(value).__name__}; write imports="):
        as_tuple("imports", value)


@pytest.mark.parametrize("value", [[1, 2], (1, 2), iter([1, 2]), {1: 2}.keys() | {2}])
def test_any_other_iterable_is_accepted(value):
    assert as_tuple("imports", value) == (1, 2)


def test_a_plain_token_is_a_required_injection():
    optional = Inject("a", optional=True)
    assert Inject.of("a") == Inject("a", optional=False)
    assert Inject.of(optional) is optional


def test_tokens_are_compared_by_identity_and_shown_by_name():
    token = Token[int]("port")
    assert token != Token[int]("port")
    assert repr(token) == "Token('port')"


@pytest.mark.anchor("nest-24")
def test_a_string_a_class_and_a_token_of_the_same_name_are_three_tokens():
    token = Token[str]("Service")
    providers = (Provider("Service", use_value="string"), Provider(token, use_value="token"), Service)
    with Application(importing(providers=providers)) as app:
        assert (app.get("Service"), app.get(token)) == ("string", "token")
        assert type(app.get(Service)) is Service
        with pytest.raises(KeyError, match="a different token is also named Token"):
            app.get(Token[str]("Service"))


@pytest.mark.anchor("nest-24")
def test_a_class_does_not_resolve_to_the_string_of_its_name():
    class Consumer:
        def __init__(self, service: Service):
            self.service = service

    with pytest.raises(UnresolvedError, match=r"""no module provides it.*did you mean "'Service'\""""):
        Application(importing(providers=(Consumer, Provider("Service", use_value=1))))
