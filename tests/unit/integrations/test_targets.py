"""Which clients a hook is given to."""

from __future__ import annotations

import pytest

from etcd_factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.integrations.targets import attach
from tests.support.faces import closed, settle
from tests.support.views import view_behind

CONFIG = {"client": {}, "clients": {"x": {"namespace": "x/"}}}


def observed(client):
    return len(view_behind(client).client.hooks)


@pytest.fixture(params=[ETCDServiceFactory, AsyncETCDServiceFactory])
async def factory(request):
    made = request.param(CONFIG)
    yield made
    await closed(made)


async def test_all_clients_of_a_factory_get_one_hook_each_by_their_name_also_later_ones(factory):
    names = []
    attach(factory, lambda name: names.append(name) or print)
    later = await settle(factory.create_instance({"namespace": "y/"}, "y"))
    unnamed = await settle(factory.create_instance({"namespace": "z/"}))
    assert names == [*factory.names, None]
    assert [observed(client) for client in (*factory.clients.values(), later, unnamed)] == [1, 1, 1, 1, 1]


async def test_a_client_that_is_added_gets_a_hook_once(factory):
    names = []
    attach(factory, lambda name: names.append(name) or print)
    client = type(factory.get())({})
    factory.add("y", client)
    factory.add("y", client)
    assert (names[2:], observed(client)) == (["y"], 1)


async def test_no_client_is_observed_once_it_was_ended(factory):
    end = attach(factory, lambda name: print)
    end()
    later = await settle(factory.create_instance({"namespace": "y/"}, "y"))
    assert [observed(client) for client in (*factory.clients.values(), later)] == [0, 0, 0, 0]


async def test_a_client_alone_has_no_name(connect):
    client, _ = connect([])
    names = []
    end = attach(client, lambda name: names.append(name) or print)
    assert (names, observed(client)) == ([None], 1)
    end()
    assert observed(client) == 0


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="expected an etcd client or a factory of them, not dict"):
        attach(CONFIG, lambda name: print)
