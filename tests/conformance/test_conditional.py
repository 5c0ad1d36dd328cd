"""Writes that depend on what is there, on a real etcd: compare and set, increments, updates."""

import pytest

from etcd_factory import CasResponse, errors, ops
from tests.support.faces import failure, is_async, settle


async def put(client, value="v"):
    """Write the key; returns its revision."""
    return (await settle(client.put("k").value(value))).revision


async def kv(client):
    return await settle(client.get("k").kv())


async def test_a_put_succeeds_at_the_revision_of_the_last_change(client):
    revision = await put(client)
    done = await settle(client.put("k").if_revision(revision).value("w"))
    assert (done.succeeded, done.current) == (True, None)
    assert done.revision == (await kv(client)).mod_revision > revision


async def test_a_put_at_another_revision_changes_nothing_and_returns_what_is_there(client):
    revision = await put(client)
    await put(client, "theirs")
    done = await settle(client.put("k").if_revision(revision).value("mine"))
    assert done == CasResponse(False, done.revision, await kv(client))
    assert done.current.text == "theirs"


async def test_a_put_of_a_key_that_is_gone_says_so(client):
    revision = await put(client)
    await settle(client.delete().key("k"))
    done = await settle(client.put("k").if_revision(revision).value("w"))
    assert (done.succeeded, done.current) == (False, None)


async def test_the_first_put_if_absent_wins(client):
    first = await settle(client.put("k").if_absent().json({"by": 1}))
    second = await settle(client.put("k").if_absent().json({"by": 2}))
    assert (first.succeeded, second.succeeded) == (True, False)
    assert (second.current.json(), second.current.create_revision) == ({"by": 1}, first.revision)


async def test_revision_0_means_absent(client):
    assert (await settle(client.put("k").if_revision(0).value("v"))).succeeded
    assert not (await settle(client.put("k").if_revision(0).value("w"))).succeeded


async def test_touching_keeps_the_value(client):
    revision = await put(client)
    assert (await settle(client.put("k").if_revision(revision).touch())).succeeded
    found = await kv(client)
    assert (found.text, found.version) == ("v", 2)


async def test_a_delete_succeeds_only_at_the_revision_of_the_last_change(client):
    revision = await put(client)
    await put(client, "theirs")
    done = await settle(client.delete().if_revision(revision).key("k"))
    assert (done.succeeded, done.current.text) == (False, "theirs")
    done = await settle(client.delete().if_revision(done.current.mod_revision).key("k"))
    assert done == CasResponse(True, done.revision)
    assert await kv(client) is None


async def test_a_delete_touches_no_other_key(client):
    revision = await put(client)
    await settle(client.put("k2").value("w"))
    await settle(client.delete().if_revision(revision).key("k"))
    assert await settle(client.get_all().keys()) == ["k2"]


async def test_a_lease_that_is_not_granted_yet_is_granted(client):
    lease = client.lease(60)
    assert (await settle(client.put("k").if_absent().lease(lease).value("v"))).succeeded
    assert (await kv(client)).lease == lease.id
    await settle(lease.revoke())
    assert await kv(client) is None


async def test_conditional_writes_are_parts_of_transactions_and_batches(client):
    revision = await put(client)
    write = ops.put("k").if_revision(revision).value("w")
    done = await settle(client.txn().then(write, ops.put("other").value(1)).commit())
    assert done.results[0] == CasResponse(True, done.revision)
    again = (await settle(client.batch([write, ops.get("k")])))[0]
    assert (again.succeeded, again.current.text) == (False, "w")


# --- updates


async def test_an_update_returns_the_key_as_it_is_then(client):
    created = await settle(client.update("k", lambda found: "new" if found is None else "wrong"))
    assert created == await kv(client)
    changed = await settle(client.update("k", lambda found: found.text.upper()))
    assert changed == await kv(client)
    assert (changed.text, changed.version) == ("NEW", 2)


async def test_a_key_keeps_its_lease(client):
    lease = client.lease(60)
    await settle(client.put("k").lease(lease).value("1"))
    await settle(client.increment("k"))
    changed = await settle(client.update("k", lambda found: found.text + "0"))
    assert changed == await kv(client)
    assert (changed.text, changed.lease) == ("20", lease.id)
    await settle(lease.revoke())
    assert await kv(client) is None


async def test_no_update_is_lost(client, other, face):
    """Two clients with three callers each add to one key."""

    def add(etcd):
        return etcd.update("k", lambda found: found.text + "x" if found else "x")

    calls = [face.begin(lambda etcd=etcd: add(etcd)) for etcd in (client, other) * 3]
    for call in calls:
        await call
    assert (await kv(client)).text == "x" * 6


async def test_increments_count(client, other, face):
    calls = [face.begin(lambda etcd=etcd: etcd.increment("k")) for etcd in (client, other) * 4]
    assert sorted([await call for call in calls]) == list(range(1, 9))
    assert await settle(client.increment("k", -10)) == -2
    assert (await kv(client)).text == "-2"


async def test_what_is_no_number_is_left_alone(client):
    await put(client, "many")
    with pytest.raises(ValueError, match=r"the value of b'k' is not an integer: b'many'"):
        await settle(client.increment("k"))
    assert (await kv(client)).text == "many"


async def test_an_update_ends_when_others_are_always_faster(client, other):
    busy = client.with_options(timeout=0.5)

    async def change(found):
        await settle(other.put("k").value("theirs"))
        return "mine"

    def change_first(found):
        other.put("k").value("theirs")
        return "mine"

    chosen = change if is_async(client) else change_first
    error = await failure(lambda: busy.update("k", chosen), errors.DeadlineExceededError)
    assert "others keep changing b'k'" in error.message
    assert (await kv(client)).text == "theirs"
