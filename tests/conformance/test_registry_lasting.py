"""Registrations that last: whatever befalls their lease or key, until they are replaced or taken away."""

# ruff: noqa: F811  # fixtures of another module are named as arguments here

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial

import pytest

from etcd_factory import errors
from etcd_factory.registry.key_watch import KeyWatch
from tests.support.faces import closed, settle, until
from tests.support.gates import BOUND, hearing

from .test_factory import opened  # noqa: F401
from .test_registry import KEY, answering, found, noted, registered, registry, stands, told  # noqa: F401
from .test_watch import nothing_left, put, take, threads

# --- lease and key


async def test_d1_d3_the_lease_is_of_the_instance_s_own_ttl_and_is_renewed(client, registry):
    await settle(registry(client, ttl=60).register("user", "a", ttl=5))
    lease, left = client.lease_of((await stands(client)).lease), []

    async def renewed():
        info = await settle(lease.time_to_live())
        left.append(info.ttl)
        assert info.granted == 5
        return left[-1] > min(left)

    await asyncio.wait_for(until(renewed), BOUND)


async def test_d2_d3_a_lost_lease_is_followed_by_a_new_one_and_the_key_is_put_again(client, registry, told, etcdctl):
    """Midway makes an empty lease, of another ttl."""
    one = await noted(told, registry, client, ttl=3)
    await settle(one.update({"n": 1}))
    before = await stands(client)
    etcdctl("lease", "revoke", f"{before.lease:x}")
    await told.until("restored")
    after = await stands(client)
    assert told.calls == [("lost", one), ("restored", one)]
    assert after.value == before.value
    assert after.lease != before.lease
    assert (await settle(client.lease_of(after.lease).time_to_live())).granted == 3
    assert one.alive


async def test_p2_a_key_deleted_by_hand_is_put_again(client, registry, told, etcdctl, etcd_namespace):
    one = await noted(told, registry, client)
    before = await stands(client)
    etcdctl("del", f"{etcd_namespace}{KEY}")
    await told.until("restored")
    after = await stands(client)
    assert told.names == ["lost", "restored"]
    assert (after.value, after.lease) == (before.value, before.lease)
    assert one.alive


async def test_p2_a_key_overwritten_by_hand_is_put_again(client, registry, told):
    await noted(told, registry, client)
    before = await stands(client)
    await put(client, KEY, value="mine")
    await told.until("restored")
    assert (await stands(client)).value == before.value


async def test_p2_a_key_deleted_again_before_the_answer_to_its_healing_is_put_again(make, registry, told):
    client, other = make(), make()
    one, heard = await noted(told, registry, client, ttl=2), threading.Event()
    changed = one._tender._sentry._changed
    one._tender._sentry._changed = lambda *args: (changed(*args), heard.set())
    with answering(client) as answers:
        answers.shut()
        await settle(other.delete().key(KEY))
        await answers.given()  # what it found there
        answers.open()
        answers.shut()
        await answers.given()
        assert await stands(other)
        heard.clear()
        await settle(other.delete().key(KEY))
        assert await asyncio.to_thread(heard.wait, BOUND)
    await asyncio.wait_for(until(partial(stands, other)), BOUND)


async def test_what_is_deleted_again_and_again_is_there_in_the_end(make, registry):
    client, other = make(), make()
    made = await registered(registry, client, *"abcdefgh", ttl=2)
    for _ in range(50):
        await settle(other.delete().prefix("services/"))

    async def whole():
        return await found(other, registry) == "abcdefgh" and all(one.alive for one in made)

    await asyncio.wait_for(until(whole), BOUND)


# --- others with the same id


async def test_d16_who_registers_the_same_id_anew_replaces_it_without_a_fight(make, registry, told):
    old, new = make(), make()
    first = await noted(told, registry, old)
    (second,) = await registered(registry, new, "a", metadata={"n": 2})
    await told.until("lost")
    await asyncio.wait_for(until(lambda: not first.alive), BOUND)
    with pytest.raises(errors.ClientClosedError, match="registered no more"):
        await settle(first.update({"n": 1}))
    await settle(first.deregister())
    (instance,) = await settle(registry(new).discover("user"))
    assert instance == second.instance
    assert (await stands(new)).version == 2  # written by each of them once
    assert told.names == ["lost"]
    assert second.alive


