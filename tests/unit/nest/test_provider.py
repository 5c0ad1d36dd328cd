"""A module tree as one provider in a dishka container of one's own."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

import importlib.util
import re
import sys
from itertools import pairwise
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
from tests.support.nest_toy import CLIENT, EtcdModule, EtcdService, Options

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
    """What the user's own provider makes for each request."""

    def __init__(self, own: EtcdService, other: Annotated[EtcdService, FromComponent("EtcdModule#2")], reader: Reader):
        self.own, self.other, self.reader = own, other, reader


class Web(DishkaProvider):
    handler = provide(Handler, scope=Scope.REQUEST)


def test_it_is_one_provider():
    made = provider_of(App)
    assert type(made) is DishkaProvider


@pytest.mark.parametrize("settings", [{}, {"validation_settings": STRICT_VALIDATION}, {"skip_validation": True}])
def test_it_lives_beside_the_users_own_provider(settings):
    container = make_container(provider_of(App), Web(), **settings)
    with container() as request:
        handler = request.get(Handler)
        labels = {name: container.get(EtcdService, component=name) for name in ("EtcdModule", "EtcdModule#2")}
        assert handler.own is labels["EtcdModule"]
        assert handler.other is handler.reader.etcd is labels["EtcdModule#2"]
        assert [one.client.options.hosts for one in labels.values()] == ["two", "one"]
    container.close()
    assert all(one.client.closed for one in labels.values())


async def test_it_lives_in_an_async_container_too():
    async def greeting(client: Annotated[object, Inject("client")]) -> str:
        return f"hello {client}"

    async def client():
        yield "etcd"
        ended.append(1)

    ended = []

    @module(providers=[greeting, Provider("client", use_factory=client)])
    class Async:
        pass

    container = make_async_container(provider_of(Async))
    assert await container.get(str) == "hello etcd"
    assert ended == []
    await container.close()
    assert ended == [1]


def test_the_default_component_is_what_the_root_sees():
    def giving(*tokens):
        providers = [Provider(token, use_value=f"{token} of {tokens}") for token in tokens]
        return DynamicModule(Feature, providers=providers, exports=tokens)

    @module(imports=[giving("b", "a"), giving("c", "b", "a")], providers=[Provider("a", use_value="own")])
    class Root:
        pass

    container = make_container(provider_of(Root))
    assert container.get(key_of("a")) == "own"
    assert container.get(key_of("b")) == "b of ('b', 'a')"
    assert container.get(key_of("c")) == "c of ('c', 'b', 'a')"


def test_texts_and_tokens_have_keys_of_their_own():
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


def test_generic_classes_are_tokens_by_what_they_hold():
    class Consumer:
        def __init__(self, numbers: Box[int], words: Box[str]):
            self.given = (numbers.value, words.value)

    @module(providers=[Provider(Box[int], use_value=Box(1)), Provider(Box[str], use_value=Box("a")), Consumer])
    class Boxes:
        pass

    with Application(Boxes) as app:
        assert app.get(Consumer).given == (1, "a")
        assert app.get(Box[str]).value == "a"


def test_a_provider_can_be_overridden_and_compared_by_reference():
    fake = object()
    container = make_container(provider_of(App, overrides=[Provider(EtcdService, use_value=fake)]))
    assert container.get(Reader).etcd is fake

    def count(**given):
        same = [EtcdModule.for_root(Options("same")) for _ in range(2)]
        root = module(imports=same)(type("Root", (), {}))
        return len({factory.provides.component for factory in provider_of(root, **given).factories})

    assert (count(), count(identity="reference")) == (2, 3)


def test_the_container_of_an_application_is_for_integrations():
    with Application(App) as app, app.container() as request:
        assert request.get(Reader) is app.get(Reader)


@pytest.mark.parametrize(("name", "package"), [("dishka_provider", "dishka"), ("config_module", "dotenv")])
def test_what_the_extra_brings_is_named_where_it_is_not_installed(monkeypatch, name, package):
    found = importlib.util.find_spec(f"etcd_factory.nest.{name}")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=re.escape("pip install 'etcd-factory[nest]'")):
        found.loader.exec_module(importlib.util.module_from_spec(found))


def test_what_is_needed_comes_first_however_it_is_listed():
    tokens = [f"p{number}" for number in range(600)]
    chain = [Provider(token, use_factory=str, inject=[lower]) for token, lower in pairwise(tokens)]

    @module(providers=[*chain, Provider(tokens[-1], use_value="low")])
    class Long:
        pass

    with Application(Long) as app:
        assert app.get("p0") == "low"
        assert [address.token for address in app.graph.bindings][:2] == ["p599", "p598"]


async def test_many_modules_start_in_little_time_and_deeper_than_python_recurses():
    previous = None
    for number in range(600):
        token = f"p{number}"
        inject = [] if previous is None else [f"p{number - 1}"]
        provider = Provider(token, use_factory=lambda *given: sum(given) + 1, inject=inject)
        imports = [] if previous is None else [previous]
        previous = module(imports=imports, providers=[provider], exports=[provider])(type(f"M{number}", (), {}))
    with Application(previous) as app:
        assert app.get("p599") == 600
    async with AsyncApplication(previous) as app:
        assert app.get("p599") == 600
