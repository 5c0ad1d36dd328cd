"""Modules with options of one class: what a mapping may hold, and where options may come from."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Generic, TypeVar

import pytest
from attrs import field, frozen
from omegaconf import OmegaConf

from etcd_factory import ClientOptions
from etcd_factory.errors import ConfigError
from etcd_factory.nest import (
    Application,
    AsyncApplication,
    ConfigurableModule,
    DeclarationError,
    Provider,
    Token,
    module,
)
from etcd_factory.nest.module_options import read_options

T = TypeVar("T")


@frozen
class CacheOptions:
    size: int
    ttl: float = 1.0
    names: tuple[str, ...] = field(default=(), converter=tuple)


@module(exports=[CacheOptions])
class CacheModule(ConfigurableModule[CacheOptions]):
    pass


def options_of(made):
    with Application(made) as app:
        return app.get(CacheOptions)


TREE = OmegaConf.create({"n": 3, "cache": {"size": "${n}", "names": ["a"]}})


@pytest.mark.parametrize("method", [CacheModule.for_root, CacheModule.register])
@pytest.mark.parametrize("given", [{"size": 3, "names": ["a"]}, TREE.cache, CacheOptions(3, names=["a"])])
def test_options_are_an_instance_or_a_mapping(method, given):
    assert options_of(method(given)) == CacheOptions(3, names=("a",))


def test_an_instance_stays_the_same_object():
    options = CacheOptions(1)
    assert options_of(CacheModule.for_root(options)) is options


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"size": 1, "tll": 2}, "tll: unknown option of CacheOptions; did you mean 'ttl'"),
        ({"ttl": 2}, "size: CacheOptions needs this option"),
        (None, "size: CacheOptions needs this option"),
        (5, "expected a mapping, got int"),
        ({1: 2}, "expected names as keys"),
        (OmegaConf.create({"size": "${nowhere}"}), "size: "),
    ],
)
def test_what_does_not_fit_fails_at_once(given, text):
    with pytest.raises(ConfigError) as caught:
        CacheModule.for_root(given)
    assert text in str(caught.value)


def test_all_that_does_not_fit_is_told_together():
    with pytest.raises(ConfigError) as caught:
        CacheModule.register({"tll": 2, "hosts": []})
    assert [fault.path for fault in caught.value.faults] == ["tll", "hosts", "size"]


class Factory:
    def create(self):
        return {"size": 7}


class AsyncFactory:
    async def create(self):
        return CacheOptions(8)


WAYS = {
    "a function": {"use_factory": lambda: {"size": 7}},
    "a function of a dependency": {"use_factory": lambda n: CacheOptions(n), "inject": ["n"]},
    "a class": {"use_class": Factory},
    "an instance of an import": {"use_existing": Factory},
}


@module(providers=[Provider("n", use_value=7), Factory], exports=["n", Factory])
class Imported:
    pass


@pytest.mark.parametrize("method", [CacheModule.for_root_async, CacheModule.register_async])
@pytest.mark.parametrize("way", WAYS)
def test_options_may_come_later(method, way):
    assert options_of(method(**WAYS[way], imports=[Imported])) == CacheOptions(7)


async def test_options_may_be_awaited():
    async with AsyncApplication(CacheModule.for_root_async(use_class=AsyncFactory)) as app:
        assert app.get(CacheOptions) == CacheOptions(8)


def test_later_options_that_do_not_fit_end_the_start():
    with pytest.raises(ConfigError, match="sise: unknown option"):
        Application(CacheModule.for_root_async(use_factory=lambda: {"sise": 1})).start()


def test_later_options_of_a_wrong_way_fail_at_once():
    with pytest.raises(DeclarationError, match="exactly one of use_factory, use_class, use_existing"):
        CacheModule.register_async()
    with pytest.raises(DeclarationError, match="str has no method 'create' that gives the options"):
        CacheModule.for_root_async(use_class=str)


def test_a_root_may_be_global_and_each_may_be_named():
    assert CacheModule.for_root({"size": 1}, is_global=True, name="cache").is_global
    assert CacheModule.for_root_async(use_factory=dict, is_global=True).is_global
    assert not CacheModule.register({"size": 1}, name="cache").is_global
    assert CacheModule.register_async(use_factory=dict, name="cache").name == "cache"


def test_equal_options_are_one_module():
    @module(imports=[CacheModule.register({"size": 1}), CacheModule.register(CacheOptions(1))])
    class App:
        pass

    assert list(Application(App).graph.tree.nodes) == ["App", "CacheModule"]


def test_a_module_may_read_its_options_in_its_own_way():
    @module(exports=[ClientOptions])
    class EtcdModule(ConfigurableModule[ClientOptions]):
        @classmethod
        def read_options(cls, given):
            return ClientOptions.of(given)

    with Application(EtcdModule.for_root({"host": "etcd:2379", "dialTimeout": 1})) as app:
        assert app.get(ClientOptions) == ClientOptions(hosts="etcd:2379", dial_timeout=1)
    with pytest.raises(ConfigError, match="hots: unknown option; did you mean 'hosts'"):
        EtcdModule.for_root({"hots": "etcd:2379"})


def test_the_options_class_is_inherited():
    class Middle(ConfigurableModule[CacheOptions], Generic[T]):
        pass

    class Heir(Middle[int]):
        pass

    assert Middle.options_class is CacheOptions
    assert Heir.options_class is CacheOptions


def test_a_module_without_an_options_class_says_what_to_write():
    @module()
    class Bare(ConfigurableModule):
        pass

    @module()
    class Open(ConfigurableModule[T]):
        pass

    for cls in (Bare, Open):
        with pytest.raises(DeclarationError, match=rf"write class {cls.__name__}\(ConfigurableModule\[Options\]\)"):
            cls.for_root({})


def test_a_configurable_module_has_to_be_marked_as_one():
    class Unmarked(ConfigurableModule[CacheOptions]):
        pass

    with pytest.raises(DeclarationError, match=r"Unmarked is no module; write @module\(\)"):
        Unmarked.for_root({"size": 1})


def test_a_token_may_name_the_existing_factory():
    token = Token[Factory]("FACTORY")

    @module(providers=[Provider(token, use_class=Factory)], exports=[token])
    class Factories:
        pass

    assert options_of(CacheModule.for_root_async(use_existing=token, imports=[Factories])) == CacheOptions(7)


@dataclasses.dataclass
class Data:
    a: int
    b: int = 2


class Open:
    def __init__(self, *args, a, **rest):
        self.a, self.rest = a, rest


def test_any_class_can_be_one_of_options():
    assert read_options(Data, {"a": 1}) == Data(1, 2)
    assert read_options(dict, {"a": 1}) == read_options(OrderedDict, {"a": 1}) == {"a": 1}
    assert read_options(Open, {"a": 1, "b": 2}).rest == {"b": 2}
    with pytest.raises(ConfigError, match="a: Open needs this option"):
        read_options(Open, {})
