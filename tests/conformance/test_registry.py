"""Instances of services: registered, found as they are, and changed in place."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from functools import partial

import pytest

from etcd_factory.registry import AsyncServiceRegistry, ServiceInstance, ServiceRegistry
from etcd_factory.wire import methods
from tests.support.faces import settle, until
from tests.support.gates import BOUND, Gate, in_place

from .test_watch import Told, put

FACES = {"blocking": ServiceRegistry, "asyncio": AsyncServiceRegistry}
KEY = "services/user/a"
WRONG = [
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


@pytest.fixture
def registry(face):
    """The face's class."""
    return FACES[face.name]


@pytest.fixture
def told():
    return Told()


def ids(instances):
    return "".join(one.id for one in instances)


async def registered(registry, client, *names, **options):
    """Registrations of a service "user", one for each id."""
    return [await settle(registry(client).register("user", name, **options)) for name in names]


async def noted(told, registry, client, **options):
    """The registration of "a", with what it tells noted."""
    (one,) = await registered(registry, client, "a", **options)
    return one.on("lost", partial(told, "lost")).on("restored", partial(told, "restored"))


async def stands(client, key=KEY):
    """The key as it is in etcd, None if it is not."""
    return await settle(client.get(key).kv())


async def found(client, registry, service="user", **options):
    return ids(await settle(registry(client).discover(service, **options)))


class Answers(Gate):
    """Counts calls by name, and while it is shut keeps answers to transactions back; ``given`` is one of those."""

    def __init__(self, io):
        super().__init__(io)
        self._unary, self.names, self._given = io.unary, Counter(), threading.Semaphore(0)

    async def __call__(self, host, method, *rest):
        self.names[method.name] += 1
        answer = await self._unary(host, method, *rest)
        if method.name == methods.TXN.name:
            self._given.release()
            await self.passed()
        return answer

    async def given(self):
        assert await asyncio.to_thread(self._given.acquire, timeout=BOUND)


def answering(client):
    return in_place(client, "unary", Answers)


# --- registering and finding


async def test_d14_d18_what_is_registered_is_found_as_it_is(client, registry):
    options = {"host": "10.0.0.1", "port": 80, "weight": 2, "tags": ["web"], "ttl": 7}
    one = await settle(registry(client).register("user", "a", {"zone": "x"}, **options))
    (instance,) = await settle(registry(client).discover("user"))
    assert one.instance == instance
    assert instance == ServiceInstance(
        "user", "a", "10.0.0.1", 80, {"zone": "x"}, 2, ("web",), started=instance.started, ttl=7
    )
    assert instance.address == "10.0.0.1:80"
    assert one.alive


async def test_p4_d5_a_service_is_not_found_by_the_begin_of_its_name(client, registry):
    for service in ("user", "user2", "user-admin", "use"):
        await settle(registry(client).register(service, service))
    assert await found(client, registry) == "user"
    assert await settle(registry(client).services()) == ["use", "user", "user-admin", "user2"]


@pytest.mark.parametrize("namespace", ["custom", "custom/", "deep/er"])
async def test_p5_d4_who_registers_and_who_looks_have_the_same_namespace(client, registry, namespace):
    own = registry(client, namespace)
    view = await settle(own.subscribe("user"))
    await settle(own.register("user", "a"))
    assert ids(await settle(own.discover("user"))) == "a"
    assert await settle(own.services()) == ["user"]
    await asyncio.wait_for(until(lambda: ids(view.instances) == "a"), BOUND)
    assert await stands(client, f"{namespace.rstrip('/')}/user/a")
    assert await found(client, registry) == ""


async def test_without_an_id_each_gets_its_own(client, registry):
    for _ in range(3):
        await settle(registry(client).register("user"))
    assert len({one.id for one in await settle(registry(client).discover("user"))}) == 3


async def test_d11_what_is_no_instance_is_left_out_and_tags_and_status_count(client, registry, caplog):
    _, paused = await registered(registry, client, "a", "b", tags=["web"])
    await settle(paused.pause())
    await put(client, "services/user/bad", "services/user/a/deeper", "services/user", value="[" * 100_000)
    await put(client, "services/user/other", value='{"Addr": "x"}')
    assert await found(client, registry) == "aother"
    assert await found(client, registry, tags="web") == "a"
    assert await found(client, registry, status="paused") == "b"
    assert await found(client, registry, status=None) == "abother"
    assert "is no instance of a service" in caplog.text


