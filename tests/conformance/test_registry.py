"""Registering services on etcd: finding instances as they were registered, and changing them in place."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from etcd_factory.registry import ServiceInstance
from tests.support.faces import in_time, settle, until
from tests.support.registering import KEY, REGISTRIES, discovered, ids, register, stored
from tests.support.transports import Recorded
from tests.support.watching import put

INVALID = [
    {"weight": -1},
    {"weight": "x"},
    {"weight": float("nan")},
    {"port": "80"},
    {"port": 70_000},
    {"host": 5},
    {"tags": [1]},
    {"metadata": [1]},
    {"metadata": {"a": {1}}},
    {"ttl": 0},
    {"ttl": "x"},
    {"id": "a/b"},
    {"id": ""},
]


# --- registering and finding


@pytest.mark.anchor("registry-d14", "registry-d18")
async def test_an_instance_is_found_as_it_was_registered(client, registry):
    options = {"host": "10.0.0.1", "port": 80, "weight": 2, "tags": ["web"], "ttl": 7}
    one = await settle(registry(client).register("user", "a", {"zone": "x"}, **options))
    (instance,) = await settle(registry(client).discover("user"))
    assert one.instance == instance
    assert instance == ServiceInstance(
        "user", "a", "10.0.0.1", 80, {"zone": "x"}, 2, ("web",), started=instance.started, ttl=7
    )
    assert instance.address == "10.0.0.1:80"
    assert one.alive


@pytest.mark.anchor("registry-p4", "registry-d5")
async def test_a_service_is_not_found_under_a_prefix_of_its_name(client, registry):
    for service in ("user", "user2", "user-admin", "use"):
        await settle(registry(client).register(service, service))
    assert await discovered(registry, client) == "user"
    assert await settle(registry(client).services()) == ["use", "user", "user-admin", "user2"]


@pytest.mark.anchor("registry-p5", "registry-d4")
@pytest.mark.parametrize("namespace", ["custom", "custom/", "deep/er"])
async def test_registering_and_discovering_use_the_same_namespace(client, registry, namespace):
    own = registry(client, namespace)
    view = await settle(own.subscribe("user"))
    await settle(own.register("user", "a"))
    assert ids(await settle(own.discover("user"))) == "a"
    assert await settle(own.services()) == ["user"]
    await in_time(until(lambda: ids(view.instances) == "a"))
    assert await stored(client, f"{namespace.rstrip('/')}/user/a")
    assert await discovered(registry, client) == ""


async def test_without_an_id_each_instance_gets_its_own(client, registry):
    for _ in range(3):
        await settle(registry(client).register("user"))
    assert len({one.id for one in await settle(registry(client).discover("user"))}) == 3


@pytest.mark.anchor("registry-d11")
async def test_discover_filters_by_tags_and_status_and_ignores_what_is_not_an_instance(client, registry, caplog):
    _, paused = await register(registry, client, "a", "b", tags=["web"])
    await settle(paused.pause())
    await put(client, "services/user/bad", "services/user/a/deeper", "services/user", value="[" * 100_000)
    await put(client, "services/user/other", value='{"Addr": "x"}')
    assert await discovered(registry, client) == "aother"
    assert await discovered(registry, client, tags="web") == "a"
    assert await discovered(registry, client, status="paused") == "b"
    assert await discovered(registry, client, status=None) == "abother"
    assert "is not an instance of a service" in caplog.text


@pytest.mark.anchor("registry-d12")
async def test_arguments_override_the_defaults_of_the_registry(client, registry):
    own = registry(client, ttl=20, service_options={"port": 80, "weight": 3, "metadata": {"zone": "x"}})
    plain = (await settle(own.register("user", "a"))).instance
    other = (await settle(own.register("user", "b", {"own": 1}, port=81, ttl=5))).instance
    assert (plain.port, plain.weight, plain.metadata, plain.ttl) == (80, 3, {"zone": "x"}, 20)
    assert (other.port, other.weight, other.metadata, other.ttl) == (81, 3, {"own": 1}, 5)


@pytest.mark.parametrize("invalid", INVALID, ids=str)
async def test_invalid_arguments_are_refused_before_anything_is_sent(make, wrap, registry, invalid):
    transport = wrap(Recorded)
    with pytest.raises((TypeError, ValueError)):
        await settle(registry(make(transport=transport)).register("user", **{"id": "a", **invalid}))
    assert transport.calls == []


@pytest.mark.parametrize("invalid", [{"prot": 1}, {"ttl": 3}, {"id": "x"}], ids=str)
async def test_unknown_service_options_are_refused(client, registry, invalid):
    with pytest.raises(ValueError, match="service_options: expected one of host, port, metadata"):
        registry(client, service_options=invalid)


async def test_a_registry_needs_a_client_of_its_face(client, registry):
    (other,) = set(REGISTRIES.values()) - {registry}
    with pytest.raises(TypeError, match=f"{other.__name__} needs an"):
        other(client)


# --- changing in place


async def test_changes_keep_the_key_and_its_lease(client, registry):
    (one,) = await register(registry, client, "a", weight=2)
    before = await stored(client)
    await settle(one.update({"n": 1}, tags="blue"))
    await settle(one.pause())
    await settle(one.resume())
    after = await stored(client)
    assert (after.lease, after.version, after.create_revision) == (before.lease, 4, before.create_revision)
    (instance,) = await settle(registry(client).discover("user"))
    assert (instance.metadata, instance.weight, instance.tags, instance.status) == ({"n": 1}, 2, ("blue",), "up")
    assert instance.started == one.instance.started


@pytest.mark.anchor("registry-d17")
async def test_concurrent_changes_are_all_made_under_one_lease(face, make, wrap, registry):
    """Midway's concurrent ``online()`` leaves a lease behind."""
    transport = wrap(Recorded)
    client = make(transport=transport)
    (one,) = await register(registry, client, "a")
    for number in range(10):
        await asyncio.gather(face.begin(partial(one.update, {"n": number})), face.begin(one.pause))
        (instance,) = await settle(registry(client).discover("user", status=None))
        assert (instance.metadata, instance.status) == ({"n": number}, "paused")
        assert (one.instance.metadata, one.instance.status) == ({"n": number}, "paused")
        await settle(one.resume())
    assert transport.names().count("LeaseGrant") == 1


@pytest.mark.anchor("registry-d17")
async def test_concurrent_registrations_of_one_id_leave_one_key_and_one_that_is_alive(face, client, registry):
    made = await asyncio.gather(*[face.begin(partial(registry(client).register, "user", "a")) for _ in range(4)])
    await in_time(until(lambda: sum(one.alive for one in made) == 1))
    (alive,) = [one for one in made if one.alive]
    lease = await settle(client.lease_of((await stored(client)).lease).time_to_live(keys=True))
    assert lease.keys == (KEY.encode(),)
    await settle(alive.deregister())
    assert await stored(client) is None


@pytest.mark.parametrize("invalid", [{"weight": -1}, {"tags": [1]}, {"metadata": {"a": {1}}}], ids=str)
async def test_an_invalid_change_is_refused_and_changes_nothing(client, registry, invalid):
    (one,) = await register(registry, client, "a")
    with pytest.raises((TypeError, ValueError)):
        await settle(one.update(**invalid))
    before = one.instance
    await settle(one.pause())
    assert one.instance.weight == before.weight == 1
    assert one.instance.metadata == {}
