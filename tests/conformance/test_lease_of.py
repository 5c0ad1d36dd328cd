"""Leases with a chosen id, and handles on leases that exist."""

from __future__ import annotations

import itertools
import os

import pytest

from etcd_factory import LeaseInfo, errors
from tests.support.faces import closed, inside, settle, until
from tests.support.leasing import hex_id, until_ended, until_idle

NUMBERS = itertools.count(os.getpid() << 32 | 1)


@pytest.fixture
def number():
    """The id of a lease that does not exist."""
    return next(NUMBERS)


def granted(etcdctl, ttl):
    """Return the id of a lease granted to etcdctl."""
    return int(etcdctl("lease", "grant", str(ttl)).split()[1], 16)


@pytest.fixture
def theirs(etcdctl):
    """The id of a lease of three seconds."""
    return granted(etcdctl, 3)


async def outlived(client, etcdctl):
    """Wait until a lease of three seconds that is not kept alive has expired."""
    await until_ended(client, granted(etcdctl, 3))


# --- a chosen id


async def test_a_lease_is_granted_with_the_chosen_id(client, etcdctl, number):
    lease = client.lease(60, id=number)
    assert lease.id is None
    assert f"{number:x}" in repr(lease)
    assert await settle(lease.grant()) == lease.id == number
    assert hex_id(lease) in etcdctl("lease", "list")
    assert lease.alive
    await settle(lease.revoke())


async def test_a_put_grants_it_with_that_id(client, number):
    lease = client.lease(60, id=number)
    await settle(client.put("k").lease(lease).value("v"))
    assert (await settle(client.get("k").kv())).lease == number
    await settle(lease.revoke())


async def test_an_existing_id_is_an_error(client, lease):
    mine = client.lease(60, id=lease)
    for _ in range(2):
        with pytest.raises(errors.LeaseExistsError) as caught:
            await settle(mine.grant())
    assert caught.value.operation == f"grant lease {lease:x}"
    assert mine.id is None


async def until_granted(client, number):
    """Wait until etcd has this lease."""

    async def is_granted():
        return number in await settle(client.leases())

    await until(is_granted)


async def test_a_grant_whose_response_was_lost_is_not_resent(make, face, client, etcd_proxy, number):
    etcd = make(hosts=[etcd_proxy.endpoint])
    await settle(etcd.get("k").exists())
    lease = etcd.lease(60, id=number)
    etcd_proxy.drop_replies()
    granting = face.begin(lease.grant)
    await until_granted(client, number)
    etcd_proxy.cut()
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await granting
    assert caught.value.maybe_applied
    etcd_proxy.heal()
    with pytest.raises(errors.LeaseExistsError):
        await settle(lease.grant())
    await settle(client.lease_of(number).revoke())


@pytest.mark.parametrize("make_one", [lambda c, i: c.lease(60, id=i), lambda c, i: c.lease_of(i)], ids=["new", "known"])
@pytest.mark.parametrize(
    ("given", "error"), [("7b", TypeError), (True, TypeError), (0, ValueError), (-1, ValueError), (1 << 63, ValueError)]
)
def test_an_invalid_id_is_an_error_at_once(client, make_one, given, error):
    with pytest.raises(error, match="a lease id must"):
        make_one(client, given)


async def test_the_smallest_and_the_largest_id_are_valid(client):
    for number in (1, (1 << 63) - 1):
        lease = client.lease(60, id=number)
        assert await settle(lease.grant()) == number
        await settle(lease.revoke())


# --- a lease that exists


async def test_it_is_kept_alive_from_its_first_use(client, etcdctl, theirs, recorder):
    lease = recorder.on(client.lease_of(theirs), "lost")
    assert (lease.id, lease.ttl, lease.alive) == (None, 0, False)
    assert f"{theirs:x}" in repr(lease)
    await settle(client.put("k").lease(lease).value("v"))
    assert (lease.id, lease.ttl, lease.alive) == (theirs, 3, True)
    await outlived(client, etcdctl)
    assert (await settle(client.get("k").kv())).lease == theirs
    assert (lease.alive, recorder.calls) == (True, [])
    await settle(lease.revoke())


