"""Registries whose servers and connections fail: instances are registered again, and no view is emptied meanwhile."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from tests.support.faces import in_time, settle, until
from tests.support.faulty import QUICK, UNREACHABLE, compact, lose_data, register_recorded, write_history
from tests.support.grpc_versions import skip_before
from tests.support.registering import (
    KEY,
    LONG,
    Lists,
    ids,
    put_instances,
    record_events,
    register,
    stored,
    subscribe,
)
from tests.support.transports import Failing, Recorded

BREAKS = 10  # connections


@pytest.fixture
async def three(make, server, registry):
    """Instances a, b and c, each of a client of its own."""
    clients = [make(server.endpoint, timeout=2, retry=QUICK) for _ in "abc"]
    return [(await register(registry, own, name, ttl=5))[0] for own, name in zip(clients, "abc", strict=True)]


def have_all(lists, names):
    """Return whether every list of a view had at least these instances."""
    return all({*names} <= {*seen} for seen in lists.seen)


async def until_registered(client, names):
    """Wait until exactly these instances are registered in etcd."""

    async def are_registered():
        keys = await settle(client.get_all().prefix("services/user/").keys())
        return "".join(key[-1] for key in keys) == names

    await in_time(until(are_registered), LONG)


# --- the server


@pytest.mark.anchor("registry-p1")
async def test_a_server_that_is_killed_and_restarted_loses_no_instance(three, direct, server, registry):
    view, lists = await subscribe(registry, direct)
    for known, mark in (("abc", "x"), ("abcx", "y")):
        server.kill()
        assert ids(view.instances) == known
        assert view.pick() in view.instances
        server.start()
        await put_instances(direct, mark)
        await lists.until(known + mark)  # the view has seen everything up to here
    await until_registered(direct, "abcxy")
    assert have_all(lists, "abc")


@pytest.mark.anchor("registry-p1", "registry-d2", "registry-d10")
@pytest.mark.parametrize("threshold", [0.0, 0.9, 1.0])
async def test_instances_register_again_in_a_store_that_was_emptied_and_no_view_shrinks(
    three, direct, server, registry, recorder, threshold
):
    """Midway's instances never come back, and its lists are empty at once."""
    await write_history(direct)
    record_events(recorder, *three)
    view, lists = await subscribe(registry, direct, threshold=threshold, hold=LONG)
    watched = Lists(await settle(registry(direct).watch("user", print)))
    lose_data(server)
    await recorder.until("restored", 3)
    await until_registered(direct, "abc")
    await register(registry, direct, "d")
    await lists.until("abcd")
    assert {*lists.seen} == {"abc", "abcd"}
    assert {*watched.seen} <= {"abc", "abcd"}
    assert sorted(recorder.names) == ["lost"] * 3 + ["restored"] * 3
    assert ids(view.instances) == "abcd"


@pytest.mark.anchor("registry-p1")
async def test_an_instance_that_does_not_return_to_an_emptied_store_is_dropped_in_the_end(
    three, direct, server, registry
):
    await write_history(direct)
    await put_instances(direct, "z")
    _, lists = await subscribe(registry, direct, hold=10)
    lose_data(server)
    await lists.until("abc")
    assert {*lists.seen} == {"abcz", "abc"}


async def test_a_server_that_hangs_for_longer_than_the_ttl_loses_no_instance(make, direct, server, registry, recorder):
    client = make(server.endpoint, timeout=1, retry=QUICK)
    one = await register_recorded(recorder, registry, client, ttl=2)
    view, lists = await subscribe(registry, direct, hold=LONG)
    server.pause()
    await recorder.until("lost")
    assert not one.alive
    assert ids(view.instances) == "a"
    server.resume()
    await recorder.until("restored")
    assert one.alive
    assert have_all(lists, "a")


# --- the connection


@pytest.mark.anchor("registry-d10")
async def test_a_view_that_is_cut_off_stays_as_it_is_and_catches_up(three, proxied, direct, proxy, registry):
    view, lists = await subscribe(registry, proxied)
    proxy.cut()
    await register(registry, direct, "d")
    assert ids(view.pick() for _ in "abc") == "abc"
    proxy.heal()
    await lists.until("abcd")
    assert lists.seen == ["abc", "abcd"]


@pytest.mark.anchor("registry-d2")
async def test_instances_whose_leases_expired_while_they_were_cut_off_register_again(
    make, direct, proxy, registry, recorder
):
    clients = [make(proxy.endpoint, timeout=1, retry=QUICK) for _ in "abc"]
    three = [(await register(registry, own, name, ttl=2))[0] for own, name in zip(clients, "abc", strict=True)]
    record_events(recorder, *three)
    view, lists = await subscribe(registry, direct, threshold=0.9, hold=LONG)
    proxy.cut()
    await until_registered(direct, "")
    assert not any(one.alive for one in three)
    assert ids(view.instances) == "abc"
    proxy.heal()
    await recorder.until("restored", 3)
    await put_instances(direct, "x")
    await lists.until("abcx")  # the view has seen everything up to here
    assert {*lists.seen} == {"abc", "abcx"}
    assert sorted(recorder.names) == ["lost"] * 3 + ["restored"] * 3


