"""Leases: granting them, putting keys with them, renewing them, and what the server knows."""

from __future__ import annotations

import asyncio

import pytest
from attrs.exceptions import FrozenInstanceError

from etcd_factory import LeaseInfo, errors, ops
from etcd_factory.testing import EtcdServer
from tests.support.faces import settle
from tests.support.leasing import hex_id, until_ended, workers


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_ttl_below_a_second_is_a_value_error_at_once(client, ttl):
    with pytest.raises(ValueError, match="a ttl must be at least 1 second, not"):
        client.lease(ttl)


@pytest.mark.parametrize("ttl", [None, True, 1.5, "10", b"1"], ids=repr)
def test_a_ttl_of_another_type_is_a_type_error_at_once(client, ttl):
    with pytest.raises(TypeError, match="a ttl must be an int, in seconds, not"):
        client.lease(ttl)


# --- granting


async def test_a_lease_is_not_granted_before_its_first_use(client, etcdctl):
    lease = client.lease(60)
    assert (lease.id, lease.ttl, lease.alive) == (None, 60, False)
    assert workers() == []
    assert f"{await settle(lease.grant()):x}" in etcdctl("lease", "list")


async def test_grant_returns_the_id_each_time(client):
    lease = client.lease(60)
    first = await settle(lease.grant())
    assert await settle(lease.grant()) == lease.id == first
    assert isinstance(first, int)
    assert lease.alive
    assert first in await settle(client.leases())


async def test_many_callers_are_granted_one_lease(face, client):
    lease = client.lease(60)
    ids = await asyncio.gather(*(face.begin(lease.grant) for _ in range(8)))
    assert set(ids) == {lease.id}


async def test_the_ttl_is_the_one_that_the_server_granted(make, server_of_long_leases):
    lease = make(hosts=[server_of_long_leases.endpoint]).lease(1)
    await settle(lease.grant())
    assert lease.ttl == (await settle(lease.time_to_live())).granted > 1


@pytest.fixture(scope="module")
def server_of_long_leases():
    """A server that grants no lease of a second: its least ttl is 1.5 times its election timeout."""
    with EtcdServer(args=["--heartbeat-interval=150", "--election-timeout=1500"]) as server:
        yield server


async def test_a_failed_grant_is_retried_at_the_next_use(make, refusing, etcd_server):
    lease = make(hosts=[refusing], retry={"attempts": 2}).lease(60)
    for _ in range(2):
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await settle(lease.grant())
    assert caught.value.operation == "grant a lease"
    assert lease.id is None


# --- putting with it


async def test_a_put_of_a_lease_grants_it(client, etcdctl):
    lease = client.lease(60)
    await settle(lease.put("k").value("v"))
    assert (await settle(client.get("k").kv())).lease == lease.id
    assert lease.alive


async def test_a_put_with_a_lease_grants_it(client):
    lease = client.lease(60)
    put = client.put("k").lease(lease)
    assert lease.id is None
    await settle(put.value("v"))
    await settle(put.json({}))
    assert (await settle(client.get("k").kv())).lease == lease.id is not None


async def test_a_transaction_grants_the_leases_in_it(client):
    first, second = client.lease(60), client.lease(60)
    inner = ops.txn().then(ops.put("b").lease(second).value("v"))
    await settle(client.txn().then(ops.put("a").lease(first).value("v"), inner).commit())
    kvs = await settle(client.get_all().kvs())
    assert [kv.lease for kv in kvs] == [first.id, second.id]


async def test_a_batch_grants_the_leases_in_it(client):
    one, other = client.lease(60), client.lease(60)
    await settle(client.batch([ops.put("a").lease(one).value("v")]))
    await settle(client.batch([ops.put("b").lease(other).value("v"), ops.put("c").lease(other).value("v")]))
    kvs = await settle(client.get_all().kvs())
    assert [kv.lease for kv in kvs] == [one.id, other.id, other.id]


async def test_an_operation_with_a_lease_can_be_used_again(client):
    lease = client.lease(60)
    op = ops.put("k").lease(lease).value("v")
    for _ in range(2):
        await settle(client.batch([op]))
    assert (await settle(client.get("k").kv())).version == 2


async def test_a_put_whose_lease_cannot_be_granted_raises_the_reason(make, refusing):
    client = make(hosts=[refusing], retry={"attempts": 2})
    with pytest.raises(errors.ConnectionFailedError):
        await settle(client.put("k").lease(client.lease(60)).value("v"))


async def test_a_lease_can_be_used_as_its_id(client, etcdctl):
    lease = client.lease(60)
    await settle(lease.grant())
    assert int(hex_id(lease), 16) == lease.id == lease.__index__()


# --- keeping alive


async def test_a_lease_outlives_its_ttl(client, recorder, etcdctl):
    other = recorder.on(client.lease(1), "lost")
    await settle(other.put("k").value("v"))
    unattended = etcdctl("lease", "grant", "1").split()[1]
    await until_ended(client, int(unattended, 16))
    assert other.alive
    assert recorder.calls == []
    assert await settle(client.get("k").exists())


async def test_keepalive_once_renews_and_returns_the_time_left(client, etcdctl):
    lease = client.lease(60)
    assert await settle(lease.keepalive_once()) == 60
    etcdctl("lease", "revoke", hex_id(lease))
    with pytest.raises(errors.LeaseNotFoundError) as caught:
        await settle(lease.keepalive_once())
    assert caught.value.operation == f"keep lease {hex_id(lease)} alive"


async def test_a_lease_that_keepalive_once_finds_gone_is_lost_at_once(client, etcdctl, recorder):
    lease = recorder.on(client.lease(600), "lost")
    await settle(lease.keepalive_once())
    etcdctl("lease", "revoke", hex_id(lease))
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(lease.keepalive_once())
    await recorder.until("lost")
    assert (recorder.calls, lease.alive) == ([("lost", lease)], False)


# --- what the server knows


async def test_time_to_live_returns_the_time_left(client):
    lease = client.lease(60)
    assert await settle(lease.time_to_live()) in [LeaseInfo(lease.id, left, 60, ()) for left in (60, 59)]


async def test_time_to_live_has_the_keys_in_the_namespace(client, etcdctl):
    lease, inner = client.lease(60), client.namespace("in/")
    await settle(client.put("k").lease(lease).value("v"))
    await settle(inner.put("l").lease(lease).value("v"))
    etcdctl("put", f"--lease={hex_id(lease)}", "outside", "v")
    assert sorted((await settle(lease.time_to_live(keys=True))).keys) == [b"in/l", b"k"]
    assert (await settle(lease.time_to_live())).keys == ()
    own = inner.lease(60)
    await settle(own.put("m").value("v"))
    assert (await settle(own.time_to_live(keys=True))).keys == (b"m",)


async def test_time_to_live_of_a_lease_that_is_gone_is_minus_one(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.revoke())
    assert await settle(lease.time_to_live(keys=True)) == LeaseInfo(lease.id, -1, 0, ())


async def test_lease_info_is_frozen(client):
    info = await settle(client.lease(60).time_to_live())
    with pytest.raises(FrozenInstanceError):
        info.ttl = 1


async def test_leases_lists_the_ids_of_all_leases(client, lease):
    mine = await settle(client.lease(60).grant())
    assert {lease, mine} <= set(await settle(client.leases()))