async def test_grant_returns_its_id_and_raises_if_it_is_gone(client, theirs, etcdctl):
    assert await settle(client.lease_of(theirs).grant()) == theirs
    etcdctl("lease", "revoke", f"{theirs:x}")
    lease = client.lease_of(theirs)
    for use in (lease.grant, lease.keepalive_once, lambda: lease.put("k").value("v")):
        with pytest.raises(errors.LeaseNotFoundError) as caught:
            await settle(use())
    assert caught.value.operation == f"keep lease {theirs:x} alive"
    assert not lease.alive


async def test_time_to_live_does_not_keep_it_alive(client, theirs):
    lease = client.lease_of(theirs)
    info = await settle(lease.time_to_live())
    assert (info.id, info.granted) == (theirs, 3)
    assert not lease.alive
    await until_ended(client, theirs)
    assert await settle(lease.time_to_live(keys=True)) == LeaseInfo(theirs, -1, 0, ())


@pytest.mark.parametrize("used", [False, True])
async def test_it_is_revoked_whether_it_was_used_or_not(client, etcdctl, used):
    number = granted(etcdctl, 60)
    lease = client.lease_of(number)
    if used:
        await settle(lease.grant())
    await settle(lease.revoke())
    assert number not in await settle(client.leases())
    with pytest.raises(errors.LeaseNotFoundError, match="this lease has ended"):
        await settle(lease.grant())
    await settle(lease.revoke())


async def test_released_before_its_first_use_it_is_not_kept_alive(client, theirs, recorder):
    lease = recorder.on(client.lease_of(theirs), "lost")
    await settle(lease.release())
    assert await settle(lease.keepalive_once()) == 3
    assert not lease.alive
    await until_ended(client, theirs)
    await until_idle()
    assert recorder.calls == []


async def test_handles_on_one_lease_keep_it_alive_until_the_last_is_released(client, etcdctl, recorder):
    own = recorder.on(client.lease(3), "lost")
    other = client.lease_of(await settle(own.grant()))
    assert await settle(other.grant()) == own.id
    await settle(other.release())
    assert (own.alive, other.alive) == (True, False)
    await outlived(client, etcdctl)
    assert own.alive
    assert own.id in await settle(client.leases())
    await settle(own.release())
    await until_ended(client, own.id)
    assert recorder.calls == []


async def test_the_handlers_of_all_handles_of_a_lost_lease_are_called(client, etcdctl, recorder):
    one = recorder.on(client.lease(600), "lost")
    other = recorder.on(client.lease_of(await settle(one.grant())), "lost")
    await settle(other.grant())
    etcdctl("lease", "revoke", hex_id(one))
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(other.keepalive_once())
    await recorder.until("lost", 2)
    await until_idle()
    assert sorted(id(lease) for _, lease in recorder.calls) == sorted([id(one), id(other)])
    assert (one.alive, other.alive) == (False, False)


async def test_a_block_revokes_it_at_its_end(client, etcdctl):
    number = granted(etcdctl, 60)

    async def body(entered):
        assert entered.id == number
        await settle(entered.put("k").value("v"))

    await inside(client.lease_of(number), body)
    assert number not in await settle(client.leases())


async def test_closing_the_client_leaves_it_to_the_client_that_it_was_granted(make, client, lease):
    other = make()
    kept, revoked = other.lease_of(lease), other.lease(60)
    await settle(revoked.grant())
    await settle(kept.put("k").value("v"))
    await closed(other)
    assert (kept.alive, revoked.alive) == (False, False)
    left = await settle(client.leases())
    assert (lease in left, revoked.id in left) == (True, False)
    assert await settle(client.get("k").exists())
