"""Defects of the Node client that this client does not have: keys, leases, locks, elections, access."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from etcd_factory import AsyncETCDService, Permission, errors, ops
from etcd_factory.core.face import finish
from etcd_factory.testing import FaultProxy
from tests.support.auth import LOGIN
from tests.support.faces import closed, error_of, fill, in_time, leave, settle, texts
from tests.support.locking import queued
from tests.support.transports import Failing, Recorded

# --- keys


@pytest.mark.parametrize("begin", [lambda c: c.put("k"), lambda c: c.delete(), lambda c: c.txn()])
async def test_a_builder_without_a_terminal_does_nothing(client, begin):
    """Node's builders run when they are awaited: a put then stores nothing, a transaction never ends."""
    await fill(client, {"k": "kept"})
    begun = begin(client)
    with pytest.raises(TypeError, match="cannot be awaited"):
        await begun
    assert await texts(client) == {"k": "kept"}


async def test_every_response_in_a_namespace_is_without_its_prefix(client):
    """Node's client removes it from lists and events only."""
    inner = client.namespace("in/")
    await fill(inner, {"a": "1", "b": "2"})
    read = await settle(inner.get("a").exec())
    put = await settle(inner.put("a").previous().value("3"))
    done = await settle(inner.txn().then(ops.get("a"), ops.delete().previous().key("b")).commit())
    gone = await settle(inner.delete().previous().key("a"))
    found = [read.kvs[0], put.previous, done.results[0].kvs[0], done.results[1].previous[0], gone.previous[0]]
    assert [kv.key for kv in found] == [b"a", b"a", b"a", b"b", b"a"]


# --- leases


async def test_a_put_of_a_lease_has_the_timeout_of_its_service(make, wrap):
    """Node's client forgets the options of such a put."""
    transport = wrap(Recorded, "Put")
    lease = make(transport=transport).with_options(timeout=17).lease(60)
    await settle(lease.put("k").value("v"))
    assert [call.timeout for call in transport.calls] == [17]
    await settle(lease.revoke())


async def test_a_put_on_a_revoked_lease_is_an_error_and_the_lease_is_not_reported_lost(client, recorder):
    lease = recorder.on(client.lease(60), "lost")
    await settle(lease.grant())
    await settle(lease.revoke())
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(lease.put("k").value("v"))
    await closed(client)
    assert recorder.calls == []


# --- locks


async def test_a_lock_that_was_acquired_twice_is_free_after_its_release(make):
    """Node's second attempt forgets the lease of the first, and the lock is never free again."""
    one, other = make(), make()
    lock = await settle(one.lock("name").acquire())
    assert isinstance(await error_of(lambda: lock.acquire(timeout=0)), errors.LockFailedError)
    await settle(lock.release())
    following = await settle(other.lock("name").acquire(timeout=0))
    assert following.held
    await settle(following.release())


# --- elections


@pytest.fixture
async def behind(make, face):
    """A client, its leadership, and the campaign of another, which waits."""
    one, other = make(), make()
    leadership = await settle(one.election("name").campaign("one"))
    waiting = face.begin(partial(other.election("name").campaign, "other"))
    await queued(one, 2)
    return one, leadership, waiting


async def delete(client, kv, etcdctl):
    await settle(client.delete().key(kv.key))


async def revoke(client, kv, etcdctl):
    etcdctl("lease", "revoke", f"{kv.lease:x}")


@pytest.mark.parametrize("end", [delete, revoke])
async def test_a_campaign_whose_entry_was_lost_while_it_waited_never_leads(behind, etcdctl, end):
    """Node's client reports a campaign that was given up as elected, as soon as the leader before it goes."""
    client, leadership, waiting = behind
    await end(client, (await settle(client.get_all().sort("create").kvs()))[1], etcdctl)
    await settle(leadership.resign())
    with pytest.raises(errors.LockFailedError, match="lost while waiting"):
        await in_time(waiting)
    assert await settle(client.election("name").leader()) is None


async def test_a_campaign_that_was_cancelled_while_it_waited_never_leads(options):
    async with AsyncETCDService(options) as client:
        leadership = await client.election("name").campaign("one")
        waiting = asyncio.ensure_future(client.election("name").campaign("other"))
        await queued(client, 2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await leadership.resign()
        assert await client.get_all().count() == 0


async def test_a_campaign_whose_response_was_lost_does_not_wait_for_itself(make, wrap):
    """Node's default retry enters again, and then waits for the key that it has created itself."""
    other = make()
    lossy = wrap(Failing, "Txn", after=True, meanwhile=lambda: other.put("unrelated").value("v"))
    leadership = await settle(make(transport=lossy).election("name").campaign("one", timeout=0))
    assert leadership.fencing_token == lossy.reply.header.revision
    assert await settle(other.election("name").leader()) == "one"
    await leave(leadership)


# --- software transactions


async def test_a_key_is_read_in_full_after_it_was_checked_for_existence(face, client):
    """Node's client keeps the response to the first read, which has no value."""
    await fill(client, {"k": "v"})

    async def body(tx):
        return [await settle(tx.get("k").exists()), await settle(tx.get("k").string())]

    transaction = (lambda tx: finish(body(tx))) if face.is_blocking else body
    assert await settle(client.stm().transact(transaction)) == [True, "v"]


# --- access


@pytest.fixture
async def role(client, etcd_namespace):
    role = client.role(f"role-{etcd_namespace}")
    await settle(role.create())
    yield role
    await settle(role.delete())


async def test_a_list_of_permissions_is_refused_and_nothing_is_granted(role):
    """Node's revoke grants what is in a list."""
    await settle(role.grant("read", "k"))
    for permissions in ([Permission("write", b"other")], ["k", "other"]):
        with pytest.raises(TypeError, match="a key must be"):
            await settle(role.revoke(permissions))
    assert await settle(role.permissions()) == (Permission("read", b"k"),)


@pytest.fixture
def proxy(auth_server):
    with FaultProxy(auth_server.server.endpoint) as one:
        yield one


async def test_a_token_refused_right_after_an_outage_is_renewed(face, make, auth_server, proxy):
    """There Node's half-open circuit breaker waits for the call that waits for it: a deadlock."""
    client = make(**{**auth_server.options, "hosts": [proxy.endpoint], "auth": LOGIN})
    await settle(client.put("pub/k").value("v"))
    proxy.cut()
    for _ in range(5):  # Node's breaker opens after three
        with pytest.raises((errors.ConnectionFailedError, errors.DeadlineExceededError)):
            await settle(client.with_options(timeout=0.3).get("pub/k").string())
    auth_server.expire_tokens()
    proxy.heal()
    assert await in_time(face.begin(lambda: client.get("pub/k").string())) == "v"
    await settle(client.put("pub/k").value("w"))
