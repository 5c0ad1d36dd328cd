"""A module tree as one provider in a dishka container of the user."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import importlib.util
import re
import sys
from typing import Annotated, Generic, TypeVar

import pytest
from dishka import (
    STRICT_VALIDATION,
    FromComponent,
    Scope,
    make_async_container,
    make_container,
    provide,
)
from dishka import Provider as DishkaProvider

from etcd_factory.nest import (
    Application,
    AsyncApplication,
    DynamicModule,
    Inject,
    Provider,
    Token,
    key_of,
    module,
    provider_of,
)
from tests.support.nest_in_memory import CLIENT, EtcdModule, EtcdService, Options
from tests.support.nest_modules import importing

T = TypeVar("T")


class Reader:
    def __init__(self, etcd: EtcdService):
        self.etcd = etcd


@module(imports=[EtcdModule.for_root(Options("one"))], providers=[Reader], exports=[Reader])
class Feature:
    pass


@module(imports=[Feature, EtcdModule.for_root(Options("two"))])
class App:
    pass


class Handler:
    """Built by the user's own provider for each request."""

    def __init__(self, own: EtcdService, other: Annotated[EtcdService, FromComponent("EtcdModule#2")], reader: Reader):
        self.own, self.other, self.reader = own, other, reader


class Web(DishkaProvider):
    handler = provide(Handler, scope=Scope.REQUEST)


def test_the_result_is_one_plain_provider():
    assert type(provider_of(App)) is DishkaProvider


@pytest.mark.parametrize("settings", [{}, {"validation_settings": STRICT_VALIDATION}, {"skip_validation": True}])
def test_it_composes_with_a_provider_of_the_user(settings):
    container = make_container(provider_of(App), Web(), **settings)
    with container() as request:
        handler = request.get(Handler)
        services = {name: container.get(EtcdService, component=name) for name in ("EtcdModule", "EtcdModule#2")}
        assert handler.own is services["EtcdModule"]
        assert handler.other is handler.reader.etcd is services["EtcdModule#2"]
        assert [one.client.options.hosts for one in services.values()] == ["two", "one"]
    container.close()
    assert all(one.client.closed for one in services.values())


async def test_it_works_in_an_async_container():
    async def greeting(client: Annotated[object, Inject("client")]) -> str:
        return f"hello {client}"

    async def client():
        yield "etcd"
        closed.append(1)

    closed = []
    container = make_async_container(
        provider_of(importing(providers=(greeting, Provider("client", use_factory=client))))
    )
    assert await container.get(str) == "hello etcd"
    assert closed == []
    await container.close()
    assert closed == [1]


def test_the_default_component_holds_what_the_root_sees():
    def feature(*tokens):
        providers = [Provider(token, use_value=f"{token} of {tokens}") for token in tokens]
        return DynamicModule(Feature, providers=providers, exports=tokens)

    root = importing(feature("b", "a"), feature("c", "b", "a"), providers=(Provider("a", use_value="own"),))
    container = make_container(provider_of(root))
    assert container.get(key_of("a")) == "own"
    assert container.get(key_of("b")) == "b of ('b', 'a')"
    assert container.get(key_of("c")) == "c of ('c', 'b', 'a')"


def test_strings_and_tokens_are_requested_by_their_keys():
    container = make_container(provider_of(App))
    client = container.get(key_of(CLIENT), component="EtcdModule")
    assert client is container.get(EtcdService).client
    assert key_of(CLIENT) is key_of(CLIENT)
    assert key_of("a") is key_of("a")
    assert key_of("a") is not key_of(Token("a"))
    assert key_of(EtcdService) is EtcdService


class Box(Generic[T]):
    def __init__(self, value):
        self.value = value


def test_generic_classes_with_different_arguments_are_different_tokens():
    class Consumer:
        def __init__(self, numbers: Box[int], words: Box[str]):
            self.received = (numbers.value, words.value)

    providers = (Provider(Box[int], use_value=Box(1)), Provider(Box[str], use_value=Box("a")), Consumer)
    with Application(importing(providers=providers)) as app:
        assert app.get(Consumer).received == (1, "a")
        assert app.get(Box[str]).value == "a"


@pytest.mark.anchor("nest-63")
def test_providers_can_be_overridden():
    fake = object()
    container = make_container(provider_of(App, overrides=[Provider(EtcdService, use_value=fake)]))
    assert container.get(Reader).etcd is fake


@pytest.mark.anchor("nest-32")
@pytest.mark.parametrize(("settings", "count"), [({}, 2), ({"identity": "reference"}, 3)])
def test_equal_modules_are_one_component_unless_compared_by_reference(settings, count):
    root = importing(*(EtcdModule.for_root(Options("same")) for _ in range(2)))
    components = {factory.provides.component for factory in provider_of(root, **settings).factories}
    assert len(components) == count


def test_the_container_of_an_application_is_available_for_integrations():
    with Application(App) as app, app.container() as request:
        assert request.get(Reader) is app.get(Reader)


@pytest.mark.parametrize(("name", "package"), [("dishka_provider", "dishka"), ("config_sources", "dotenv")])
def test_a_missing_package_is_reported_with_the_extra_to_install(monkeypatch, name, package):
    found = importlib.util.find_spec(f"etcd_factory.nest.{name}")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=re.escape("pip install 'etcd-factory[nest]'")):
        found.loader.exec_module(importlib.util.module_from_spec(found))


def chain_of_modules(length):
    """A module that imports one that imports another, each adding one to what the next exports."""
    previous = None
    for number in range(length):
        inject = [] if previous is None else [f"p{number - 1}"]
        provider = Provider(f"p{number}", use_factory=lambda *lower: sum(lower) + 1, inject=inject)
        imports = [] if previous is None else [previous]
        previous = module(imports=imports, providers=[provider], exports=[provider])(type(f"M{number}", (), {}))
    return previous


async def test_a_dependency_chain_may_be_longer_than_the_recursion_limit():
    root = chain_of_modules(600)
    with Application(root) as app:
        assert app.get("p599") == 600
    async with AsyncApplication(root) as app:
        assert app.get("p599") == 600