async def test_d16_an_old_process_does_not_delete_its_successor_s_key(face, make, registry):
    """Not even if it has not heard of it yet. Midway deletes whatever stands there."""
    old, new = make(), make()
    with hearing(old) as streams:
        (first,) = await registered(registry, old, "a")
        streams.shut()
        (second,) = await registered(registry, new, "a", metadata={"n": 2})
        await face.begin(first.deregister)
    assert await settle(registry(new).discover("user")) == [second.instance]


async def test_a_change_of_one_that_was_replaced_says_so(make, registry):
    old, new = make(), make()
    with hearing(old) as streams:
        (first,) = await registered(registry, old, "a")
        streams.shut()
        await registered(registry, new, "a")
        with pytest.raises(errors.ClientClosedError, match="registered no more"):
            await settle(first.update({"n": 1}))


async def test_d16_what_deregisters_is_marked_first_and_goes_with_its_lease(client, registry):
    (one,) = await registered(registry, client, "a")
    lease = (await stands(client)).lease
    watcher = await settle(client.watch().key(KEY).create())
    await settle(one.deregister())
    await settle(one.deregister())
    marked, gone = await take(watcher, 2)
    assert (marked.type, json.loads(marked.kv.value)["status"], gone.type) == ("put", "down", "delete")
    assert (await settle(client.lease_of(lease).time_to_live())).ttl == -1
    assert not one.alive
    with pytest.raises(errors.ClientClosedError):
        await settle(one.pause())


# --- the end


async def test_p12_d15_d21_closing_the_client_takes_all_away_first_and_twice_is_fine(make, registry, client):
    before, own = threads(), make()
    made = await registered(registry, own, "a", "b", "c", ttl=60)
    leases = [(await stands(client, f"services/user/{name}")).lease for name in "abc"]
    for one in made:
        one.on("lost", print)
    await closed(own)
    await closed(own)
    assert await found(client, registry, status=None) == ""
    assert [(await settle(client.lease_of(lease).time_to_live())).ttl for lease in leases] == [-1] * 3
    with pytest.raises(errors.ClientClosedError):
        await registered(registry, own, "d")
    await settle(made[0].deregister())
    await nothing_left(before)


async def test_d15_one_that_can_not_be_taken_away_is_no_harm_to_the_others(make, registry, client, caplog):
    own = make()
    made = await registered(registry, own, *"abc", ttl=60)

    async def failing():
        raise errors.DeadlineExceededError("of the test")

    made[1]._tender.leave = failing
    await closed(own)
    assert await found(client, registry, status=None) == ""
    assert "b could not be taken away and dies by its ttl" in caplog.text


async def test_p12_the_factory_takes_all_away_as_it_closes(face, options, opened, registry, client):
    factory = face.factory({"client": options})
    own = (await opened(factory)).get()
    await registered(registry, own, "a", ttl=60)
    assert await found(client, registry) == "a"
    await closed(factory)
    assert await found(client, registry, status=None) == ""


async def test_the_end_of_its_block_takes_it_away(client, registry, face):
    if face.name == "blocking":
        with registry(client).register("user", "a"):
            assert await found(client, registry) == "a"
    else:
        async with registry(client).register("user", "a"):
            assert await found(client, registry) == "a"
    assert await stands(client) is None


async def test_a_registration_that_fails_behind_its_put_leaves_nothing(make, registry, client, monkeypatch):
    async def refused(self, start):
        raise errors.DeadlineExceededError("of the test")

    monkeypatch.setattr(KeyWatch, "open", refused)
    with pytest.raises(errors.DeadlineExceededError):
        await registered(registry, make(), "a", ttl=60)
    assert await stands(client) is None


async def test_a_registration_that_is_refused_leaves_nothing_running(make, registry, refusing):
    before, client = threads(), make(hosts=[refusing], timeout=0.5)
    with pytest.raises(errors.ConnectionFailedError):
        await registered(registry, client, "a")
    await nothing_left(before)


async def test_functions_may_use_the_registration(client, registry, told, face):
    """That they are told of their own doing is no deadlock."""

    async def lost(one):
        await settle(one.update({"heard": True}))
        await settle(one.deregister())
        told("done")

    def blocking(one):
        one.update({"heard": True})
        one.deregister()
        told("done")

    (one,) = await registered(registry, client, "a")
    one.on("lost", blocking if face.name == "blocking" else lost)
    await settle(client.delete().key(KEY))
    await told.until("done")
    assert await stands(client) is None


async def test_an_event_that_it_does_not_have_is_refused(client, registry):
    (one,) = await registered(registry, client, "a")
    with pytest.raises(ValueError, match="has no event 'losts'; did you mean 'lost'"):
        one.on("losts", print)