async def test_connections_that_break_repeatedly_lose_no_instance(make, direct, proxy, registry, face, is_grpc):
    if is_grpc and face.name == "blocking":
        skip_before("1.80", "a write is sent on a connection that has ended")
    client = make(proxy.endpoint, retry=QUICK)
    (one,) = await register(registry, client, "a")
    view, lists = await subscribe(registry, client)
    for number in range(BREAKS):
        proxy.reset()
        (other,) = await register(registry, direct, "b")
        await settle(one.update({"n": number}))
        await settle(other.deregister())
    await register(registry, direct, "c")
    await lists.until("ac")
    assert have_all(lists, "a")
    assert [instance.metadata for instance in view.instances] == [{"n": BREAKS - 1}, {}]


def in_background(call):
    """Select the calls that a registration makes in the background."""
    try:
        name = asyncio.current_task().get_name()
    except RuntimeError:  # no event loop runs in this thread
        name = threading.current_thread().name
    return name == "etcd_factory registration"


def has_received_delete(recorded, key):
    """Return whether a watch of the client was notified that a key was deleted."""
    messages = [message for stream in recorded.streams if stream.call.method == "Watch" for message in stream.received]
    return any(event.type and event.kv.key.endswith(key.encode()) for message in messages for event in message.events)


async def test_an_update_that_registers_it_again_reports_that_it_is_restored(
    make_wrapped, direct, proxy, registry, recorder
):
    def wrap(real):  # only the update can succeed
        return Failing(Recorded(real), in_background, times=1_000_000)

    client, failing = make_wrapped(wrap, proxy.endpoint, timeout=1, retry=QUICK)
    one = await register_recorded(recorder, registry, client, ttl=2)
    proxy.cut()
    await recorder.until("lost")
    with pytest.raises(UNREACHABLE):
        await settle(one.update({"n": 0}))
    await until_registered(direct, "")
    proxy.heal()
    await failing.inner.until(partial(has_received_delete, failing.inner, KEY))
    assert recorder.names == ["lost"]
    await in_time(until(partial(updated, one)))
    await recorder.until("restored")
    assert one.alive
    assert recorder.names == ["lost", "restored"]


async def updated(registration):
    """Return whether an update succeeds; it fails together with an attempt of the background that is under way."""
    try:
        await settle(registration.update({"n": 1}))
    except UNREACHABLE:
        return False
    return True


# --- history that is compacted


@pytest.mark.anchor("registry-p3", "registry-d8")
async def test_a_view_that_is_cut_off_during_a_compaction_reads_the_instances_again(
    three, proxied, direct, proxy, server, registry
):
    """Midway's list stays as it was for ever. An instance that left meanwhile is kept for a while: it may return."""
    _, lists = await subscribe(registry, proxied, hold=1)
    proxy.cut()
    await settle(three[0].deregister())
    await register(registry, direct, "d")
    compact(server, (await settle(direct.put("mark").value(""))).revision)
    proxy.heal()
    await lists.until("bcd")
    await register(registry, direct, "e")
    await lists.until("bcde")
    assert lists.seen == ["abc", "abcd", "bcd", "bcde"]


@pytest.mark.anchor("registry-p3")
async def test_a_key_that_is_deleted_and_compacted_while_its_owner_is_cut_off_is_put_again(
    make, direct, proxy, server, registry, recorder
):
    one = await register_recorded(recorder, registry, make(proxy.endpoint, retry=QUICK), ttl=60)
    _, lists = await subscribe(registry, direct, hold=LONG)
    proxy.cut()
    await settle(direct.delete().key(KEY))
    compact(server, (await settle(direct.put("mark").value(""))).revision)
    proxy.heal()
    await recorder.until("restored")
    assert await stored(direct)
    assert (one.alive, recorder.names, lists.seen) == (True, ["lost", "restored"], ["a"])


async def test_keys_deleted_by_hand_are_put_again_and_no_view_shrinks(three, direct, registry, recorder):
    record_events(recorder, *three)
    _, lists = await subscribe(registry, direct, threshold=0.9, hold=LONG)
    for number in range(1, 4):
        await settle(direct.delete().prefix("services/"))
        await recorder.until("restored", 3 * number)
    await until_registered(direct, "abc")
    assert have_all(lists, "abc")
