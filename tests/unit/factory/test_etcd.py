"""How the factories of etcd clients read their options. Nothing here connects."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import get_type_hints

import pytest
from omegaconf import OmegaConf

from etcd_factory import (
    AsyncETCDService,
    AsyncETCDServiceFactory,
    ClientOptions,
    ConfigError,
    ETCDService,
    ETCDServiceFactory,
    FactoryOptions,
)
from tests.support import boxes
from tests.support.faces import settle

FACTORIES = {ETCDServiceFactory: ETCDService, AsyncETCDServiceFactory: AsyncETCDService}
PATH = "counting_module:Client"


class Counting(ModuleType):
    """A module that counts how often its class is looked up: once for each conversion of the option."""

    def __init__(self, service):
        super().__init__(PATH.partition(":")[0])
        self.service, self.times = service, 0

    def __getattr__(self, name):
        if name != "Client":
            raise AttributeError(name)
        self.times += 1
        return self.service


@pytest.fixture(params=FACTORIES, ids=lambda factory: factory.__name__)
def factory(request):
    return request.param


@pytest.fixture
def counting(factory, monkeypatch):
    module = Counting(FACTORIES[factory])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


opened = boxes.opened  # in which an error of closing is one of the test


def two_clients():
    return {"client": {"client_class": PATH}, "clients": {"a": {"client_class": PATH, "hosts": "a:1"}}}


def from_file(factory, config, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps({"etcd": config}))
    return factory.from_config(tmp_path / "c.json")


def from_async_file(factory, config, tmp_path):
    (tmp_path / "c.py").write_text(f"async def config(info, merged):\n    return {{'etcd': {config!r}}}")
    return factory.from_config(tmp_path / "c.py")


WAYS = {
    "a mapping": lambda factory, config, _: factory(config),
    "an OmegaConf tree": lambda factory, config, _: factory(OmegaConf.create(config)),
    "factory options": lambda factory, config, _: factory(FactoryOptions(**config)),
    "a source": lambda factory, config, _: factory.from_config({"etcd": config}),
    "a file": from_file,
}


@pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)
async def test_the_options_of_each_client_are_converted_once(factory, counting, opened, make, tmp_path):
    made = await opened(make(factory, two_clients(), tmp_path))
    assert (set(made.names), counting.times) == ({"default", "a"}, 2)


async def test_an_async_configuration_is_converted_once_too(opened, monkeypatch, tmp_path):
    module = Counting(AsyncETCDService)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    made = await opened(from_async_file(AsyncETCDServiceFactory, two_clients(), tmp_path))
    assert (set(made.names), module.times) == ({"default", "a"}, 2)


@pytest.mark.parametrize("form", [dict, OmegaConf.create])
async def test_the_options_of_a_client_made_at_run_time_are_converted_once(factory, counting, opened, form):
    made = await opened(factory({"default": {"timeout": 1}}))
    client = await settle(made.create_instance(form({"client_class": PATH, "hosts": "a:1"}), "a"))
    assert (counting.times, client.options) == (1, ClientOptions(hosts="a:1", timeout=1))


@pytest.mark.parametrize("make", WAYS.values(), ids=WAYS)
async def test_a_subclass_reads_the_options_of_each_client_once(factory, opened, make, tmp_path):
    seen = []

    class Reading(factory):
        @staticmethod
        def read_options(options):
            seen.append(dict(options))
            return factory.read_options({**options, "timeout": 7})

    made = await opened(make(Reading, {"client": {"hosts": "a:1"}, "clients": {"b": {}}}, tmp_path))
    assert seen == [{}, {"hosts": "a:1"}]
    assert [client.options.timeout for client in made.clients.values()] == [7, 7]


@pytest.mark.parametrize("given", [{}, {"client_class": PATH}], ids=["the usual class", "a custom class"])
async def test_the_client_gets_the_options_that_were_checked(factory, counting, opened, given):
    created = []

    class Keeping(factory):
        def create_client(self, options, name):
            created.append(options)
            return super().create_client(options, name)

    made = await opened(
        Keeping({"client": {"hosts": "a:1", "transport": "grpc", "grpc_options": {"grpc.x": 1}, **given}})
    )
    assert made.get().options.grpc_options is created[0].grpc_options  # a conversion would copy it


async def test_a_custom_class_is_removed_from_the_options(factory, opened):
    class Custom(FACTORIES[factory]):
        pass

    made = await opened(factory({"client": {"hosts": "a:1", "client_class": Custom}}))
    assert (type(made.get()), made.get().options) == (Custom, ClientOptions(hosts="a:1"))


@pytest.mark.parametrize("given", [str, dict, "builtins:int"])
async def test_a_class_that_is_not_a_subclass_is_a_fault(factory, given):
    with pytest.raises(ConfigError, match="is not a subclass of") as caught:
        factory({"clients": {"a": {"client_class": given}}})
    assert [fault.path for fault in caught.value.faults] == ["clients.a.client_class"]


async def test_only_a_client_of_its_face_is_added(factory, opened):
    made = await opened(factory())
    for given in (None, "a:1", *(kind({"hosts": "a:1"}) for kind in FACTORIES.values())):
        if isinstance(given, FACTORIES[factory]):
            await settle(made.add("mine", given))
            assert made.get("mine") is given
        else:
            with pytest.raises(TypeError, match=f"is an {FACTORIES[factory].__name__}, not {type(given).__name__}"):
                await settle(made.add("other", given))
    assert made.names == ("mine",)


def test_its_annotations_name_its_clients(factory):
    assert get_type_hints(factory.create_client)["return"] is FACTORIES[factory]
    assert get_type_hints(factory.destroy_client)["client"] is FACTORIES[factory]
