"""The dependency graph: build order, cycles, and where tokens and modules are found."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from itertools import pairwise
from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    AsyncFactoryError,
    CycleError,
    DynamicModule,
    Inject,
    Provider,
    UnresolvedError,
    module,
)
from etcd_factory.nest.graph import build_graph
from etcd_factory.nest.module_tree import Address
from tests.support.nest_modules import AppController, AppService, Http, importing


@pytest.mark.anchor("nest-9")
def test_imported_providers_are_built_first_and_only_once():
    built = []

    @module(providers=[Provider("low", use_factory=lambda: built.append("low"))], exports=["low"])
    class Low:
        pass

    @module(imports=[Low])
    class Left:
        pass

    @module(imports=[Low])
    class Right:
        pass

    def consumer(low: Annotated[None, Inject("low")]) -> AppService:
        built.append("consumer")
        return AppService()

    with Application(importing(Left, Right, Low, providers=(consumer,))):
        assert built == ["low", "consumer"]


def test_dependencies_are_built_first_in_any_order_of_declaration():
    tokens = [f"p{number}" for number in range(600)]
    chain = [Provider(token, use_factory=str, inject=[lower]) for token, lower in pairwise(tokens)]
    graph = build_graph(importing(providers=(*chain, Provider(tokens[-1], use_value="low"))))
    assert [address.token for address in graph.bindings][:2] == ["p599", "p598"]


@pytest.mark.anchor("nest-14")
def test_a_circular_dependency_of_providers_is_refused():
    providers = (
        Provider("a", use_factory=str, inject=["b"]),
        Provider("b", use_factory=str, inject=["c"]),
        Provider("c", use_factory=str, inject=["b"]),
    )
    with pytest.raises(CycleError, match="circular dependency between providers") as caught:
        Application(importing(providers=providers))
    assert caught.value.path == ("'b' in App", "'c' in App", "'b' in App")


def test_all_unresolved_dependencies_are_reported_together():
    root = importing(providers=(AppController, Http, Provider("x", use_factory=str, inject=["y"])))
    with pytest.raises(
        UnresolvedError, match="3 unresolved dependencies:\n  can't resolve dependencies of AppController in App: "
    ) as caught:
        build_graph(root)
    assert [missing.parameter for missing in caught.value.missing] == ["service", "base_url", "inject[0]"]


def test_all_async_factories_are_reported_where_nothing_can_be_awaited():
    async def resource():
        yield 1

    async def client() -> AppService:
        return AppService()

    graph = build_graph(importing(providers=(client, Provider("r", use_factory=resource), Provider("v", use_value=1))))
    with pytest.raises(AsyncFactoryError, match="factory of AppService in App, 'r' in App; use AsyncApplication"):
        graph.require_sync()


@module(providers=[Provider("deep", use_value="deep"), Provider("twice", use_value="low")])
class Deep:
    pass


@module(imports=[Deep], providers=[Provider("twice", use_value="middle")], exports=["twice"])
class Middle:
    pass


@module(imports=[Middle], providers=[Provider("own", use_value="own")])
class Root:
    pass


@pytest.mark.anchor("nest-64")
def test_an_application_finds_what_its_root_sees_else_the_only_provider():
    graph = build_graph(Root)
    assert graph.find("own") == Address("Root", "own")
    assert graph.find("twice") == Address("Middle", "twice")
    assert graph.find("deep") == Address("Deep", "deep")


@pytest.mark.anchor("nest-64")
def test_strict_excludes_what_the_module_does_not_provide_itself():
    graph = build_graph(Root)
    assert graph.find_in("Root", "own", strict=True) == Address("Root", "own")
    with pytest.raises(KeyError, match="Root does not provide 'twice' itself; it sees the one of Middle"):
        graph.find_in("Root", "twice", strict=True)


@pytest.mark.anchor("nest-64")
def test_a_token_that_is_not_visible_in_a_module_is_refused_with_advice():
    with pytest.raises(KeyError, match="'deep' is not visible in Middle; Deep provides it: add it to the exports"):
        build_graph(Root).find_in("Middle", "deep")


@pytest.mark.anchor("nest-64")
def test_an_ambiguous_or_unknown_token_is_refused():
    graph = build_graph(importing(DynamicModule(Deep, name="one"), DynamicModule(Deep, name="two")))
    with pytest.raises(KeyError, match=r"several modules provide 'deep': one, two; select one with select\("):
        graph.find("deep")
    with pytest.raises(KeyError, match="no module provides 'depe'; did you mean"):
        graph.find("depe")


@pytest.mark.anchor("nest-64")
def test_an_ambiguous_or_unknown_module_is_refused():
    graph = build_graph(importing(DynamicModule(Deep, name="one"), DynamicModule(Deep, name="two")))
    with pytest.raises(KeyError, match="Deep has several configurations; select one by name: one, two"):
        graph.select(Deep)
    with pytest.raises(KeyError, match="the application has no module Root"):
        graph.select(Root)
    with pytest.raises(KeyError, match="the application has no module tow; did you mean 'two'"):
        graph.select("tow")


@pytest.mark.anchor("nest-64")
def test_a_module_is_selected_by_class_name_or_dynamic_module():
    made = DynamicModule(Deep, name="deep")
    graph = build_graph(importing(made, Middle))
    assert graph.select(Middle) == graph.select("Middle") == "Middle"
    assert graph.select(made) == graph.select(DynamicModule(Deep, name="deep")) == graph.select("deep") == "deep"