async def test_d12_what_the_caller_gives_is_before_the_defaults(client, registry):
    own = registry(client, ttl=20, service_options={"port": 80, "weight": 3, "metadata": {"zone": "x"}})
    plain = (await settle(own.register("user", "a"))).instance
    other = (await settle(own.register("user", "b", {"own": 1}, port=81, ttl=5))).instance
    assert (plain.port, plain.weight, plain.metadata, plain.ttl) == (80, 3, {"zone": "x"}, 20)
    assert (other.port, other.weight, other.metadata, other.ttl) == (81, 3, {"own": 1}, 5)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_what_is_wrong_is_refused_and_leaves_nothing(client, registry, wrong):
    with answering(client) as answers, pytest.raises((TypeError, ValueError)):
        await settle(registry(client).register("user", **{"id": "a", **wrong}))
    assert answers.names == {}


@pytest.mark.parametrize("wrong", [{"prot": 1}, {"ttl": 3}, {"id": "x"}], ids=str)
async def test_service_options_that_are_none_are_refused(client, registry, wrong):
    with pytest.raises(ValueError, match="which is none of host, port, metadata"):
        registry(client, service_options=wrong)


async def test_the_face_of_the_client_is_the_registry_s(client, face):
    (other,) = set(FACES.values()) - {FACES[face.name]}
    with pytest.raises(TypeError, match=f"{other.__name__} needs an"):
        other(client)


# --- changing in place


async def test_what_is_changed_stands_in_the_same_key_under_the_same_lease(client, registry):
    (one,) = await registered(registry, client, "a", weight=2)
    before = await stands(client)
    await settle(one.update({"n": 1}, tags="blue"))
    await settle(one.pause())
    await settle(one.resume())
    after = await stands(client)
    assert (after.lease, after.version, after.create_revision) == (before.lease, 4, before.create_revision)
    (instance,) = await settle(registry(client).discover("user"))
    assert (instance.metadata, instance.weight, instance.tags, instance.status) == ({"n": 1}, 2, ("blue",), "up")
    assert instance.started == one.instance.started


async def test_d17_changes_at_once_are_all_made_under_one_lease(face, client, registry):
    """Midway's concurrent ``online()`` leaves a lease behind."""
    (one,) = await registered(registry, client, "a")
    with answering(client) as answers:
        for number in range(10):
            await asyncio.gather(face.begin(partial(one.update, {"n": number})), face.begin(one.pause))
            (instance,) = await settle(registry(client).discover("user", status=None))
            assert (
                (instance.metadata, instance.status)
                == ({"n": number}, "paused")
                == (
                    one.instance.metadata,
                    one.instance.status,
                )
            )
            await settle(one.resume())
    assert answers.names["LeaseGrant"] == 0


async def test_d17_who_registers_the_same_at_once_has_one_key_and_one_that_is_alive(face, client, registry):
    made = await asyncio.gather(*[face.begin(partial(registry(client).register, "user", "a")) for _ in range(4)])
    await asyncio.wait_for(until(lambda: sum(one.alive for one in made) == 1), BOUND)
    (alive,) = [one for one in made if one.alive]
    held = await settle(client.lease_of((await stands(client)).lease).time_to_live(keys=True))
    assert held.keys == (KEY.encode(),)
    await settle(alive.deregister())
    assert await stands(client) is None


@pytest.mark.parametrize("wrong", [{"weight": -1}, {"tags": [1]}, {"metadata": {"a": {1}}}], ids=str)
async def test_a_wrong_change_is_refused_and_nothing_is_changed(client, registry, wrong):
    (one,) = await registered(registry, client, "a")
    with pytest.raises((TypeError, ValueError)):
        await settle(one.update(**wrong))
    before = one.instance
    await settle(one.pause())
    assert one.instance.weight == before.weight == 1
    assert one.instance.metadata == {}
