"""``EtcdService``: its keys and values, and the metadata that it returns."""

from __future__ import annotations

import json

import pytest

from etcd_factory.registry import AsyncEtcdService, EtcdService
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import settle
from tests.support.registering import script
from tests.support.transports import Recorded

SERVICES = {"blocking": EtcdService, "asyncio": AsyncEtcdService}


@pytest.fixture
def scripted(face, connect):
    """A function that returns a service on a script, and its transport."""

    def create(**steps):
        transport = Recorded(ScriptedTransport(script(**steps)))
        client, _ = connect(transport)
        return SERVICES[face.name](client), transport

    return create


@pytest.mark.anchor("nest-58")
async def test_a_value_is_stored_unchanged_under_its_key(scripted):
    service, transport = scripted(Range=[replies.get({"aaa": "111"}), replies.get()], DeleteRange=replies.delete(0))
    assert await settle(service.save_config("aaa", "111")) is None
    assert await settle(service.get_config("aaa")) == "111"
    assert await settle(service.get_config("aaa")) is None
    assert await settle(service.delete_config("aaa")) is None
    put, _, _, delete = (call.request for call in transport.calls)
    assert (put.key, put.value, delete.key, delete.range_end) == (b"aaa", b"111", b"aaa", b"")


@pytest.mark.anchor("nest-59")
@pytest.mark.parametrize("metadata", [None, 0, "text", [5], {"port": 1}])
async def test_an_instance_is_its_metadata_as_json_with_a_lease_of_ten_seconds(scripted, metadata):
    service, transport = scripted()
    await settle(service.register_service("foo", "1", metadata))
    (put,) = transport.requests("Put")
    assert (put.key, json.loads(put.value)) == (b"/services/foo/1", metadata)
    assert transport.requests("LeaseGrant")[0].TTL == 10


async def test_metadata_that_cannot_be_written_as_json_is_refused(scripted):
    service, transport = scripted()
    with pytest.raises(TypeError):
        await settle(service.register_service("foo", "1", {1, 2}))
    assert transport.calls == []


@pytest.mark.parametrize("name", ["", "a/b"])
async def test_an_invalid_name_is_refused(scripted, name):
    service, transport = scripted()
    for call in (service.discover_service, lambda one: service.watch_service(one, print)):
        with pytest.raises(ValueError, match="a service's name must not"):
            await settle(call(name))
    for args in ((name, "1"), ("foo", name)):
        with pytest.raises(ValueError, match="must not"):
            await settle(service.register_service(*args, None))
    assert transport.calls == []


@pytest.mark.anchor("nest-60")
async def test_discover_returns_the_metadata_of_exactly_that_service(scripted):
    service, transport = scripted(Range=replies.get({"/services/foo/1": "1", "/services/foo/2": '{"n": 2}'}))
    assert await settle(service.discover_service("foo")) == [1, {"n": 2}]
    (request,) = transport.requests("Range")
    assert (request.key, request.range_end) == (b"/services/foo/", b"/services/foo0")


@pytest.mark.anchor("nest-61")
async def test_a_watch_calls_back_with_the_complete_list_at_each_change(scripted, recorder):
    watch = replies.watch()
    service, _ = scripted(Range=replies.get({"/services/foo/2": "2"}), Watch=watch)
    watching = await settle(service.watch_service("foo", lambda found: recorder("list", found)))
    watch.push(replies.put_event("/services/foo/1", "1"))
    await recorder.until("list")
    watch.push(replies.delete_event("/services/foo/2"))
    await recorder.until("list", 2)
    assert recorder.calls == [("list", [1, 2]), ("list", [1])]
    await settle(watching.close())
