"""``EtcdService``: the service that Nest applications write on Node's client, with the same method names."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.registry import AsyncEtcdService, EtcdService
from tests.support.faces import closed, in_time, settle, until

SERVICES = {"blocking": EtcdService, "asyncio": AsyncEtcdService}


@pytest.fixture
def service(face, client):
    return SERVICES[face.name](client)


@pytest.fixture
async def lists():
    """The lists that a watch reports, as a queue; ``add`` is the callback."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()
    queue.add = lambda found: loop.call_soon_threadsafe(queue.put_nowait, found)
    return queue


@pytest.fixture
async def watching(service, lists):
    """A watch of ``foo``."""
    watch = await settle(service.watch_service("foo", lists.add))
    yield watch
    await settle(watch.close())


async def register(service, name="foo", *, instance="1", metadata=None):
    return await settle(service.register_service(name, instance, metadata))


async def discover(service, name="foo"):
    return await settle(service.discover_service(name))


@pytest.mark.anchor("nest-57", "nest-58")
async def test_save_get_delete_get(service):
    assert await settle(service.get_config("aaa")) is None
    assert await settle(service.save_config("aaa", "111")) is None
    assert await settle(service.get_config("aaa")) == "111"
    assert await settle(service.delete_config("aaa")) is None
    assert await settle(service.get_config("aaa")) is None


@pytest.mark.anchor("nest-58")
async def test_a_value_is_stored_unchanged_under_its_key(service, client):
    await settle(service.save_config("aaa", "111"))
    assert await settle(client.get_all().strings()) == {"aaa": "111"}


@pytest.mark.anchor("nest-58")
async def test_deleting_a_missing_value_is_no_error(service):
    assert await settle(service.delete_config("missing")) is None


@pytest.mark.anchor("nest-59")
async def test_an_instance_is_stored_as_json_with_a_lease_of_ten_seconds(service, client):
    await register(service, metadata={"host": "localhost", "port": 3000})
    found = await settle(client.get("/services/foo/1").kv())
    assert found.json() == {"host": "localhost", "port": 3000}
    assert (await settle(client.lease_of(found.lease).time_to_live())).granted == 10


@pytest.mark.anchor("nest-59")
@pytest.mark.parametrize("metadata", [None, 0, "text", [5], {"metadata": {}}])
async def test_metadata_is_any_json(service, metadata):
    await register(service, metadata=metadata)
    assert await discover(service) == [metadata]


@pytest.mark.anchor("nest-59")
async def test_an_instance_is_registered_again_after_its_key_was_deleted(service, client, recorder):
    registration = recorder.on(await register(service, metadata={"port": 1}), "restored")
    await settle(client.delete().key("/services/foo/1"))
    await recorder.until("restored")
    assert await discover(service) == [{"port": 1}]
    assert registration.alive


@pytest.mark.anchor("nest-59")
async def test_an_instance_is_registered_again_after_its_lease_was_revoked(service, client, etcdctl):
    await register(service, metadata={"port": 1})
    first = await settle(client.get("/services/foo/1").kv())
    etcdctl("lease", "revoke", f"{first.lease:x}")

    async def again():
        found = await settle(client.get("/services/foo/1").kv())
        return found is not None and found.lease != first.lease

    await in_time(until(again))
    assert await discover(service) == [{"port": 1}]


@pytest.mark.anchor("nest-59")
async def test_an_instance_is_registered_until_it_deregisters(service):
    registration = await register(service)
    await settle(registration.deregister())
    assert await discover(service) == []


@pytest.mark.anchor("nest-59")
async def test_an_instance_is_registered_until_its_client_is_closed(face, make, service):
    other = make()
    await register(SERVICES[face.name](other))
    assert await discover(service) == [None]
    await closed(other)
    assert await discover(service) == []


@pytest.mark.anchor("nest-60")
async def test_discover_returns_all_instances_by_id_and_none_of_a_service_with_a_longer_name(service):
    await register(service, instance="2", metadata={"port": 2})
    await register(service, instance="1", metadata={"port": 1})
    await register(service, "foobar", metadata={"port": 3})
    assert await discover(service) == [{"port": 1}, {"port": 2}]
    assert await discover(service, "foobar") == [{"port": 3}]
    assert await discover(service, "fo") == []


@pytest.mark.parametrize("name", ["", "a/b"])
async def test_an_invalid_name_is_refused(service, name):
    for call in (service.discover_service, lambda one: service.register_service(one, "1", None)):
        with pytest.raises(ValueError, match="a service's name"):
            await settle(call(name))


@pytest.mark.anchor("nest-61")
async def test_a_watch_reports_the_complete_list_at_each_change(service, watching, lists):
    one = await register(service, instance="1", metadata={"port": 1})
    assert await in_time(lists.get()) == [{"port": 1}]
    await register(service, instance="2", metadata={"port": 2})
    assert await in_time(lists.get()) == [{"port": 1}, {"port": 2}]
    await settle(one.deregister())
    assert await in_time(lists.get()) == [{"port": 2}]


@pytest.mark.anchor("nest-61")
async def test_a_watch_reports_nothing_of_a_service_with_a_longer_name(service, watching, lists):
    await register(service, "foobar", metadata={"port": 3})
    await register(service, metadata={"port": 1})
    assert await in_time(lists.get()) == [{"port": 1}]


@pytest.mark.anchor("nest-61")
async def test_a_closed_watch_reports_nothing(service, watching, lists):
    second = await settle(service.watch_service("foo", lambda found: lists.add(["second", *found])))
    await settle(watching.close())
    await register(service, metadata=1)
    assert await in_time(lists.get()) == ["second", 1]
    await settle(second.close())
    assert lists.empty()


async def test_it_needs_a_client_of_its_face(face, client):
    other = EtcdService if not face.is_blocking else AsyncEtcdService
    with pytest.raises(TypeError, match=f"{other.__name__} needs an"):
        other(client)
