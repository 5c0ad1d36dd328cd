"""Clients in a dishka container, on a real etcd and in both faces."""

from __future__ import annotations

from typing import Annotated

import dishka
import pytest

from etcd_factory import load_config
from etcd_factory.errors import ClientClosedError
from etcd_factory.integrations.dishka import async_etcd_provider, etcd_provider
from tests.support.faces import closed, settle

MAKE = {
    "blocking": (etcd_provider, dishka.make_container),
    "asyncio": (async_etcd_provider, dishka.make_async_container),
}


@pytest.fixture
def config(options):
    """A default client and a named one, each with a namespace."""
    space = options["namespace"]
    return {"client": options, "clients": {"x": {**options, "namespace": f"{space}x/"}}}


@pytest.fixture
async def contain(face):
    """A function that creates containers of the face; closed when the test ends."""
    made = []

    def new(config):
        provider, container = MAKE[face.name]
        made.append(container(provider(config)))
        return made[-1]

    yield new
    for one in made:
        await settle(one.close())


async def write(client):
    await settle(client.put("k").value("1"))


async def test_the_default_client_is_that_of_the_factory(face, contain, config):
    container = contain(config)
    client = await settle(container.get(face.service))
    await write(client)
    assert await settle(client.get("k").string()) == "1"
    factory = await settle(container.get(face.factory))
    assert factory.get() is client is await settle(container.get(face.service))


async def test_a_named_client_is_in_the_component_of_its_name(face, contain, config):
    container = contain(config)
    named = await settle(container.get(face.service, component="x"))
    await write(named)
    assert named is (await settle(container.get(face.factory))).get("x")
    default = await settle(container.get(face.service))
    assert await settle(default.get_all().strings()) == {"x/k": "1"}


async def test_the_clients_are_closed_with_the_container(face, contain, config):
    container = contain(config)
    clients = [await settle(container.get(face.service, component=name)) for name in ("", "x")]
    await settle(container.close())
    for one in clients:
        with pytest.raises(ClientClosedError):
            await write(one)


async def test_a_factory_that_was_passed_is_not_closed(face, contain, config):
    factory = face.factory(config)
    container = contain(factory)
    assert await settle(container.get(face.service)) is factory.get()
    await settle(container.close())
    await write(factory.get())
    await closed(factory)


async def test_an_unknown_name_is_an_error_of_dishka(face, contain, config):
    with pytest.raises(dishka.exceptions.NoFactoryError, match="y"):
        await settle(contain(config).get(face.service, component="y"))


async def test_a_consumer_is_injected_with_both(face, config):
    class Users:
        def __init__(self, default, named):
            self.default, self.named = default, named

    named = Annotated[face.service, dishka.FromComponent("x")]
    Users.__init__.__annotations__ = {"default": face.service, "named": named}
    make, container = MAKE[face.name]
    provider = dishka.Provider(scope=dishka.Scope.APP)
    provider.provide(Users)
    opened = container(make(config), provider)
    found = await settle(opened.get(Users))
    assert found.named is await settle(opened.get(face.service, component="x"))
    assert found.default is await settle(opened.get(face.service))
    await settle(opened.close())


async def test_the_configuration_may_come_from_files(face, contain, config, tmp_path):
    lines = f"etcd: {{client: {{hosts: {config['client']['hosts']}, namespace: {config['client']['namespace']}}}}}\n"
    (tmp_path / "config.default.yaml").write_text(lines)
    await write(await settle(contain(load_config(tmp_path).etcd).get(face.service)))
