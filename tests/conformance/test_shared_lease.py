"""Locks and elections under one lease of the user's own: the lease stays when one of them is left."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService
from etcd_factory.errors import LeaseNotFoundError, LockFailedError, RequestTooLargeError
from tests.support.faces import closed, settle, until

from .test_lock import alone, entered, error_of, etcdctl, here, left, queued  # noqa: F401


@pytest.fixture
async def shared(client):
    """A lease of a minute, in use."""
    lease = client.lease(60)
    await settle(lease.grant())
    return lease


async def keys(client):
    return await settle(client.get_all().keys())


def idle(lease):
    """Whether nothing hangs on a lease any more."""
    life = lease._tenure.life
    return not life.listeners and not life.alarms


class Lost:
    """A function to be called for what is lost; remembers what it was called with."""

    def __init__(self):
        self.things, self._loop, self._told = [], asyncio.get_running_loop(), asyncio.Condition()

    def __call__(self, thing):
        asyncio.run_coroutine_threadsafe(self._add(thing), self._loop)

    async def _add(self, thing):
        async with self._told:
            self.things.append(thing)
            self._told.notify_all()

    async def wait(self, number):
        async with self._told:
            await asyncio.wait_for(self._told.wait_for(lambda: len(self.things) >= number), 10)


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
    await left(other)


async def test_it_is_held_inside_its_block_and_leaves_the_lease_alone(client, shared):
    lock = client.lock("name", lease=shared)
    for _ in range(2):
        await entered(lock)
        assert lock.held
        await left(lock)
        assert await keys(client) == []
    assert await settle(lock.do(lambda: 42)) == 42
    assert shared.alive
    assert idle(shared)


async def test_a_lease_that_is_lost_loses_all_that_is_held_under_it(client, shared, etcd_server):
    lost = Lost()
    one, other = (client.lock(name, lease=shared).on("lost", lost) for name in ("one", "other"))
    gone = client.lock("gone", lease=shared).on("lost", lost)
    for lock in (one, other, gone):
        await settle(lock.acquire())
    leadership = (await settle(client.election("name", lease=shared).campaign("me"))).on("lost", lost)
    await settle(gone.release())
    etcd_server.etcdctl("lease", "revoke", f"{shared.id:x}")
    assert isinstance(await error_of(shared.keepalive_once), LeaseNotFoundError)
    await lost.wait(3)
    assert set(map(id, lost.things)) == {id(one), id(other), id(leadership)}
    assert (one.held, other.held, leadership.alive) == (False, False, False)
    await left(one)
    await settle(leadership.resign())
    assert isinstance(await error_of(lambda: client.lock("name", lease=shared).acquire()), LeaseNotFoundError)


async def test_a_wait_that_is_too_long_leaves_nothing_but_the_lease(make, client, shared):
    held = await settle(make().lock("name").acquire())
    for timeout in (0, 0.1):
        error = await error_of(lambda timeout=timeout: client.lock("name", lease=shared).acquire(timeout))
        assert "held by another" in str(error)
        error = await error_of(lambda timeout=timeout: client.election("name", lease=shared).campaign("", timeout))
        assert "another leads" in str(error)
        assert await keys(client) == [held.key.decode()]
    assert shared.alive
    assert idle(shared)


async def test_one_whose_lock_is_released_while_he_waits_leaves_nothing_but_the_lease(make, client, shared, here):  # noqa: F811
    held = await settle(make().lock("name").acquire())
    lock = client.lock("name", lease=shared)
    waiting = here(lock.acquire)
    await queued(client, 2)
    await until(lambda: lock._place.revision)
    await settle(lock.release())
    with pytest.raises(LockFailedError, match="was left while waiting"):
        await asyncio.wait_for(waiting, 10)
    assert await keys(client) == [held.key.decode()]
    assert shared.alive


async def test_a_task_that_is_cancelled_while_it_waits_leaves_nothing_but_the_lease(options):
    async with AsyncETCDService(options) as client, AsyncETCDService(options) as other, other.lease(60) as lease:
        held = await client.lock("name").acquire()
        waiting = asyncio.ensure_future(settle(other.lock("name", lease=lease).acquire()))
        await queued(client, 2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await keys(client) == [held.key.decode()]
        assert lease.alive
        assert idle(lease)


@pytest.mark.parametrize("end", ["revoke", "release"])
async def test_one_who_waits_is_woken_when_the_lease_is_ended(make, client, shared, here, end):  # noqa: F811
    await settle(make().lock("name").acquire())
    lock = client.lock("name", lease=shared)
    waiting = here(lock.acquire)
    await queued(client, 2)
    await until(lambda: shared._tenure.life.alarms)
    await settle(getattr(shared, end)())
    with pytest.raises(LockFailedError, match="lost while waiting"):
        await asyncio.wait_for(waiting, 10)
    await until(lambda: settle_count(client, 1))


async def settle_count(client, number):
    return await settle(client.get_all().count()) == number


async def test_a_lease_has_one_place_in_a_queue(client, shared):
    first, second = client.lock("name", lease=shared), client.lock("name", lease=shared)
    await settle(first.acquire())
    for another in (second.acquire, lambda: client.lock("name", lease=client.lease_of(shared.id)).acquire()):
        assert "this lease has its place for b'name' already" in str(await error_of(another))
    assert (first.held, second.held) == (True, False)
    assert await settle(client.get_all().count()) == 1
    outside = await settle(client.namespace("in/").lock("name", lease=shared).acquire())
    assert outside.held
    await settle(first.release())
    await settle(second.acquire())
    assert second.fencing_token > outside.fencing_token
    assert second.held


async def test_a_key_that_is_not_the_own_one_any_more_stays(client, shared):
    lock = await settle(client.lock("name", lease=shared).acquire())
    key = lock.key
    await settle(client.delete().key(key))
    await settle(client.put(key).lease(shared).value("of another"))
    await settle(lock.release())
    assert await settle(client.get(key).string()) == "of another"


async def test_a_key_that_could_not_be_deleted_goes_once_etcd_answers(make, client, relay):
    distant = make(hosts=[relay.endpoint], timeout=0.3, retry={"attempts": 1})
    lease = distant.lease(600)
    lock = await settle(distant.lock("name", lease=lease).acquire())
    relay.mute()
    assert await error_of(lock.release) is not None
    assert not lock.held
    assert "has not quite left it" in str(await error_of(lambda: distant.lock("name", lease=lease).acquire()))
    relay.speak()
    await until(lambda: settle_count(client, 0))
    again = distant.with_options(timeout=30).lock("name", lease=lease)
    await until(lambda: got(again))
    assert again.held


async def got(lock):
    """Whether a lock could be had; its key may be on its way out still."""
    return await error_of(lock.acquire) is None


async def test_an_entry_whose_answer_was_lost_is_gone_on_with(make, client, relay):
    distant = make(hosts=[relay.endpoint])
    lease = distant.lease(60)
    await settle(lease.grant())
    relay.cut(after=b"etcdserverpb.KV/Txn")
    lock = await settle(distant.lock("name", lease=lease).acquire())
    await relay.asked()
    assert await keys(client) == [lock.key.decode()]
    assert (await settle(client.get(lock.key).kv())).create_revision == lock.fencing_token


async def test_an_entry_that_was_refused_leaves_the_place_to_the_next(client, shared):
    lock = client.lock("x" * 2_000_000, lease=shared)
    for _ in range(2):
        assert isinstance(await error_of(lock.acquire), RequestTooLargeError)
    assert await keys(client) == []


@pytest.mark.parametrize("make_one", ["lock", "election"])
def test_a_ttl_beside_a_lease_and_what_is_no_lease_are_errors_at_once(client, make_one):
    lease, new = client.lease(60), getattr(client, make_one)
    with pytest.raises(ValueError, match="the lease that is given has its own: give one"):
        new("name", ttl=30, lease=lease)
    for given in (7, "name"):
        with pytest.raises(TypeError, match="a lease is made by lease"):
            new("name", lease=given)
    assert lease.id is None


async def test_a_lease_that_is_kept_alive_no_longer_holds_nothing(client):
    for end in ("release", "revoke"):
        lease = client.lease(60)
        await settle(lease.grant())
        await settle(getattr(lease, end)())
        error = await error_of(lambda lease=lease: client.lock("name", lease=lease).acquire())
        assert isinstance(error, LeaseNotFoundError)
    assert await keys(client) == []


async def test_one_leads_under_it_again_and_again(client, shared):
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
    assert idle(shared)


async def test_a_lease_that_leads_leads_on_in_another_client(make, client, shared):
    first = await settle(client.election("name", lease=shared).campaign("before"))
    other = make()
    second = await settle(other.election("name", lease=other.lease_of(shared.id)).campaign("after"))
    assert (second.key, second.fencing_token) == (first.key, first.fencing_token)
    assert await settle(client.election("name").leader()) == "after"
    await settle(second.resign())
    assert await settle(client.election("name").leader()) is None


async def test_closing_the_client_leaves_all_places(make, client, lease):
    other = make()
    theirs, own = other.lease_of(lease), other.lease(60)
    locks = [await settle(other.lock(name, lease=one).acquire()) for name, one in (("a", theirs), ("b", own))]
    await settle(other.put("k").lease(theirs).value("v"))
    await closed(other)
    assert await keys(client) == ["k"]
    assert [lock.held for lock in locks] == [False, False]
    assert lease in await settle(client.leases())


async def test_it_keeps_etcdctl_out_until_it_is_released(make, alone):  # noqa: F811
    client = make(hosts=alone.endpoint, namespace="")
    lease = client.lease(60)
    lock = await settle(client.lock("shared", lease=lease).acquire())
    leadership = await settle(client.election("led", lease=lease).campaign("ours"))
    assert alone.etcdctl("lease", "timetolive", "--keys", f"{lease.id:x}").count("/") == 2
    with etcdctl(alone, "lock", "shared") as other, etcdctl(alone, "elect", "led", "theirs") as candidate:
        await queued(client, 2, "shared/")
        await queued(client, 2, "led/")
        await settle(lock.release())
        assert other.stdout.readline().startswith("shared/")
        await settle(leadership.resign())
        assert candidate.stdout.readline().startswith("led/")
        assert lease.alive
        other.terminate()
        candidate.terminate()
    await settle(lease.revoke())


async def test_one_waits_under_it_behind_another(make, client, shared, here):  # noqa: F811
    held = await settle(make().lock("name").acquire())
    lock = client.lock("name", lease=shared)
    waiting = here(lock.acquire)
    await queued(client, 2)
    await settle(held.release())
    await asyncio.wait_for(waiting, 10)
    assert lock.held
    await left(lock)
    assert idle(shared)
