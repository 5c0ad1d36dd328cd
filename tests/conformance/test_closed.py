"""A client that has been closed."""

from __future__ import annotations

import asyncio
import gc

import pytest

from etcd_factory import errors, ops
from tests.support.faces import closed, listed, settle
from tests.support.locking import begins_to_wait
from tests.support.transports import Held

CALLS = {
    "get": lambda c: c.get("k").string(),
    "exists": lambda c: c.get("k").exists(),
    "get_all": lambda c: c.get_all().keys(),
    "count": lambda c: c.get_all().count(),
    "iterate": lambda c: listed(c.get_all()),
    "put": lambda c: c.put("k").value("v"),
    "touch": lambda c: c.put("k").touch(),
    "delete": lambda c: c.delete().all(),
    "txn": lambda c: c.txn().then(ops.get("k")).commit(),
    "if_": lambda c: c.if_("k", "version", "==", 0).commit(),
    "batch": lambda c: c.batch([ops.get("k"), ops.get("l")]),
    "namespace": lambda c: c.namespace("n").get("k").string(),
    "with_options": lambda c: c.with_options(timeout=1).get("k").string(),
}


@pytest.mark.parametrize("name", CALLS)
async def test_every_call_after_closing_is_an_error(client, name):
    await settle(client.put("k").value("v"))
    await closed(client)
    with pytest.raises(errors.ClientClosedError, match="is closed; create a new one"):
        await settle(CALLS[name](client))


@pytest.mark.parametrize("name", CALLS)
async def test_every_call_of_a_client_closed_before_its_first_call_is_an_error(client, name):
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await settle(CALLS[name](client))


async def test_close_is_idempotent(client):
    await settle(client.get("k").string())
    await closed(client)
    await closed(client)


async def test_leaving_its_block_closes_it(face, options):
    client = face.service(options)
    if face.name == "blocking":
        with client as entered:
            entered.put("k").value("v")
    else:
        async with client as entered:
            await entered.put("k").value("v")
    assert entered is client
    with pytest.raises(errors.ClientClosedError):
        await settle(client.get("k").string())


@pytest.mark.parametrize("name", ["get", "put", "txn"])
async def test_a_call_under_way_ends_with_an_error(face, make, relay, name):
    client = make(hosts=[relay.endpoint], timeout=60)
    await settle(client.get("k").string())
    relay.mute()
    call = face.begin(lambda: CALLS[name](client))
    await relay.requested()
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await call


async def test_a_call_to_a_server_that_hangs_ends_with_an_error(face, make, fragile):
    client = make(hosts=[fragile.endpoint], timeout=60)
    await settle(client.get("k").string())
    fragile.pause()
    calls = [face.begin(lambda: CALLS["get"](client)) for _ in range(3)]
    await closed(client)
    for call in calls:
        with pytest.raises(errors.ClientClosedError):
            await call


async def test_a_call_that_waits_for_a_host_ends_with_an_error(face, make, refusing):
    client = make(hosts=[refusing], timeout=60, dial_timeout=60, retry={"attempts": 10_000, "maximum": 0.05})
    call = face.begin(lambda: CALLS["get"](client))
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await call


async def test_other_clients_continue(client, make):
    other = make()
    await settle(client.put("k").value("v"))
    await closed(client)
    assert await settle(other.get("k").string()) == "v"


async def test_a_used_client_that_is_not_closed_is_warned_of(face, options):
    client = face.service(options)
    await settle(client.get("k").exists())
    with pytest.warns(ResourceWarning, match="never closed"):
        client = None
    assert client is None


async def test_an_unused_client_that_is_not_closed_is_not_warned_of(face, options, recwarn):
    face.service(options)
    gc.collect()
    assert not [one for one in recwarn if one.category is ResourceWarning]


WAITING = {
    "lock": lambda c: c.lock("name").acquire(),
    "campaign": lambda c: c.election("name").campaign("value"),
}


@pytest.mark.parametrize("name", WAITING)
async def test_a_waiting_call_leaves_no_lease_behind(face, make, recorded, name):
    one, other = make(), make(transport=recorded)
    await settle(WAITING[name](one))
    waiting = face.begin(lambda: WAITING[name](other))
    await begins_to_wait(recorded)
    first, last = await settle(one.get_all().sort("create", "ascend").kvs())
    await closed(other)
    with pytest.raises(errors.ClientClosedError):
        await waiting
    assert await settle(one.get_all().key_bytes()) == [first.key]
    assert last.lease not in await settle(one.leases())


ENDING = {
    "revoke": lambda c, lease: lease.revoke(),
    "release": lambda c, lease: c.lock("name").do(lambda: None),
}


@pytest.mark.parametrize("name", ENDING)
async def test_closing_revokes_a_lease_whose_revocation_it_cuts_off(face, make, wrap, name):
    held, before = wrap(Held, "LeaseRevoke"), make()
    known = set(await settle(before.leases()))
    client = make(transport=held)
    lease = client.lease(60)
    await settle(lease.grant())
    held.hold(1)
    ending = face.begin(lambda: ENDING[name](client, lease))
    await held.arrived()
    await closed(client)
    assert set(await settle(before.leases())) <= known
    (result,) = await asyncio.gather(ending, return_exceptions=True)
    assert result is None or type(result) is errors.ClientClosedError
