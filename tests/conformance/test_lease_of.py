"""Leases under an id of one's own, and handles on leases that exist."""

from __future__ import annotations

import itertools
import os

import pytest

from etcd_factory import LeaseInfo, errors
from tests.support.faces import closed, settle

from .test_lease import enter, gone, idle, named, told  # noqa: F401

NUMBERS = itertools.count(os.getpid() << 32 | 1)


@pytest.fixture
def number():
    """The id of a lease that there is not."""
    return next(NUMBERS)


def granted(etcdctl, ttl):
    """The id of a lease that etcdctl was granted."""
    return int(etcdctl("lease", "grant", str(ttl)).split()[1], 16)


@pytest.fixture
def theirs(etcdctl):
    """The id of a lease of three seconds."""
    return granted(etcdctl, 3)


async def outlived(client, etcdctl):
    """Wait for as long as a lease of three seconds lives that nobody keeps alive."""
    await gone(client, granted(etcdctl, 3))


# --- an id of one's own


async def test_a_lease_is_granted_under_the_id_that_was_chosen(client, etcdctl, number):
    lease = client.lease(60, id=number)
    assert lease.id is None
    assert f"{number:x}" in repr(lease)
    assert await settle(lease.grant()) == lease.id == number
    assert named(lease) in etcdctl("lease", "list")
    assert lease.alive
    await settle(lease.revoke())


async def test_a_put_grants_it_under_that_id(client, number):
    lease = client.lease(60, id=number)
    await settle(client.put("k").lease(lease).value("v"))
    assert (await settle(client.get("k").kv())).lease == number
    await settle(lease.revoke())


async def test_an_id_that_is_there_is_an_error(client, lease):
    mine = client.lease(60, id=lease)
    for _ in range(2):
        with pytest.raises(errors.LeaseExistsError) as caught:
            await settle(mine.grant())
    assert caught.value.operation == f"grant lease {lease:x}"
    assert mine.id is None


async def test_a_grant_whose_answer_was_lost_is_not_sent_again(make, client, relay, number):
    lease = make(hosts=[relay.endpoint]).lease(60, id=number)
    relay.cut(after=b"etcdserverpb.Lease/LeaseGrant")
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await settle(lease.grant())
    assert caught.value.maybe_applied
    assert number in await settle(client.leases())
    with pytest.raises(errors.LeaseExistsError):
        await settle(lease.grant())
    await settle(client.lease_of(number).revoke())


@pytest.mark.parametrize("make_one", [lambda c, i: c.lease(60, id=i), lambda c, i: c.lease_of(i)], ids=["new", "known"])
@pytest.mark.parametrize(
    ("given", "error"), [("7b", TypeError), (True, TypeError), (0, ValueError), (-1, ValueError), (1 << 63, ValueError)]
)
def test_what_can_not_be_an_id_is_an_error_at_once(client, make_one, given, error):
    with pytest.raises(error, match="a lease's id is"):
        make_one(client, given)


async def test_the_least_and_the_largest_id_are_taken(client):
    for number in (1, (1 << 63) - 1):
        lease = client.lease(60, id=number)
        assert await settle(lease.grant()) == number
        await settle(lease.revoke())


# --- a lease that exists


async def test_it_is_kept_alive_from_its_first_use(client, etcdctl, theirs, told):  # noqa: F811
    lease = client.lease_of(theirs).on("lost", told)
    assert (lease.id, lease.ttl, lease.alive) == (None, 0, False)
    assert f"{theirs:x}" in repr(lease)
    await settle(client.put("k").lease(lease).value("v"))
    assert (lease.id, lease.ttl, lease.alive) == (theirs, 3, True)
    await outlived(client, etcdctl)
    assert (await settle(client.get("k").kv())).lease == theirs
    assert (lease.alive, told.leases) == (True, [])
    await settle(lease.revoke())


async def test_a_grant_gives_its_id_and_one_that_is_gone_is_an_error(client, theirs, etcdctl):
    assert await settle(client.lease_of(theirs).grant()) == theirs
    etcdctl("lease", "revoke", f"{theirs:x}")
    lease = client.lease_of(theirs)
    for use in (lease.grant, lease.keepalive_once, lambda: lease.put("k").value("v")):
        with pytest.raises(errors.LeaseNotFoundError) as caught:
            await settle(use())
    assert caught.value.operation == f"keep lease {theirs:x} alive"
    assert not lease.alive


async def test_to_ask_about_it_does_not_keep_it_alive(client, theirs):
    lease = client.lease_of(theirs)
    info = await settle(lease.time_to_live())
    assert (info.id, info.granted) == (theirs, 3)
    assert not lease.alive
    await gone(client, theirs)
    assert await settle(lease.time_to_live(keys=True)) == LeaseInfo(theirs, -1, 0, ())


@pytest.mark.parametrize("used", [False, True])
async def test_it_is_revoked_whether_it_was_used_or_not(client, etcdctl, used):
    number = granted(etcdctl, 60)
    lease = client.lease_of(number)
    if used:
        await settle(lease.grant())
    await settle(lease.revoke())
    assert number not in await settle(client.leases())
    with pytest.raises(errors.LeaseNotFoundError, match="this lease is over"):
        await settle(lease.grant())
    await settle(lease.revoke())


async def test_released_before_its_first_use_it_is_renewed_once_and_not_kept_alive(client, theirs, told):  # noqa: F811
    lease = client.lease_of(theirs).on("lost", told)
    await settle(lease.release())
    assert await settle(lease.keepalive_once()) == 3
    assert not lease.alive
    await gone(client, theirs)
    await idle()
    assert told.leases == []


async def test_handles_on_one_lease_keep_it_alive_until_the_last_is_released(client, etcdctl, told):  # noqa: F811
    own = client.lease(3).on("lost", told)
    other = client.lease_of(await settle(own.grant()))
    assert await settle(other.grant()) == own.id
    await settle(other.release())
    assert (own.alive, other.alive) == (True, False)
    await outlived(client, etcdctl)
    assert own.alive
    assert own.id in await settle(client.leases())
    await settle(own.release())
    await gone(client, own.id)
    assert told.leases == []


async def test_all_handles_on_a_lease_that_is_lost_are_told(client, etcdctl, told):  # noqa: F811
    one, other = client.lease(600).on("lost", told), None
    other = client.lease_of(await settle(one.grant())).on("lost", told)
    await settle(other.grant())
    etcdctl("lease", "revoke", named(one))
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(other.keepalive_once())
    await told.wait()
    await idle()
    assert sorted(map(id, told.leases)) == sorted(map(id, (one, other)))
    assert (one.alive, other.alive) == (False, False)


async def test_a_block_revokes_it_at_its_end(face, client, etcdctl):
    number = granted(etcdctl, 60)

    async def body(entered):
        assert entered.id == number
        await settle(entered.put("k").value("v"))

    await enter(face, client.lease_of(number), body)
    assert number not in await settle(client.leases())


async def test_closing_the_client_leaves_it_to_those_who_were_granted_it(make, client, lease):
    other = make()
    kept, revoked = other.lease_of(lease), other.lease(60)
    await settle(revoked.grant())
    await settle(kept.put("k").value("v"))
    await closed(other)
    assert (kept.alive, revoked.alive) == (False, False)
    left = await settle(client.leases())
    assert (lease in left, revoked.id in left) == (True, False)
    assert await settle(client.get("k").exists())
