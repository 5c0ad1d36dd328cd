"""Locks: first come, first served, and nothing left behind."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from etcd_factory import ops
from etcd_factory.errors import LockFailedError
from etcd_factory.testing import EtcdServer
from tests.support.faces import is_async, settle, until


async def queued(client, number, prefix="name/"):
    """Wait until so many stand in a queue."""

    async def looked():
        return await settle(client.get_all().prefix(prefix).count()) >= number

    await until(looked)


async def entered(lock):
    return await lock.__aenter__() if is_async(lock) else lock.__enter__()


async def left(lock):
    return await lock.__aexit__(None, None, None) if is_async(lock) else lock.__exit__(None, None, None)


async def error_of(call):
    try:
        await settle(call())
    except Exception as error:
        return error
    return None


@pytest.fixture
def here(client):
    """Runs a call beside the test: in asyncio as a task, else in a thread."""

    def start(call):
        if is_async(client):
            return asyncio.ensure_future(settle(call()))
        return asyncio.ensure_future(asyncio.to_thread(call))

    return start


async def test_a_lock_is_held_inside_its_block_and_leaves_nothing(client):
    lock = client.lock("name")
    assert not lock.held
    await entered(lock)
    assert lock.held
    assert await settle(client.get_all().prefix("name/").count()) == 1
    await left(lock)
    assert not lock.held
    assert await settle(client.get_all().keys()) == []


async def test_its_key_is_that_of_gos_mutex(client):
    lock = client.lock("name")
    await settle(lock.acquire())
    (kv,) = await settle(client.get_all().kvs())
    assert (kv.key_text, kv.create_revision) == (f"name/{kv.lease:x}", lock.fencing_token)
    await settle(lock.release())


async def test_a_lock_that_another_holds_is_tried_once_with_timeout_0(make):
    one, other = make(), make()
    await settle(one.lock("name").acquire())
    error = await error_of(lambda: other.lock("name").acquire(timeout=0))
    assert isinstance(error, LockFailedError)
    assert "'name' is held by another" in str(error)
    assert await settle(one.get_all().count()) == 1


async def test_a_wait_that_is_too_long_leaves_no_lease(make):
    one, other = make(), make()
    await settle(one.lock("name").acquire())
    before = await settle(one.leases())
    assert isinstance(await error_of(lambda: other.lock("name").acquire(timeout=0.1)), LockFailedError)
    assert await settle(one.leases()) == before


async def test_waiters_are_served_in_the_order_in_which_they_came(make, here):
    first = make()
    held = await settle(first.lock("name").acquire())
    served, waiting = [], []

    for number in range(5):
        other = make()
        waiting.append(here(lambda n=number, c=other: c.lock("name").do(lambda: served.append(n))))
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


async def test_its_key_guards_a_write_for_as_long_as_it_is_held(client, etcdctl):
    lock = await settle(client.lock("name").acquire())
    assert [lock.key] == await settle(client.get_all().prefix("name/").key_bytes())
    guarded = client.if_(lock.key, "create", "==", lock.fencing_token).then(ops.put("guarded").value("v"))
    assert (await settle(guarded.commit())).succeeded
    await settle(lock.release())
    other = await settle(client.lock("name").acquire())
    assert not (await settle(guarded.commit())).succeeded
    assert (await settle(client.get("guarded").kv())).version == 1
    await settle(other.release())


async def test_one_who_waits_does_not_hold_it(make, here):
    one, other = make(), make()
    held = await settle(one.lock("name").acquire())
    lock = other.lock("name")
    waiting = here(lambda: lock.acquire())
    await queued(one, 2)
    await until(lambda: lock._place.revision)
    assert not lock.held
    for facts in ("fencing_token", "key"):
        with pytest.raises(LockFailedError, match="not held"):
            getattr(lock, facts)
    assert isinstance(await error_of(lambda: entered(lock)), LockFailedError)
    await settle(held.release())
    await asyncio.wait_for(waiting, 10)
    assert lock.held
    await settle(lock.release())


async def test_one_who_waits_is_woken_where_another_releases_his_lock(make, here):
    one, other = make(), make()
    held = await settle(one.lock("name").acquire())
    lock = other.lock("name")
    waiting = here(lambda: lock.acquire())
    await queued(one, 2)
    await until(lambda: lock._place.revision)
    await settle(lock.release())
    with pytest.raises(LockFailedError, match="was left while waiting"):
        await asyncio.wait_for(waiting, 10)
    assert held.held
    assert await settle(one.get_all().count()) == 1


async def test_do_gives_what_the_function_gives_and_releases_when_it_fails(client):
    lock = client.lock("name")
    assert await settle(lock.do(lambda: 42)) == 42
    error = await error_of(lambda: lock.do(lambda: 1 // 0))
    assert isinstance(error, ZeroDivisionError)
    assert await settle(client.get_all().count()) == 0


async def test_what_is_not_held_has_no_token_and_cant_be_released(client):
    lock = client.lock("name")
    for facts in ("fencing_token", "key"):
        with pytest.raises(LockFailedError, match="not held"):
            getattr(lock, facts)
    assert isinstance(await error_of(lock.release), LockFailedError)


async def test_one_object_is_held_once(client):
    lock = await settle(client.lock("name").acquire())
    error = await error_of(lambda: lock.acquire(timeout=0))
    assert "make another one" in str(error)
    assert lock.held
    await settle(lock.release())


@pytest.mark.parametrize(("ttl", "error"), [(0, ValueError), ("3", TypeError)])
async def test_a_wrong_ttl_is_an_error_at_once(client, ttl, error):
    with pytest.raises(error):
        client.lock("name", ttl=ttl)


async def test_a_lock_whose_lease_is_revoked_by_another_is_lost_and_told(client, etcd_server, here):
    lost = asyncio.Event()
    loop = asyncio.get_running_loop()
    lock = client.lock("name", ttl=2).on("lost", lambda lock: loop.call_soon_threadsafe(lost.set))
    await settle(lock.acquire())
    (kv,) = await settle(client.get_all().kvs())
    etcd_server.etcdctl("lease", "revoke", f"{kv.lease:x}")
    await asyncio.wait_for(lost.wait(), 10)
    assert not lock.held
    await left(lock)


async def test_one_who_waits_and_loses_his_lease_is_told_at_once(make, here, etcd_server):
    one, other = make(), make()
    await settle(one.lock("name").acquire())
    waiting = here(lambda: other.lock("name", ttl=2).acquire())
    await queued(one, 2)
    kvs = await settle(one.get_all().sort("create").kvs())
    etcd_server.etcdctl("lease", "revoke", f"{kvs[1].lease:x}")
    with pytest.raises(LockFailedError, match="lost while waiting"):
        await asyncio.wait_for(waiting, 10)


async def test_a_deleted_key_of_one_who_waits_does_not_give_him_the_lock(make, here):
    one, other = make(), make()
    held = await settle(one.lock("name").acquire())
    waiting = here(lambda: other.lock("name").acquire())
    await queued(one, 2)
    keys = await settle(one.get_all().sort("create").keys())
    await settle(one.delete().key(keys[1]))
    await settle(held.release())
    with pytest.raises(LockFailedError, match="lost while waiting"):
        await asyncio.wait_for(waiting, 10)


@pytest.fixture(scope="module")
def alone():
    """A server of this file's own, without a namespace, as etcdctl sees it."""
    with EtcdServer() as server:
        yield server


