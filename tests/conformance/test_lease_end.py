"""The end of a lease: revoked, released, or at the end of its block."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from etcd_factory import errors
from tests.support.faces import closed, inside, settle
from tests.support.leasing import hex_id, until_ended, until_idle


async def test_revoking_deletes_its_keys(client):
    lease = client.lease(60)
    await settle(lease.put("k").value("v"))
    await settle(lease.revoke())
    assert not lease.alive
    assert not await settle(client.get("k").exists())
    assert lease.id not in await settle(client.leases())


async def test_revoke_is_idempotent(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.revoke())
    await settle(lease.revoke())


async def test_revoking_a_lease_that_is_gone_is_no_error(client, etcdctl, recorder):
    lease = recorder.on(client.lease(60), "lost")
    await settle(lease.grant())
    etcdctl("lease", "revoke", hex_id(lease))
    await settle(lease.revoke())
    await closed(client)  # waits for background work that could call handlers
    assert recorder.calls == []


async def test_a_lease_revoked_before_its_grant_is_never_granted(client):
    lease = client.lease(60)
    await settle(lease.revoke())
    for use in (lease.grant, lease.keepalive_once, lease.time_to_live, lambda: lease.put("k").value("v")):
        with pytest.raises(errors.LeaseNotFoundError, match="this lease has ended"):
            await settle(use())
    assert lease.id is None


async def test_a_grant_after_revoking_is_an_error(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.revoke())
    with pytest.raises(errors.LeaseNotFoundError, match="this lease has ended"):
        await settle(lease.grant())
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(lease.put("k").value("v"))


async def test_revoking_waits_for_a_grant_under_way(face, client, make, etcd_proxy):
    slow = make(hosts=[etcd_proxy.endpoint])
    await settle(slow.get("k").exists())
    etcd_proxy.delay(0.1)
    lease = slow.lease(60)
    grant = face.begin(lease.grant)
    await asyncio.to_thread(etcd_proxy.wait_for_request)
    await face.begin(lease.revoke)
    assert await grant == lease.id
    assert not lease.alive
    assert lease.id not in await settle(client.leases())


async def test_a_released_lease_expires_by_its_ttl(client, recorder):
    lease = recorder.on(client.lease(1), "lost")
    await settle(lease.put("k").value("v"))
    await settle(lease.release())
    assert not lease.alive
    assert await settle(client.get("k").exists())
    await until_ended(client, lease.id)
    assert not await settle(client.get("k").exists())
    assert recorder.calls == []


async def test_awaiting_release_is_optional(face, client):
    lease = client.lease(60)
    await settle(lease.grant())
    done = lease.release()
    assert not lease.alive
    assert not inspect.iscoroutine(done)
    assert await settle(done) is None
    assert (done is None) == (face.name == "blocking")


async def test_a_lease_released_before_its_grant_is_granted_and_not_kept_alive(client):
    lease = client.lease(6)
    await settle(lease.release())
    await settle(lease.put("k").value("v"))
    assert not lease.alive
    await until_idle()
    await settle(lease.revoke())


async def test_a_block_grants_at_its_start_and_revokes_at_its_end(client):
    lease = client.lease(60)

    async def body(entered):
        assert entered is lease
        assert lease.alive
        await settle(lease.put("k").value("v"))

    await inside(lease, body)
    assert not lease.alive
    assert not await settle(client.get("k").exists())


async def test_a_block_that_fails_revokes_too_and_raises_its_own_error(make, relay):
    client = make(hosts=[relay.endpoint], timeout=0.3)

    async def body(lease):
        relay.mute()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await inside(client.lease(60), body)


async def test_a_block_whose_lease_cannot_be_revoked_raises(make, relay):
    client = make(hosts=[relay.endpoint], timeout=0.3)

    async def body(lease):
        relay.mute()

    with pytest.raises(errors.EtcdError) as caught:
        await inside(client.lease(60), body)
    assert caught.value.operation.startswith("revoke lease")


async def test_the_block_of_the_other_face_is_a_type_error(face, client):
    lease = client.lease(60)
    wrong = lease.__aenter__ if face.name == "blocking" else lease.__enter__
    with pytest.raises(TypeError, match="enter it with"):
        await settle(wrong())
