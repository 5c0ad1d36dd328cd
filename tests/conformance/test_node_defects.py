"""What goes wrong with the Node client, and here does not: keys, leases, locks, elections, access."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial

import pytest

from etcd_factory import AsyncETCDService, Permission, errors, ops
from etcd_factory.testing import EtcdServer, FaultProxy
from tests.support.faces import closed, fill, is_async, settle, texts

from .test_auth import CHEAP, Guarded
from .test_lease import Told
from .test_lock import error_of, left, queued
from .test_roles import gone
from .test_stm import fitted, transact  # noqa: F401

# --- keys


@pytest.mark.parametrize("begin", [lambda c: c.put("k"), lambda c: c.delete(), lambda c: c.txn()])
async def test_what_is_begun_and_has_no_terminal_is_not_run(client, begin):
    """Node's builders run when they are awaited: a put then stores nothing, a transaction never ends."""
    await fill(client, {"k": "kept"})
    begun = begin(client)
    assert not inspect.isawaitable(begun)
    assert await texts(client) == {"k": "kept"}


async def test_every_answer_in_a_namespace_is_without_its_prefix(client):
    """Node takes it off lists and events only."""
    inner = client.namespace("in/")
    await fill(inner, {"a": "1", "b": "2"})
    read = await settle(inner.get("a").exec())
    put = await settle(inner.put("a").previous().value("3"))
    done = await settle(inner.txn().then(ops.get("a"), ops.delete().previous().key("b")).commit())
    gone = await settle(inner.delete().previous().key("a"))
    found = [read.kvs[0], put.previous, done.results[0].kvs[0], done.results[1].previous[0], gone.previous[0]]
    assert [kv.key for kv in found] == [b"a", b"a", b"a", b"b", b"a"]


# --- leases


@pytest.fixture
def timeouts(client, monkeypatch):
    """The timeouts of calls, by name."""
    seen, call = {}, client._run.client.call

    def noting(method, request, timeout):
        seen[method.name] = timeout
        return call(method, request, timeout)

    monkeypatch.setattr(client._run.client, "call", noting)
    return seen


async def test_a_put_of_a_lease_has_the_timeout_of_its_service(client, timeouts):
    """Node forgets the options of such a put."""
    lease = client.with_options(timeout=17).lease(60)
    await settle(lease.put("k").value("v"))
    assert timeouts["Put"] == 17
    await settle(lease.revoke())


async def test_a_put_on_a_revoked_lease_is_an_error_and_nobody_is_told_of_a_loss(client):
    told = Told()
    lease = client.lease(60).on("lost", told)
    await settle(lease.grant())
    await settle(lease.revoke())
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(lease.put("k").value("v"))
    await closed(client)
    assert told.leases == []


# --- locks


async def test_a_lock_that_was_acquired_twice_is_free_once_it_is_released(make):
    """Node's second attempt forgets the lease of the first, and nothing ever frees it."""
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
    """One who leads, her client, and the campaign of another, which waits."""
    one, other = make(), make()
    leadership = await settle(one.election("name").campaign("one"))
    waiting = face.begin(partial(campaign, other))
    await queued(one, 2)
    return one, leadership, waiting


def campaign(client):
    """One as ``begin`` takes it."""
    made = client.election("name").campaign("other")
    return settle(made) if is_async(client) else made


async def delete(client, kv, etcdctl):
    await settle(client.delete().key(kv.key))


async def revoke(client, kv, etcdctl):
    etcdctl("lease", "revoke", f"{kv.lease:x}")


@pytest.mark.parametrize("end", [delete, revoke])
async def test_a_campaign_whose_place_was_lost_while_it_waited_never_leads(behind, etcdctl, end):
    """Node calls one that was given up elected, as soon as the leader before it goes."""
    client, leadership, waiting = behind
    await end(client, (await settle(client.get_all().sort("create").kvs()))[1], etcdctl)
    await settle(leadership.resign())
    with pytest.raises(errors.LockFailedError, match="lost while waiting"):
        await asyncio.wait_for(waiting, 10)
    assert await settle(client.election("name").leader()) is None


async def test_a_campaign_that_was_cancelled_while_it_waited_never_leads(options):
    async with AsyncETCDService(options) as client:
        leadership = await client.election("name").campaign("one")
        waiting = asyncio.ensure_future(campaign(client))
        await queued(client, 2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await leadership.resign()
        assert await client.get_all().count() == 0


class LostOnce:
    """A way to the server on which the answer to the first transaction is lost, after others have written."""

    def __init__(self, unary, meanwhile):
        self.lost, self._unary, self._meanwhile = 0, unary, meanwhile

    async def __call__(self, host, method, *rest):
        answer = await self._unary(host, method, *rest)
        if method.name == "Txn" and not self.lost:
            self.lost = answer.header.revision
            await settle(self._meanwhile())
            raise errors.ConnectionFailedError("of the test")
        return answer


async def test_a_campaign_whose_entry_was_answered_to_nobody_does_not_wait_for_itself(make, monkeypatch):
    """Node's default retry does it again, and then waits for the key that it has made itself."""
    one, other = make(), make()
    lossy = LostOnce(one._run.client.io.unary, lambda: other.put("unrelated").value("v"))
    monkeypatch.setattr(one._run.client.io, "unary", lossy)
    leadership = await settle(one.election("name").campaign("one", timeout=0))
    assert leadership.fencing_token == lossy.lost
    assert await settle(other.election("name").leader()) == "one"
    await left(leadership)


# --- transactions in software


async def test_a_key_whose_existence_was_asked_for_is_then_read_whole(client, transact):  # noqa: F811
    """Node keeps the answer to the first question, which has no value."""
    await fill(client, {"k": "v"})

    async def body(tx):
        return [await settle(tx.get("k").exists()), await settle(tx.get("k").string())]

    assert await transact(body) == [True, "v"]


# --- access


@pytest.fixture
async def role(client, etcd_namespace):
    made = client.role(f"role-{etcd_namespace}")
    await settle(made.create())
    yield made
    await gone(made)


async def test_a_list_of_permissions_is_refused_and_nothing_is_granted(role):
    """Node's revoke grants what is in a list."""
    await settle(role.grant("read", "k"))
    for permissions in ([Permission("write", b"other")], ["k", "other"]):
        with pytest.raises(TypeError, match="a key is"):
            await settle(role.revoke(permissions))
    assert await settle(role.permissions()) == (Permission("read", b"k"),)


@pytest.fixture(scope="module")
def guarded():
    with EtcdServer(args=[CHEAP]) as server:
        yield Guarded(server)


@pytest.fixture
def proxy(guarded):
    with FaultProxy(guarded.server.endpoint) as one:
        yield one


async def test_a_token_refused_right_after_the_host_was_away_is_renewed(face, make, guarded, proxy):
    """Node's circuit breaker, half open, waits there for the call that waits for it."""
    auth = {"username": "alice", "password": "wonder"}
    client = make(**{**guarded.options, "hosts": [proxy.endpoint], "auth": auth})
    await settle(client.put("pub/k").value("v"))
    proxy.cut()
    for _ in range(5):  # Node's breaker opens after three
        with pytest.raises((errors.ConnectionFailedError, errors.DeadlineExceededError)):
            await settle(client.with_options(timeout=0.3).get("pub/k").string())
    guarded.renew()
    proxy.heal()
    assert await asyncio.wait_for(face.begin(lambda: client.get("pub/k").string()), 10) == "v"
    await settle(client.put("pub/k").value("w"))