def etcdctl(server, *command):
    """etcdctl running beside the test."""
    binary = server.binary.with_name("etcdctl")
    command = [str(binary), f"--endpoints={server.endpoint}", *command]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_a_lock_held_by_etcdctl_keeps_us_out_until_it_is_given_back(make, alone):
    client = make(hosts=alone.endpoint, namespace="")
    with etcdctl(alone, "lock", "shared") as other:
        assert other.stdout.readline().startswith("shared/")
        assert isinstance(await error_of(lambda: client.lock("shared").acquire(timeout=0)), LockFailedError)
        other.terminate()
        lock = await settle(client.lock("shared").acquire(timeout=10))
    assert lock.held
    await settle(lock.release())


def guarded(server, key, token):
    """Whether etcdctl writes if the key was created at that revision."""
    binary = server.binary.with_name("etcdctl")
    text = f'create("{key.decode()}") = "{token}"\n\nput guarded v\n\n\n'
    command = [str(binary), f"--endpoints={server.endpoint}", "txn"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.startswith("SUCCESS")


async def test_its_key_guards_a_write_of_etcdctl_and_the_key_of_etcdctl_one_of_ours(make, alone):
    client = make(hosts=alone.endpoint, namespace="")
    lock = await settle(client.lock("shared").acquire())
    assert guarded(alone, lock.key, lock.fencing_token)
    assert not guarded(alone, lock.key, lock.fencing_token - 1)
    with etcdctl(alone, "lock", "shared") as other:
        await queued(client, 2, "shared/")
        await settle(lock.release())
        key = other.stdout.readline().strip()
        theirs = await settle(client.get(key).kv())
        assert key == f"shared/{theirs.lease:x}"
        own = client.if_(key, "create", "==", theirs.create_revision)
        assert (await settle(own.commit())).succeeded
        other.terminate()


async def test_a_lock_held_by_us_keeps_etcdctl_out_until_it_is_given_back(make, alone):
    client = make(hosts=alone.endpoint, namespace="")
    lock = await settle(client.lock("shared").acquire())
    with etcdctl(alone, "lock", "shared") as other:
        await queued(client, 2, "shared/")
        await settle(lock.release())
        assert other.stdout.readline().startswith("shared/")
        other.terminate()
