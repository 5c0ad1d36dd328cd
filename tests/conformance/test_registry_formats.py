"""Registrations in the formats of other systems, written and read on a real etcd; ``golden/registry`` has theirs."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.registry import Format, ServiceInstance
from etcd_factory.registry.formats import Kitex
from tests.support.faces import in_time, settle, until
from tests.support.golden import AT, CASES, INSTANCES, LEASE, NAMES, TTLS, golden
from tests.support.registering import Lists, ids, record_events

OTHERS = [*INSTANCES]
NO_STATUS = [form for form in OTHERS if form != "midway"]
CASES = [(form, case) for form, case in CASES if case != "paused"]


async def everything(client):
    """All keys of the client's namespace, with their values."""
    return {kv.key: kv for kv in await settle(client.get_all().kvs())}


async def put_golden(client, form, case="plain"):
    """Write what another system has written, and return its key."""
    key, value = golden(form)[case]
    await settle(client.put(key).value(value))
    return key


def addresses(instances):
    return [one.address for one in instances]


# --- what is written


@pytest.mark.parametrize(("form", "case"), CASES)
async def test_key_and_value_are_those_of_the_other_system_to_the_byte(client, registry, form, case):
    one = await settle(registry(client, format=form).register("user", NAMES[form], **INSTANCES[form][case]))
    ((key, kv),) = (await everything(client)).items()
    written = golden(form)[case][0].replace(str(LEASE), str(kv.lease))
    assert (key.decode(), kv.value) == (written, golden(form)[case][1])
    assert one.instance.id == key.decode().rpartition("/")[2]


@pytest.mark.parametrize("form", TTLS)
async def test_the_lease_has_the_ttl_of_the_format(client, registry, form):
    one = await settle(registry(client, format=form).register("user", **AT))
    (kv,) = (await everything(client)).values()
    assert (await settle(client.lease_of(kv.lease).time_to_live())).granted == one.instance.ttl == TTLS[form]


@pytest.mark.parametrize("form", TTLS)
async def test_an_instance_is_found_as_it_was_registered(client, registry, form):
    own = registry(client, format=form)
    one = await settle(own.register("user", **AT))
    (found,) = await settle(own.discover("user"))
    assert (found.id, found.address, found.weight, found.metadata) == (one.instance.id, "10.0.0.1:8080", 1, {})
    assert await settle(own.services()) == ["user"]
    assert await settle(own.discover("use")) == []


async def test_hertz_is_kitex_with_a_prefix_of_its_own(client, registry):
    own = registry(client, format=Kitex(namespace="hertz"))
    await settle(own.register("user", **AT, weight=10))
    ((key, kv),) = (await everything(client)).items()
    assert (key, kv.value) == (b"hertz/user/10.0.0.1:8080", golden("kitex")["weight"][1])


# --- its life


@pytest.mark.parametrize("form", TTLS)
async def test_deregistering_removes_the_key_and_its_lease(client, registry, form):
    one = await settle(registry(client, format=form).register("user", **AT))
    (kv,) = (await everything(client)).values()
    await settle(one.deregister())
    assert await everything(client) == {}
    assert kv.lease not in await settle(client.leases())


@pytest.mark.parametrize("form", NO_STATUS)
async def test_without_a_status_the_key_is_removed_while_it_is_paused(client, registry, form, recorder):
    one = await settle(registry(client, format=form).register("user", **AT))
    record_events(recorder, one)
    before = await everything(client)
    for _ in range(2):
        await settle(one.pause())
        assert (await everything(client), one.alive, one.instance.status) == ({}, False, "paused")
        await settle(one.resume())
        after = await everything(client)
        assert [(kv.key, kv.value, kv.lease) for kv in after.values()] == [
            (kv.key, kv.value, kv.lease) for kv in before.values()
        ]
        assert one.alive
    assert recorder.calls == []


async def test_in_midway_a_paused_instance_is_down(client, registry):
    own = registry(client, format="midway")
    one = await settle(own.register("user", "a", **AT))
    await settle(one.pause())
    (kv,) = (await everything(client)).values()
    assert kv.value == golden("midway")["paused"][1]
    assert ids(await settle(own.discover("user"))) == ""
    assert ids(await settle(own.discover("user", status="down"))) == "a"
    await settle(one.resume())
    assert ids(await settle(own.discover("user"))) == "a"


@pytest.mark.parametrize("form", OTHERS)
async def test_a_key_that_was_deleted_is_written_again(client, registry, form, recorder):
    one = await settle(registry(client, format=form).register("user", **AT))
    record_events(recorder, one)
    before = await everything(client)
    await settle(client.delete().all())
    await recorder.until("restored")
    after = await everything(client)
    assert [(kv.key, kv.value) for kv in after.values()] == [(kv.key, kv.value) for kv in before.values()]
    assert recorder.names == ["lost", "restored"]


