"""``EtcdService``: the names of the hand-written service on Node's client (behaviours 57 to 61)."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.registry import AsyncEtcdService, EtcdService
from tests.support.faces import closed, settle, until

SERVICES = {"blocking": EtcdService, "asyncio": AsyncEtcdService}


@pytest.fixture
def service(face, client):
    return SERVICES[face.name](client)


@pytest.fixture
async def told():
    """The lists that a watch tells, to be awaited, and the function that it tells them to."""
    loop, lists = asyncio.get_running_loop(), asyncio.Queue()
    lists.hear = lambda found: loop.call_soon_threadsafe(lists.put_nowait, found)
    return lists


@pytest.fixture
async def watching(service, told):
    """Watches ``foo``."""
    watch = await settle(service.watch_service("foo", told.hear))
    yield watch
    await settle(watch.close())


async def register(service, name="foo", *, instance="1", metadata=None):
    return await settle(service.register_service(name, instance, metadata))


async def discover(service, name="foo"):
    return await settle(service.discover_service(name))


async def test_b57_b58_save_get_delete_get(service):
    assert await settle(service.get_config("aaa")) is None
    assert await settle(service.save_config("aaa", "111")) is None
    assert await settle(service.get_config("aaa")) == "111"
    assert await settle(service.delete_config("aaa")) is None
    assert await settle(service.get_config("aaa")) is None


async def test_b58_a_value_stands_under_its_key_as_it_is(service, client):
    await settle(service.save_config("aaa", "111"))
    assert await settle(client.get_all().strings()) == {"aaa": "111"}


async def test_b58_to_delete_what_is_not_there_is_no_error(service):
    assert await settle(service.delete_config("missing")) is None


async def test_b59_an_instance_stands_under_its_key_as_json_with_a_lease_of_ten_seconds(service, client):
    await register(service, metadata={"host": "localhost", "port": 3000})
    found = await settle(client.get("/services/foo/1").kv())
    assert found.json() == {"host": "localhost", "port": 3000}
    assert (await settle(client.lease_of(found.lease).time_to_live())).granted == 10


@pytest.mark.parametrize("metadata", [None, 0, "text", [5], {"metadata": {}}])
async def test_b59_metadata_is_any_json(service, metadata):
    await register(service, metadata=metadata)
    assert await discover(service) == [metadata]


async def test_b59_it_is_registered_again_after_its_key_was_deleted(service, client):
    registration = await register(service, metadata={"port": 1})
    restored = asyncio.Event()
    loop = asyncio.get_running_loop()
    registration.on("restored", lambda _: loop.call_soon_threadsafe(restored.set))
    await settle(client.delete().key("/services/foo/1"))
    await asyncio.wait_for(restored.wait(), 30)
    assert await discover(service) == [{"port": 1}]
    assert registration.alive


async def test_b59_it_is_registered_again_after_its_lease_was_revoked(service, client, etcdctl):
    await register(service, metadata={"port": 1})
    first = await settle(client.get("/services/foo/1").kv())
    etcdctl("lease", "revoke", f"{first.lease:x}")

    async def again():
        found = await settle(client.get("/services/foo/1").kv())
        return found is not None and found.lease != first.lease

    await asyncio.wait_for(until(again), 30)
    assert await discover(service) == [{"port": 1}]


async def test_b59_it_is_registered_until_it_deregisters(service):
    registration = await register(service)
    await settle(registration.deregister())
    assert await discover(service) == []


async def test_b59_it_is_registered_until_its_client_is_closed(face, make, service):
    other = make()
    await register(SERVICES[face.name](other))
    assert await discover(service) == [None]
    await closed(other)
    assert await discover(service) == []


async def test_b60_all_instances_by_id_and_none_of_a_service_with_a_longer_name(service):
    await register(service, instance="2", metadata={"port": 2})
    await register(service, instance="1", metadata={"port": 1})
    await register(service, "foobar", metadata={"port": 3})
    assert await discover(service) == [{"port": 1}, {"port": 2}]
    assert await discover(service, "foobar") == [{"port": 3}]
    assert await discover(service, "fo") == []


@pytest.mark.parametrize("name", ["", "a/b"])
async def test_a_name_that_would_stand_elsewhere_is_refused(service, name):
    for call in (service.discover_service, lambda one: service.register_service(one, "1", None)):
        with pytest.raises(ValueError, match="a service's name"):
            await settle(call(name))


async def test_b61_a_watch_tells_the_whole_list_at_each_change(service, watching, told):
    one = await register(service, instance="1", metadata={"port": 1})
    assert await asyncio.wait_for(told.get(), 30) == [{"port": 1}]
    await register(service, instance="2", metadata={"port": 2})
    assert await asyncio.wait_for(told.get(), 30) == [{"port": 1}, {"port": 2}]
    await settle(one.deregister())
    assert await asyncio.wait_for(told.get(), 30) == [{"port": 2}]


async def test_b61_a_watch_tells_nothing_of_a_service_with_a_longer_name(service, watching, told):
    await register(service, "foobar", metadata={"port": 3})
    await register(service, metadata={"port": 1})
    assert await asyncio.wait_for(told.get(), 30) == [{"port": 1}]


async def test_b61_a_closed_watch_tells_no_more(service, watching, told):
    second = await settle(service.watch_service("foo", lambda found: told.hear(["second", *found])))
    await settle(watching.close())
    await register(service, metadata=1)
    assert await asyncio.wait_for(told.get(), 30) == ["second", 1]
    await settle(second.close())
    assert told.empty()


async def test_it_is_of_the_face_of_its_client(face, client):
    other = EtcdService if face.name == "asyncio" else AsyncEtcdService
    with pytest.raises(TypeError, match=f"{other.__name__} needs an"):
        other(client)
