"""Locks: first come, first served, and nothing left behind."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import ops
from etcd_factory.errors import LockFailedError
from tests.support.faces import enter, error_of, in_time, leave, settle
from tests.support.locking import begins_to_wait, etcdctl_can_put, queued, start_etcdctl


@pytest.fixture
def client(make, recorded):
    return make(transport=recorded)


async def test_a_lock_is_held_inside_its_block_and_leaves_nothing(client):
    lock = client.lock("name")
    assert not lock.held
    await enter(lock)
    assert lock.held
    assert await settle(client.get_all().prefix("name/").count()) == 1
    await leave(lock)
    assert not lock.held
    assert await settle(client.get_all().keys()) == []


async def test_its_key_is_that_of_gos_mutex(client):
    lock = client.lock("name")
    await settle(lock.acquire())
    (kv,) = await settle(client.get_all().kvs())
    assert (kv.key_text, kv.create_revision) == (f"name/{kv.lease:x}", lock.fencing_token)
    await settle(lock.release())


async def test_timeout_0_tries_a_held_lock_once(make):
    one, other = make(), make()
    held = await settle(one.lock("name").acquire())
    error = await error_of(lambda: other.lock("name").acquire(timeout=0))
    assert isinstance(error, LockFailedError)
    assert f"the lock 'name' was not acquired within 0 s: it waits for the key {held.key!r}" in str(error)
    assert await settle(one.get_all().count()) == 1


async def test_a_wait_that_times_out_leaves_no_lease(make):
    one, other = make(), make()
    await settle(one.lock("name").acquire())
    before = await settle(one.leases())
    assert isinstance(await error_of(lambda: other.lock("name").acquire(timeout=0.1)), LockFailedError)
    assert {*await settle(one.leases())} <= {*before}  # those of other tests may expire meanwhile


async def test_waiters_acquire_the_lock_in_their_order(make, face):
    first = make()
    held = await settle(first.lock("name").acquire())
    served, waiting = [], []

    for number in range(5):
        other = make()
        waiting.append(face.begin(lambda n=number, c=other: c.lock("name").do(lambda: served.append(n))))
        await queued(first, number + 2)
    await settle(held.release())
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3, 4]
    assert await settle(first.get_all().count()) == 0


async def test_fencing_tokens_grow_from_holder_to_holder(client):
    tokens = []
    for _ in range(3):
        lock = await settle(client.lock("name").acquire())
        tokens.append(lock.fencing_token)
        await settle(lock.release())
    assert tokens == sorted(set(tokens))


async def test_its_key_guards_a_write_while_it_is_held(client, etcdctl):
    lock = await settle(client.lock("name").acquire())
    assert [lock.key] == await settle(client.get_all().prefix("name/").key_bytes())
    guarded = client.if_(lock.key, "create", "==", lock.fencing_token).then(ops.put("guarded").value("v"))
    assert (await settle(guarded.commit())).succeeded
    await settle(lock.release())
    other = await settle(client.lock("name").acquire())
    assert not (await settle(guarded.commit())).succeeded
    assert (await settle(client.get("guarded").kv())).version == 1
    await settle(other.release())


async def test_a_waiting_lock_is_not_held(make, face, client, recorded):
    held = await settle(make().lock("name").acquire())
    lock = client.lock("name")
    waiting = face.begin(lock.acquire)
    await begins_to_wait(recorded)
    assert not lock.held
    for facts in ("fencing_token", "key"):
        with pytest.raises(LockFailedError, match="not held"):
            getattr(lock, facts)
    assert isinstance(await error_of(lambda: enter(lock)), LockFailedError)
    await settle(held.release())
    await in_time(waiting)
    assert lock.held
    await settle(lock.release())


async def test_releasing_a_waiting_lock_wakes_its_waiter(make, face, client, recorded):
    held = await settle(make().lock("name").acquire())
    lock = client.lock("name")
    waiting = face.begin(lock.acquire)
    await begins_to_wait(recorded)
    await settle(lock.release())
    with pytest.raises(LockFailedError, match="was left while waiting"):
        await in_time(waiting)
    assert held.held
    assert await settle(client.get_all().count()) == 1


async def test_do_returns_the_result_and_releases_when_the_function_fails(client):
    lock = client.lock("name")
    assert await settle(lock.do(lambda: 42)) == 42
    error = await error_of(lambda: lock.do(lambda: 1 // 0))
    assert isinstance(error, ZeroDivisionError)
    assert await settle(client.get_all().count()) == 0


async def test_a_lock_that_is_not_held_has_no_token_and_cannot_be_released(client):
    lock = client.lock("name")
    for facts in ("fencing_token", "key"):
        with pytest.raises(LockFailedError, match="not held"):
            getattr(lock, facts)
    assert isinstance(await error_of(lock.release), LockFailedError)


async def test_an_object_can_be_acquired_once(client):
    lock = await settle(client.lock("name").acquire())
    error = await error_of(lambda: lock.acquire(timeout=0))
    assert "create another one" in str(error)
    assert lock.held
    await settle(lock.release())


@pytest.mark.parametrize(("ttl", "error"), [(0, ValueError), ("3", TypeError)])
async def test_an_invalid_ttl_is_an_error_at_once(client, ttl, error):
    with pytest.raises(error):
        client.lock("name", ttl=ttl)


async def test_a_lock_whose_lease_is_revoked_by_another_is_lost(client, etcdctl, recorder):
    lock = recorder.on(client.lock("name", ttl=2), "lost")
    await settle(lock.acquire())
    (kv,) = await settle(client.get_all().kvs())
    etcdctl("lease", "revoke", f"{kv.lease:x}")
    await recorder.until("lost")
    assert recorder.calls == [("lost", lock)]
    assert not lock.held
    await leave(lock)


async def test_a_waiting_lock_whose_lease_is_lost_raises_at_once(make, face, etcdctl):
    one, other = make(), make()
    await settle(one.lock("name").acquire())
    waiting = face.begin(lambda: other.lock("name", ttl=2).acquire())
    await queued(one, 2)
    kvs = await settle(one.get_all().sort("create").kvs())
    etcdctl("lease", "revoke", f"{kvs[1].lease:x}")
    with pytest.raises(LockFailedError, match="lost while waiting"):
        await in_time(waiting)


async def test_a_waiting_lock_whose_key_was_deleted_is_not_acquired(make, face):
    one, other = make(), make()
    held = await settle(one.lock("name").acquire())
    waiting = face.begin(lambda: other.lock("name").acquire())
    await queued(one, 2)
    keys = await settle(one.get_all().sort("create").keys())
    await settle(one.delete().key(keys[1]))
    await settle(held.release())
    with pytest.raises(LockFailedError, match="lost while waiting"):
        await in_time(waiting)


async def test_a_lock_held_by_etcdctl_is_acquired_after_its_release(make, fragile, queue_name):
    client = make(hosts=fragile.endpoint, namespace="")
    with start_etcdctl(fragile, "lock", queue_name) as other:
        assert other.stdout.readline().startswith(f"{queue_name}/")
        assert isinstance(await error_of(lambda: client.lock(queue_name).acquire(timeout=0)), LockFailedError)
        other.terminate()
        lock = await settle(client.lock(queue_name).acquire(timeout=10))
    assert lock.held
    await settle(lock.release())


async def test_a_key_of_either_side_guards_writes_of_the_other(make, fragile, queue_name):
    client = make(hosts=fragile.endpoint, namespace="")
    lock = await settle(client.lock(queue_name).acquire())
    assert etcdctl_can_put(fragile, lock.key, lock.fencing_token)
    assert not etcdctl_can_put(fragile, lock.key, lock.fencing_token - 1)
    with start_etcdctl(fragile, "lock", queue_name) as other:
        await queued(client, 2, f"{queue_name}/")
        await settle(lock.release())
        key = other.stdout.readline().strip()
        theirs = await settle(client.get(key).kv())
        assert key == f"{queue_name}/{theirs.lease:x}"
        own = client.if_(key, "create", "==", theirs.create_revision)
        assert (await settle(own.commit())).succeeded
        other.terminate()


async def test_etcdctl_acquires_a_lock_after_our_release(make, fragile, queue_name):
    client = make(hosts=fragile.endpoint, namespace="")
    lock = await settle(client.lock(queue_name).acquire())
    with start_etcdctl(fragile, "lock", queue_name) as other:
        await queued(client, 2, f"{queue_name}/")
        await settle(lock.release())
        assert other.stdout.readline().startswith(f"{queue_name}/")
        other.terminate()
