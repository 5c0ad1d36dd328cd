"""Locks and elections under a lease of the user's: the lease stays when one of them is released."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService
from etcd_factory.errors import LeaseNotFoundError, LockFailedError, RequestTooLargeError
from tests.support.faces import closed, enter, error_of, in_time, leave, settle, until
from tests.support.locking import begins_to_wait, queued, start_etcdctl


@pytest.fixture
def client(make, recorded):
    return make(transport=recorded)


@pytest.fixture
async def shared(client):
    """A lease of a minute, granted."""
    lease = client.lease(60)
    await settle(lease.grant())
    return lease


async def keys(client):
    return await settle(client.get_all().keys())


async def test_several_locks_are_held_under_one_lease_and_each_is_released_alone(client):
    lease = client.lease(60)
    one, other = client.lock("one", lease=lease), client.lock("other", lease=lease)
    await settle(one.acquire())
    await settle(other.acquire())
    assert await keys(client) == [f"one/{lease.id:x}", f"other/{lease.id:x}"]
    assert (one.key.decode(), other.key.decode()) == tuple(await keys(client))
    await settle(one.release())
    assert (one.held, other.held, lease.alive) == (False, True, True)
    assert await keys(client) == [f"other/{lease.id:x}"]
    await settle(lease.revoke())
    assert not other.held
    await leave(other)


async def test_a_lock_is_held_inside_its_block_and_keeps_the_lease(client, shared):
    lock = client.lock("name", lease=shared)
    for _ in range(2):
        await enter(lock)
        assert lock.held
        await leave(lock)
        assert await keys(client) == []
    assert await settle(lock.do(lambda: 42)) == 42
    assert shared.alive


async def test_a_free_lock_and_its_release_are_one_call_each(client, shared, recorded):
    lock, before = client.lock("name", lease=shared), len(recorded.calls)
    await settle(lock.acquire())
    assert recorded.names()[before:] == ["Txn"]
    await settle(lock.release())
    assert recorded.names()[before:] == ["Txn", "Txn"]


async def test_a_won_election_and_its_resignation_are_one_call_each(client, shared, recorded):
    before = len(recorded.calls)
    leadership = await settle(client.election("name", lease=shared).campaign("me"))
    again = await settle(client.election("other", lease=shared).campaign("me"))
    assert (leadership.alive, again.alive, recorded.names()[before:]) == (True, True, ["Txn", "Txn"])
    await settle(leadership.resign())
    assert recorded.names()[before:] == ["Txn", "Txn", "Txn"]


async def test_losing_the_lease_loses_everything_held_under_it(client, shared, etcdctl, recorder):
    one, other, gone = (recorder.on(client.lock(name, lease=shared), "lost") for name in ("one", "other", "gone"))
    for lock in (one, other, gone):
        await settle(lock.acquire())
    leadership = recorder.on(await settle(client.election("name", lease=shared).campaign("me")), "lost")
    await settle(gone.release())
    etcdctl("lease", "revoke", f"{shared.id:x}")
    assert isinstance(await error_of(shared.keepalive_once), LeaseNotFoundError)
    await recorder.until("lost", 3)
    assert {id(lost) for _, lost in recorder.calls} == {id(one), id(other), id(leadership)}
    assert (one.held, other.held, leadership.alive) == (False, False, False)
    await leave(one)
    await settle(leadership.resign())
    assert isinstance(await error_of(lambda: client.lock("name", lease=shared).acquire()), LeaseNotFoundError)


async def test_a_wait_that_times_out_leaves_only_the_lease(make, client, shared):
    held = await settle(make().lock("name").acquire())
    for timeout in (0, 0.1):
        error = await error_of(lambda timeout=timeout: client.lock("name", lease=shared).acquire(timeout))
        assert f"was not acquired within {timeout:g} s: it waits for the key {held.key!r}" in str(error)
        error = await error_of(lambda timeout=timeout: client.election("name", lease=shared).campaign("", timeout))
        assert f"was not won within {timeout:g} s: it waits for the key {held.key!r}" in str(error)
        assert await keys(client) == [held.key.decode()]
    assert shared.alive


async def test_a_lock_released_while_it_waits_leaves_only_the_lease(make, client, shared, face, recorded):
    held = await settle(make().lock("name").acquire())
    lock = client.lock("name", lease=shared)
    waiting = face.begin(lock.acquire)
    await begins_to_wait(recorded)
    await settle(lock.release())
    with pytest.raises(LockFailedError, match="was left while waiting"):
        await in_time(waiting)
    assert await keys(client) == [held.key.decode()]
    assert shared.alive


async def test_a_task_cancelled_while_it_waits_leaves_only_the_lease(options):
    async with AsyncETCDService(options) as client, AsyncETCDService(options) as other, other.lease(60) as lease:
        held = await client.lock("name").acquire()
        waiting = asyncio.ensure_future(settle(other.lock("name", lease=lease).acquire()))
        await queued(client, 2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await keys(client) == [held.key.decode()]
        assert lease.alive


@pytest.mark.parametrize("end", ["revoke", "release"])
async def test_a_waiting_lock_is_woken_when_the_lease_ends(make, client, shared, face, end, recorded):
    await settle(make().lock("name").acquire())
    lock = client.lock("name", lease=shared)
    waiting = face.begin(lock.acquire)
    await begins_to_wait(recorded)
    await settle(getattr(shared, end)())
    with pytest.raises(LockFailedError, match="lost while waiting"):
        await in_time(waiting)
    await until(lambda: has_keys(client, 1))


async def has_keys(client, number):
    return await settle(client.get_all().count()) == number


async def test_a_lease_has_one_entry_in_a_queue(client, shared):
    first, second = client.lock("name", lease=shared), client.lock("name", lease=shared)
    await settle(first.acquire())
    for another in (second.acquire, lambda: client.lock("name", lease=client.lease_of(shared.id)).acquire()):
        assert "this lease already waits for or holds b'name'" in str(await error_of(another))
    assert (first.held, second.held) == (True, False)
    assert await settle(client.get_all().count()) == 1
    outside = await settle(client.namespace("in/").lock("name", lease=shared).acquire())
    assert outside.held
    await settle(first.release())
    await settle(second.acquire())
    assert second.fencing_token > outside.fencing_token
    assert second.held


async def test_a_key_that_another_wrote_again_is_not_deleted(client, shared):
    lock = await settle(client.lock("name", lease=shared).acquire())
    key = lock.key
    await settle(client.delete().key(key))
    await settle(client.put(key).lease(shared).value("of another"))
    await settle(lock.release())
    assert await settle(client.get(key).string()) == "of another"


async def test_a_key_that_could_not_be_deleted_is_deleted_once_etcd_replies(make, client, relay):
    distant = make(hosts=[relay.endpoint], timeout=0.3, retry={"attempts": 1})
    lease = distant.lease(600)
    lock = await settle(distant.lock("name", lease=lease).acquire())
    relay.mute()
    assert await error_of(lock.release) is not None
    assert not lock.held
    assert "has not finished leaving it" in str(await error_of(lambda: distant.lock("name", lease=lease).acquire()))
    relay.unmute()
    await until(lambda: has_keys(client, 0))
    again = distant.with_options(timeout=30).lock("name", lease=lease)
    await until(lambda: is_acquired(again))
    assert again.held


async def is_acquired(lock):
    """Whether a lock could be acquired; its key may still be about to be deleted."""
    return await error_of(lock.acquire) is None


async def test_an_entry_whose_response_was_lost_is_used(make, client, relay):
    distant = make(hosts=[relay.endpoint])
    lease = distant.lease(60)
    await settle(lease.grant())
    relay.cut(after=b"etcdserverpb.KV/Txn")
    lock = await settle(distant.lock("name", lease=lease).acquire())
    await relay.requested()
    assert await keys(client) == [lock.key.decode()]
    assert (await settle(client.get(lock.key).kv())).create_revision == lock.fencing_token


async def test_a_refused_entry_can_be_entered_again(client, shared):
    lock = client.lock("x" * 2_000_000, lease=shared)
    for _ in range(2):
        assert isinstance(await error_of(lock.acquire), RequestTooLargeError)
    assert await keys(client) == []


@pytest.mark.parametrize("make_one", ["lock", "election"])
def test_a_ttl_beside_a_lease_and_an_invalid_lease_are_errors_at_once(client, make_one):
    lease, new = client.lease(60), getattr(client, make_one)
    with pytest.raises(ValueError, match="pass ttl or lease, not both"):
        new("name", ttl=30, lease=lease)
    for given in (7, "name"):
        with pytest.raises(TypeError, match="a lease must be made by lease"):
            new("name", lease=given)
    assert lease.id is None


async def test_an_ended_lease_holds_nothing(client):
    for end in ("release", "revoke"):
        lease = client.lease(60)
        await settle(lease.grant())
        await settle(getattr(lease, end)())
        error = await error_of(lambda lease=lease: client.lock("name", lease=lease).acquire())
        assert isinstance(error, LeaseNotFoundError)
    assert await keys(client) == []


async def test_a_shared_lease_can_lead_repeatedly(client, shared):
    election = client.election("name", lease=shared)
    tokens = []
    for value in ("a", "b"):
        leadership = await settle(election.campaign(value))
        assert leadership.key.decode() == f"name/{shared.id:x}"
        assert isinstance(await error_of(lambda: election.campaign("beside")), LockFailedError)
        await settle(leadership.proclaim(value * 2))
        assert await settle(election.leader()) == value * 2
        await settle(leadership.resign())
        await settle(leadership.resign())
        tokens.append(leadership.fencing_token)
        assert await settle(election.leader()) is None
    assert tokens == sorted(set(tokens))
    assert shared.alive


async def test_another_client_continues_the_leadership_of_a_lease(make, client, shared):
    first = await settle(client.election("name", lease=shared).campaign("before"))
    other = make()
    second = await settle(other.election("name", lease=other.lease_of(shared.id)).campaign("after"))
    assert (second.key, second.fencing_token) == (first.key, first.fencing_token)
    assert await settle(client.election("name").leader()) == "after"
    await settle(second.resign())
    assert await settle(client.election("name").leader()) is None


async def test_closing_the_client_leaves_all_queues(make, client, lease):
    other = make()
    theirs, own = other.lease_of(lease), other.lease(60)
    locks = [await settle(other.lock(name, lease=one).acquire()) for name, one in (("a", theirs), ("b", own))]
    await settle(other.put("k").lease(theirs).value("v"))
    await closed(other)
    assert await keys(client) == ["k"]
    assert [lock.held for lock in locks] == [False, False]
    assert lease in await settle(client.leases())


async def test_etcdctl_acquires_what_a_shared_lease_releases(make, fragile, queue_name):
    client = make(hosts=fragile.endpoint, namespace="")
    lease = client.lease(60)
    lock = await settle(client.lock(queue_name, lease=lease).acquire())
    leadership = await settle(client.election(f"{queue_name}-led", lease=lease).campaign("ours"))
    keys = fragile.etcdctl("lease", "timetolive", "--keys", f"{lease.id:x}")
    assert (lock.key.decode() in keys, leadership.key.decode() in keys) == (True, True)
    with (
        start_etcdctl(fragile, "lock", queue_name) as other,
        start_etcdctl(fragile, "elect", f"{queue_name}-led", "theirs") as candidate,
    ):
        await queued(client, 2, f"{queue_name}/")
        await queued(client, 2, f"{queue_name}-led/")
        await settle(lock.release())
        assert other.stdout.readline().startswith(f"{queue_name}/")
        await settle(leadership.resign())
        assert candidate.stdout.readline().startswith(f"{queue_name}-led/")
        assert lease.alive
        other.terminate()
        candidate.terminate()
    await settle(lease.revoke())


async def test_a_lock_under_a_shared_lease_waits_its_turn(make, client, shared, face):
    held = await settle(make().lock("name").acquire())
    lock = client.lock("name", lease=shared)
    waiting = face.begin(lock.acquire)
    await queued(client, 2)
    await settle(held.release())
    await in_time(waiting)
    assert lock.held
    await leave(lock)
