"""The provider of clients for dishka, without a server: no client does I/O before its first call."""

from __future__ import annotations

from typing import Annotated

import dishka
import pytest

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ConfigError, ETCDService, ETCDServiceFactory
from etcd_factory.integrations.dishka import async_etcd_provider, etcd_provider, getter
from tests.support.faces import closed, settle

CONFIG = {"client": {"namespace": "default/"}, "clients": {"x": {"namespace": "x/"}}}
FACES = {
    "blocking": (etcd_provider, dishka.make_container, ETCDService, ETCDServiceFactory),
    "asyncio": (async_etcd_provider, dishka.make_async_container, AsyncETCDService, AsyncETCDServiceFactory),
}


@pytest.fixture(params=FACES)
async def contain(request):
    """A function that creates containers of the face; closed when the test ends."""
    provider, container, service, factory = FACES[request.param]
    containers = []

    def create(config):
        containers.append(container(provider(config)))
        return containers[-1]

    create.service, create.factory = service, factory
    yield create
    for one in containers:
        await settle(one.close())


def test_an_unknown_section_is_reported_when_the_provider_is_created():
    for provider, *_ in FACES.values():
        with pytest.raises(ConfigError, match="clinets: unknown option; did you mean 'clients'"):
            provider({"clinets": {}})


async def test_an_invalid_option_is_reported_when_the_factory_is_first_requested(contain):
    container = contain({"clients": {"x": {"hots": "127.0.0.1:2379"}}})
    with pytest.raises(ConfigError, match=r"clients\.x\.hots: unknown option; did you mean 'hosts'"):
        await settle(container.get(contain.service, component="x"))


async def test_clients_are_those_of_the_factory_each_in_the_component_of_its_name(contain):
    container = contain(CONFIG)
    factory = await settle(container.get(contain.factory))
    assert await settle(container.get(contain.service)) is factory.get()
    assert await settle(container.get(contain.service, component="x")) is factory.get("x")


async def test_a_factory_that_is_passed_is_provided_with_its_clients(contain):
    factory = contain.factory(CONFIG)
    container = contain(factory)
    assert await settle(container.get(contain.factory)) is factory
    assert await settle(container.get(contain.service, component="x")) is factory.get("x")
    await closed(factory)


def test_a_getter_gets_the_factory_from_the_default_component():
    get = getter(ETCDServiceFactory, "x")
    assert get.__annotations__ == {"opened": Annotated[ETCDServiceFactory, dishka.FromComponent("")]}
    with ETCDServiceFactory(CONFIG) as factory:
        assert get(factory) is factory.get("x")