@pytest.mark.parametrize("form", ["kratos", "kitex", "midway"])
async def test_who_registers_last_keeps_the_key(client, registry, form):
    first = await settle(registry(client, format=form).register("user", "a", **AT))
    second = await settle(registry(client, format=form).register("user", "a", **AT))
    await in_time(until(lambda: not first.alive))
    await settle(first.deregister())
    (kv,) = (await everything(client)).values()
    assert second.alive
    assert kv.lease != 0


# --- what others have written


@pytest.mark.parametrize("form", OTHERS)
async def test_values_that_cannot_be_read_hide_no_others_and_are_logged_once(client, registry, form, caplog):
    """In kratos one of them ends the whole list."""
    key = await put_golden(client, form)
    below = key.rpartition("/")[0]
    bad = {f"{below}/bad{n}": value for n, value in enumerate(["", "{", "[]", '{"a": NaN}', "[" * 100_000])}
    await settle(client.batch([ops.put(name).value(value) for name, value in bad.items()]))
    own = registry(client, format=form)
    view = await settle(own.subscribe("user", status=None))
    for _ in range(3):
        assert addresses(await settle(own.discover("user"))) == ["10.0.0.1:8080"]
    assert addresses(view.instances) == ["10.0.0.1:8080"]
    messages = [one for one in caplog.messages if "which is not an instance of a service" in one]
    assert len(messages) == len(set(messages)) == len(bad)


@pytest.mark.parametrize("form", OTHERS)
async def test_a_view_follows_the_other_system(client, registry, form):
    view = await settle(registry(client, format=form).subscribe("user", hold=0))
    lists = Lists(view)
    key = await put_golden(client, form)
    name = key.rpartition("/")[2]
    await lists.until(name)
    assert view.pick().address == "10.0.0.1:8080"
    await settle(client.delete().key(key))
    await lists.until("")


# --- several formats


async def test_all_formats_are_read_as_one(client, registry):
    for form in OTHERS:
        await put_golden(client, form, "ipv6" if form == "kitex" else "plain")
    await settle(client.put("services/user/own").value('{"metadata": {}, "host": "10.0.0.9", "port": 1}'))
    own = registry(client, read=OTHERS)
    found = await settle(own.discover("user"))
    # Of what has the same id or address, the first is shown: the registry's own format, then in the order of ``read``.
    assert addresses(found) == ["[::1]:8080", "10.0.0.1:8080", "10.0.0.9:1"]
    assert await settle(own.services()) == ["user"]
    view = await settle(own.subscribe("user"))
    assert list(view.instances) == found


async def test_a_service_that_moves_to_another_format_is_never_missing(client, registry):
    """Register in the new format, then end the old registration, while consumers read both."""
    old, new = registry(client), registry(client, format="kitex", read=["etcd_factory"])
    before = await settle(old.register("user", "a", host="10.0.0.1", port=8080))
    view = await settle(new.subscribe("user"))
    lists = Lists(view)
    after = await settle(new.register("user", host="10.0.0.1", port=8080))
    await lists.until("10.0.0.1:8080")
    await settle(before.deregister())
    seen = []
    await settle(new.watch("user", seen.append))
    await settle(after.update({"zone": "x"}))
    await in_time(until(lambda: view.instances[0].metadata == {"zone": "x"}))
    assert addresses(await settle(new.discover("user"))) == ["10.0.0.1:8080"]
    assert "" not in lists.seen
    assert all(len(one) == 1 for one in seen)


class Upper(Format):
    """A format of a user's: the address in capitals."""

    namespace, ttl = "own/place", 7

    def encode(self, instance):
        return instance.address.upper().encode() if instance.status == "up" else None

    def decode(self, service, id, value):  # noqa: A002
        host, _, port = value.decode().lower().partition(":")
        return ServiceInstance(service, id, host, int(port))


async def test_a_format_of_ones_own(client, registry):
    own = registry(client, format=Upper(), read=["naming"])
    one = await settle(own.register("user", "a", host="host", port=80))
    await settle(client.put("own/place/user/bad").value("no port"))
    await put_golden(client, "naming")
    kv = await settle(client.get("own/place/user/a").kv())
    assert (kv.value, one.instance.ttl) == (b"HOST:80", 7)
    assert addresses(await settle(own.discover("user"))) == ["host:80"]
    await settle(one.pause())
    assert addresses(await settle(own.discover("user"))) == ["10.0.0.1:8080"]
