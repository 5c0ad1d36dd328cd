"""Elections: one leads, the others see who."""

from __future__ import annotations

import asyncio

from etcd_factory import KeyValue, ops
from etcd_factory.errors import LockFailedError, NotLeaderError
from tests.support.faces import is_async, settle, until

from .test_lock import alone, error_of, etcdctl, guarded, here, left, queued  # noqa: F401


async def taken(observer, number):
    """The first values of an observer."""
    if is_async(observer):
        values = []
        async for value in observer:
            values.append(value)
            if len(values) == number:
                return values
    return [value for value, _ in zip(observer, range(number), strict=False)]


async def test_who_is_elected_is_seen_and_leaves_nothing(client):
    election = client.election("name")
    assert await settle(election.leader()) is None
    leadership = await settle(election.campaign("me"))
    assert leadership.alive
    assert await settle(election.leader()) == "me"
    await settle(leadership.resign())
    assert not leadership.alive
    assert await settle(election.leader()) is None
    assert await settle(client.get_all().count()) == 0


async def test_the_next_one_leads_when_the_first_one_resigns(make, here):  # noqa: F811
    one, other = make(), make()
    first = await settle(one.election("name").campaign("one"))
    waiting = here(lambda: other.election("name").campaign("other"))
    await queued(one, 2)
    assert await settle(other.election("name").leader()) == "one"
    await settle(first.resign())
    second = await asyncio.wait_for(waiting, 10)
    assert await settle(one.election("name").leader()) == "other"
    assert second.fencing_token > first.fencing_token
    await left(second)


async def test_a_campaign_that_lasts_too_long_leaves_nothing(make):
    one, other = make(), make()
    leadership = await settle(one.election("name").campaign("one"))
    error = await error_of(lambda: other.election("name").campaign("other", timeout=0.1))
    assert isinstance(error, LockFailedError)
    assert await settle(one.get_all().count()) == 1
    await left(leadership)


async def test_a_leader_proclaims_and_one_that_leads_no_more_can_not(client):
    leadership = await settle(client.election("name").campaign("a"))
    await settle(leadership.proclaim("b"))
    assert await settle(client.election("name").leader()) == "b"
    await settle(client.delete().all())
    assert isinstance(await error_of(lambda: leadership.proclaim("c")), NotLeaderError)
    await left(leadership)


async def test_the_leaders_key_is_had_whole(client):
    election = client.election("name")
    assert await settle(election.leader_kv()) is None
    leadership = await settle(election.campaign("a"))
    await settle(leadership.proclaim(b"\xff"))
    kv = await settle(election.leader_kv())
    token, lease = leadership.fencing_token, kv.lease
    assert kv == KeyValue(f"name/{lease:x}".encode(), b"\xff", token, kv.mod_revision, 2, lease)
    assert kv.mod_revision > token
    await left(leadership)
    assert await settle(election.leader_kv()) is None


async def test_the_leaders_key_guards_a_write_for_as_long_as_it_leads(client):
    first = await settle(client.election("name").campaign("a"))
    assert first.key == (await settle(client.election("name").leader_kv())).key
    guarded = client.if_(first.key, "create", "==", first.fencing_token).then(ops.put("guarded").value("v"))
    assert (await settle(guarded.commit())).succeeded
    await settle(first.resign())
    second = await settle(client.election("name").campaign("b"))
    assert not (await settle(guarded.commit())).succeeded
    assert (await settle(client.get("guarded").kv())).version == 1
    await left(second)


async def test_resigning_twice_is_fine(client):
    leadership = await settle(client.election("name").campaign("a"))
    await settle(leadership.resign())
    await settle(leadership.resign())


async def test_an_observer_sees_the_leader_each_value_and_each_new_leader(make, here):  # noqa: F811
    one, other = make(), make()
    first = await settle(one.election("name").campaign("a"))
    seen = []

    def observe():
        for value in other.election("name").observe():
            seen.append(value)
            if value == "c":
                return

    async def aobserve():
        async for value in other.election("name").observe():
            seen.append(value)
            if value == "c":
                return

    watching = asyncio.ensure_future(aobserve() if is_async(one) else asyncio.to_thread(observe))
    await until(lambda: seen == ["a"])
    await settle(first.proclaim("b"))
    await until(lambda: seen == ["a", "b"])
    await settle(first.resign())
    second = await settle(one.election("name").campaign("c"))
    await asyncio.wait_for(watching, 10)
    assert seen == ["a", "b", "c"]
    await left(second)


async def test_an_observer_waits_for_somebody_to_lead(make, here):  # noqa: F811
    one, other = make(), make()
    observer = other.election("name").observe()
    watching = asyncio.ensure_future(
        taken(observer, 1) if is_async(one) else asyncio.to_thread(lambda: next(iter(observer)))
    )
    leadership = await settle(one.election("name").campaign("first"))
    assert await asyncio.wait_for(watching, 10) in ("first", ["first"])
    await left(leadership)


async def test_a_leader_whose_lease_is_revoked_by_another_is_told(client, etcd_server):
    lost = asyncio.Event()
    loop = asyncio.get_running_loop()
    leadership = await settle(client.election("name", ttl=2).campaign("a"))
    leadership.on("lost", lambda _: loop.call_soon_threadsafe(lost.set))
    (kv,) = await settle(client.get_all().kvs())
    etcd_server.etcdctl("lease", "revoke", f"{kv.lease:x}")
    await asyncio.wait_for(lost.wait(), 10)
    assert not leadership.alive
    await left(leadership)


async def test_etcdctl_leads_and_we_see_it_and_wait(make, alone):  # noqa: F811
    client = make(hosts=alone.endpoint, namespace="")
    with etcdctl(alone, "elect", "shared", "theirs") as other:
        key = other.stdout.readline().strip()
        assert await settle(client.election("shared").leader()) == "theirs"
        theirs = await settle(client.election("shared").leader_kv())
        assert (theirs.key_text, theirs.text) == (key, "theirs")
        assert isinstance(
            await error_of(lambda: client.election("shared").campaign("ours", timeout=0)), LockFailedError
        )
        other.terminate()
        leadership = await settle(client.election("shared").campaign("ours", timeout=10))
    assert await settle(client.election("shared").leader()) == "ours"
    await left(leadership)


async def test_we_lead_and_etcdctl_sees_it(make, alone):  # noqa: F811
    client = make(hosts=alone.endpoint, namespace="")
    leadership = await settle(client.election("shared").campaign("ours"))
    with etcdctl(alone, "elect", "--listen", "shared") as listener:
        lines = [listener.stdout.readline().strip() for _ in range(2)]
        listener.terminate()
    assert lines == [leadership.key.decode(), "ours"]
    assert guarded(alone, leadership.key, leadership.fencing_token)
    assert not guarded(alone, leadership.key, leadership.fencing_token - 1)
    await left(leadership)
