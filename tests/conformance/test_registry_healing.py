"""Registrations heal themselves after losses of their lease or key, until another process replaces them."""

from __future__ import annotations

from functools import partial

import pytest

from etcd_factory import errors
from tests.support.faces import in_time, settle, until
from tests.support.registering import KEY, discovered, record_events, register, stored
from tests.support.transports import Held
from tests.support.watching import put, take

# --- losses


@pytest.mark.anchor("registry-d1", "registry-d3")
async def test_the_lease_has_the_ttl_of_the_instance_and_is_renewed(client, registry):
    await settle(registry(client, ttl=60).register("user", "a", ttl=5))
    lease, left = client.lease_of((await stored(client)).lease), []

    async def renewed():
        info = await settle(lease.time_to_live())
        left.append(info.ttl)
        assert info.granted == 5
        return left[-1] > min(left)

    await in_time(until(renewed))


@pytest.mark.anchor("registry-d2", "registry-d3")
async def test_after_the_loss_of_its_lease_the_key_is_put_under_a_new_one(client, registry, recorder, etcdctl):
    """Midway makes an empty lease, of another ttl."""
    (one,) = await register(registry, client, "a", ttl=3)
    record_events(recorder, one)
    await settle(one.update({"n": 1}))
    before = await stored(client)
    etcdctl("lease", "revoke", f"{before.lease:x}")
    await recorder.until("restored")
    after = await stored(client)
    assert recorder.calls == [("lost", one), ("restored", one)]
    assert after.value == before.value
    assert after.lease != before.lease
    assert (await settle(client.lease_of(after.lease).time_to_live())).granted == 3
    assert one.alive


@pytest.mark.anchor("registry-p2")
async def test_a_key_deleted_by_hand_is_put_again(client, registry, recorder, etcdctl, etcd_namespace):
    (one,) = await register(registry, client, "a")
    record_events(recorder, one)
    before = await stored(client)
    etcdctl("del", f"{etcd_namespace}{KEY}")
    await recorder.until("restored")
    after = await stored(client)
    assert recorder.names == ["lost", "restored"]
    assert (after.value, after.lease) == (before.value, before.lease)
    assert one.alive


@pytest.mark.anchor("registry-p2")
async def test_a_key_overwritten_by_hand_is_put_again(client, registry, recorder):
    record_events(recorder, *await register(registry, client, "a"))
    before = await stored(client)
    await put(client, KEY, value="by hand")
    await recorder.until("restored")
    assert (await stored(client)).value == before.value


@pytest.mark.anchor("registry-p2")
async def test_a_key_deleted_again_before_the_reply_to_its_put_is_put_again(make, wrap, registry):
    held, other = wrap(Held, "Txn", replies=True), make()
    client = make(transport=held)
    await register(registry, client, "a", ttl=2)
    watcher = await settle(client.watch().key("mark").create())
    held.hold()
    await settle(other.delete().key(KEY))
    await held.arrived()  # what the first transaction found: no key
    held.release()
    held.hold()
    await held.arrived()  # the reply to the put
    assert await stored(other)
    await settle(other.delete().key(KEY))
    await put(other, "mark")
    await take(watcher)  # the client has seen the deletion
    held.release()
    await in_time(until(partial(stored, other)))


@pytest.mark.anchor("registry-p2")
async def test_keys_that_are_deleted_again_and_again_exist_in_the_end(make, registry):
    client, other = make(), make()
    made = await register(registry, client, *"abcdefgh", ttl=2)
    for _ in range(50):
        await settle(other.delete().prefix("services/"))

    async def restored():
        return await discovered(registry, other) == "abcdefgh" and all(one.alive for one in made)

    await in_time(until(restored))


# --- other processes with the same id


@pytest.mark.anchor("registry-d16")
async def test_a_later_registration_of_the_same_id_replaces_the_earlier_one_for_good(make, registry, recorder):
    old, new = make(), make()
    (first,) = await register(registry, old, "a")
    record_events(recorder, first)
    (second,) = await register(registry, new, "a", metadata={"n": 2})
    await recorder.until("lost")
    await in_time(until(lambda: not first.alive))
    with pytest.raises(errors.ClientClosedError, match="has ended; register again"):
        await settle(first.update({"n": 1}))
    await settle(first.deregister())
    (instance,) = await settle(registry(new).discover("user"))
    assert instance == second.instance
    assert (await stored(new)).version == 2  # each of them has written it once
    assert recorder.names == ["lost"]
    assert second.alive


@pytest.mark.anchor("registry-d16")
async def test_a_process_does_not_delete_the_key_of_its_successor(face, make, wrap, registry):
    """Not even before it has heard of it. Midway deletes the key unconditionally."""
    held, new = wrap(Held, "Watch"), make()
    (first,) = await register(registry, make(transport=held), "a")
    held.hold()
    (second,) = await register(registry, new, "a", metadata={"n": 2})
    await face.begin(first.deregister)
    assert await settle(registry(new).discover("user")) == [second.instance]


async def test_changing_an_instance_that_was_replaced_is_an_error(make, wrap, registry):
    held, new = wrap(Held, "Watch"), make()
    (first,) = await register(registry, make(transport=held), "a")
    held.hold()
    await register(registry, new, "a")
    with pytest.raises(errors.ClientClosedError, match="has ended; register again"):
        await settle(first.update({"n": 1}))
