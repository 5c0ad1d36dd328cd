"""Bindings: how providers are built from their dependencies."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    AsyncFactoryError,
    DeclarationError,
    Inject,
    Provider,
    UnresolvedError,
    module,
)
from etcd_factory.nest.bindings import FactoryKind, factory_kind
from etcd_factory.nest.graph import build_graph
from etcd_factory.nest.module_tree import Address
from tests.support.nest_modules import AppService, importing, providing


def function() -> int:
    return 1


async def async_function() -> int:
    return 1


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


class Caller:
    async def __call__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("factory", "kind"),
    [
        (function, FactoryKind.FUNCTION),
        (AppService, FactoryKind.FUNCTION),
        (async_function, FactoryKind.ASYNC_FUNCTION),
        (partial(async_function), FactoryKind.ASYNC_FUNCTION),
        (Caller(), FactoryKind.ASYNC_FUNCTION),
        (generator, FactoryKind.GENERATOR),
        (async_generator, FactoryKind.ASYNC_GENERATOR),
    ],
)
def test_the_kind_of_a_factory_is_that_of_its_function(factory, kind):
    assert factory_kind(factory) is kind


def binding_of(provider, *imports):
    """The binding of a provider in a root module, and where the graph finds its dependencies."""
    return build_graph(importing(*imports, providers=(provider,))).bindings[Address("App", provider.token)]


def test_arguments_are_passed_in_order_and_by_keyword_and_defaults_if_not_visible():
    def join(t: Annotated[str, Inject("t")], absent: AppService | None = None, *, key: Annotated[str, Inject("t")]):
        return (t, absent, key)

    binding = binding_of(Provider("join", use_factory=join), providing("value"))
    assert binding.dependencies == (Address("Providing", "t"), Address("Providing", "t"))
    assert binding.build("first", "second") == ("first", None, "second")


def test_a_value_and_an_alias_are_built_without_a_call():
    value = object()
    assert binding_of(Provider("v", use_value=value)).build() is value
    assert binding_of(Provider("v", use_existing="t"), providing(1)).build(value) is value


@pytest.mark.parametrize(("factory", "is_async"), [(function, False), (generator, False), (async_function, True)])
def test_only_async_factories_have_to_be_awaited(factory, is_async):
    assert binding_of(Provider("v", use_factory=factory)).is_async is is_async


def test_a_coroutine_of_a_synchronous_factory_is_an_error():
    app = Application(importing(providers=(Provider("v", use_factory=lambda: async_function()),)))
    with pytest.raises(AsyncFactoryError, match="of 'v' in App returned a coroutine; declare it with 'async def'"):
        app.start()


@pytest.mark.anchor("nest-13")
def test_the_class_of_a_module_is_built_with_its_dependencies():
    @module(providers=[AppService])
    class App:
        def __init__(self, service: AppService):
            self.service = service

    with Application(App) as app:
        assert app.get(App).service is app.get(AppService)


def test_an_error_of_an_annotation_names_the_provider_and_the_module():
    class Unannotated:
        def __init__(self, a):
            self.a = a

    with pytest.raises(DeclarationError, match="Unannotated in App: parameter 'a' of Unannotated has no annotation"):
        Application(importing(providers=(Unannotated,)))


def test_only_required_dependencies_have_to_be_visible():
    class Service:
        def __init__(self, a: AppService, b: AppService | None, c: int = 3):
            self.received = (a, b, c)

    with pytest.raises(UnresolvedError) as caught:
        Application(importing(providers=(Service,)))
    assert [missing.parameter for missing in caught.value.missing] == ["a"]
