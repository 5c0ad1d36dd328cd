"""Leases: granted at their first use, kept alive in the background, and what is told when one is lost."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading

import pytest
from attrs.exceptions import FrozenInstanceError

from etcd_factory import LeaseInfo, errors, ops
from etcd_factory.core.lease.lease import Lease
from tests.support.faces import closed, settle

BOUND = 30
RENEWER, STREAM = "etcd_factory leases", "etcd_factory lease stream"


class Told:
    """A function to be called for a lost lease; remembers what it was called with."""

    def __init__(self):
        self.leases, self._event = [], threading.Event()

    def __call__(self, lease):
        self.leases.append(lease)
        self._event.set()

    async def wait(self):
        assert await asyncio.to_thread(self._event.wait, BOUND)


@pytest.fixture
def told():
    return Told()


def named(lease):
    """Its id as etcdctl writes it."""
    return f"{lease.id:x}"


async def enter(face, lease, body):
    """Run ``body(lease)`` with the lease entered."""
    if face.name == "blocking":
        with lease as entered:
            return await body(entered)
    async with lease as entered:
        return await body(entered)


def background():
    """The names of what works in the background for leases."""
    names = [task.get_name() for task in asyncio.all_tasks()] + [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if name.startswith("etcd_factory lease"))


async def at_work(*names):
    """Wait until these work in the background, and nothing else does."""
    for _ in range(BOUND * 50):
        if background() == sorted(names):
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"at work: {background()}")


async def idle():
    """Wait until nothing works in the background: when the next renewal would be due, it sees that none is wanted."""
    await at_work()


# --- what it is made from


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_ttl_below_a_second_is_a_value_error_at_once(client, ttl):
    with pytest.raises(ValueError, match="a lease's ttl is at least 1 second, not"):
        client.lease(ttl)


@pytest.mark.parametrize("ttl", [None, True, 1.5, "10", b"1"], ids=repr)
def test_a_ttl_of_another_type_is_a_type_error_at_once(client, ttl):
    with pytest.raises(TypeError, match="a lease's ttl is an int, in seconds, not"):
        client.lease(ttl)


# --- granting


async def test_a_lease_is_not_granted_before_its_first_use(client, etcdctl):
    lease = client.lease(60)
    assert (lease.id, lease.ttl, lease.alive) == (None, 60, False)
    assert background() == []
    assert f"{await settle(lease.grant()):x}" in etcdctl("lease", "list")


async def test_a_grant_gives_the_id_each_time(client):
    lease = client.lease(60)
    first = await settle(lease.grant())
    assert await settle(lease.grant()) == lease.id == first
    assert isinstance(first, int)
    assert lease.alive
    assert first in await settle(client.leases())


async def test_many_callers_are_granted_one_lease(face, client):
    lease = client.lease(60)
    ids = await asyncio.gather(*(face.begin(lease.grant) for _ in range(8)))
    assert set(ids) == {lease.id}


async def test_the_ttl_is_the_one_that_the_server_gave(make, spare_of_long_leases):
    lease = make(hosts=[spare_of_long_leases.endpoint]).lease(1)
    await settle(lease.grant())
    assert lease.ttl == (await settle(lease.time_to_live())).granted > 1


@pytest.fixture(scope="module")
def spare_of_long_leases():
    """A server that gives no lease of a second: its least ttl is one and a half times its election timeout."""
    from etcd_factory.testing import EtcdServer

    with EtcdServer(args=["--heartbeat-interval=150", "--election-timeout=1500"]) as server:
        yield server


async def test_a_grant_that_fails_is_tried_again_at_the_next_use(make, refusing, etcd_server):
    lease = make(hosts=[refusing], retry={"attempts": 2}).lease(60)
    for _ in range(2):
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await settle(lease.grant())
    assert caught.value.operation == "grant a lease"
    assert lease.id is None


# --- putting with it


async def test_a_put_of_a_lease_grants_it(client, etcdctl):
    lease = client.lease(60)
    await settle(lease.put("k").value("v"))
    assert (await settle(client.get("k").kv())).lease == lease.id
    assert lease.alive


async def test_a_put_with_a_lease_grants_it(client):
    lease = client.lease(60)
    put = client.put("k").lease(lease)
    assert lease.id is None
    await settle(put.value("v"))
    await settle(put.json({}))
    assert (await settle(client.get("k").kv())).lease == lease.id is not None


async def test_a_transaction_grants_the_leases_in_it(client):
    first, second = client.lease(60), client.lease(60)
    inner = ops.txn().then(ops.put("b").lease(second).value("v"))
    await settle(client.txn().then(ops.put("a").lease(first).value("v"), inner).commit())
    kvs = await settle(client.get_all().kvs())
    assert [kv.lease for kv in kvs] == [first.id, second.id]


async def test_a_batch_grants_the_leases_in_it(client):
    one, other = client.lease(60), client.lease(60)
    await settle(client.batch([ops.put("a").lease(one).value("v")]))
    await settle(client.batch([ops.put("b").lease(other).value("v"), ops.put("c").lease(other).value("v")]))
    kvs = await settle(client.get_all().kvs())
    assert [kv.lease for kv in kvs] == [one.id, other.id, other.id]


async def test_an_operation_with_a_lease_can_be_used_again(client):
    lease = client.lease(60)
    op = ops.put("k").lease(lease).value("v")
    for _ in range(2):
        await settle(client.batch([op]))
    assert (await settle(client.get("k").kv())).version == 2


async def test_a_put_with_a_lease_that_cant_be_granted_tells_why(make, refusing):
    client = make(hosts=[refusing], retry={"attempts": 2})
    with pytest.raises(errors.ConnectionFailedError):
        await settle(client.put("k").lease(client.lease(60)).value("v"))


async def test_a_lease_is_what_its_id_is(client, etcdctl):
    lease = client.lease(60)
    await settle(lease.grant())
    assert int(named(lease), 16) == lease.id == lease.__index__()


# --- keeping alive


async def test_a_lease_outlives_its_ttl(client, told, etcdctl):
    other = client.lease(1).on("lost", told)
    await settle(other.put("k").value("v"))
    unattended = etcdctl("lease", "grant", "1").split()[1]
    await gone(client, int(unattended, 16))
    assert other.alive
    assert told.leases == []
    assert await settle(client.get("k").exists())


async def gone(client, lease):
    """Wait until etcd has ended a lease."""
    for _ in range(BOUND * 50):
        if lease not in await settle(client.leases()):
            return
        await asyncio.sleep(0.02)
    pytest.fail("the lease is still there")


async def test_keepalive_once_renews_and_tells_what_is_left(client, etcdctl):
    lease = client.lease(60)
    assert await settle(lease.keepalive_once()) == 60
    etcdctl("lease", "revoke", named(lease))
    with pytest.raises(errors.LeaseNotFoundError) as caught:
        await settle(lease.keepalive_once())
    assert caught.value.operation == f"keep lease {named(lease)} alive"


async def test_a_lease_that_keepalive_once_finds_gone_is_lost_at_once(client, etcdctl, told):
    lease = client.lease(600).on("lost", told)
    await settle(lease.keepalive_once())
    etcdctl("lease", "revoke", named(lease))
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(lease.keepalive_once())
    await told.wait()
    assert (told.leases, lease.alive) == ([lease], False)


# --- what the server knows


async def test_time_to_live_tells_what_is_left(client):
    lease = client.lease(60)
    assert await settle(lease.time_to_live()) in [LeaseInfo(lease.id, left, 60, ()) for left in (60, 59)]


async def test_time_to_live_has_the_keys_in_the_namespace(client, etcdctl):
    lease, inner = client.lease(60), client.namespace("in/")
    await settle(client.put("k").lease(lease).value("v"))
    await settle(inner.put("l").lease(lease).value("v"))
    etcdctl("put", f"--lease={named(lease)}", "outside", "v")
    assert sorted((await settle(lease.time_to_live(keys=True))).keys) == [b"in/l", b"k"]
    assert (await settle(lease.time_to_live())).keys == ()
    own = inner.lease(60)
    await settle(own.put("m").value("v"))
    assert (await settle(own.time_to_live(keys=True))).keys == (b"m",)


async def test_time_to_live_of_a_lease_that_is_gone_is_minus_one(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.revoke())
    assert await settle(lease.time_to_live(keys=True)) == LeaseInfo(lease.id, -1, 0, ())


async def test_what_the_server_knows_is_a_frozen_value(client):
    info = await settle(client.lease(60).time_to_live())
    with pytest.raises(FrozenInstanceError):
        info.ttl = 1


async def test_leases_lists_the_ids_of_all(client, lease):
    mine = await settle(client.lease(60).grant())
    assert {lease, mine} <= set(await settle(client.leases()))


# --- ending it


async def test_revoking_ends_it_with_its_keys(client):
    lease = client.lease(60)
    await settle(lease.put("k").value("v"))
    await settle(lease.revoke())
    assert not lease.alive
    assert not await settle(client.get("k").exists())
    assert lease.id not in await settle(client.leases())


async def test_revoking_twice_is_fine(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.revoke())
    await settle(lease.revoke())


async def test_revoking_one_that_is_gone_is_fine(client, etcdctl, told):
    lease = client.lease(60).on("lost", told)
    await settle(lease.grant())
    etcdctl("lease", "revoke", named(lease))
    await settle(lease.revoke())
    await closed(client)  # with all that is told in the background
    assert told.leases == []


async def test_one_that_was_revoked_before_its_grant_is_never_granted(client):
    lease = client.lease(60)
    await settle(lease.revoke())
    for use in (lease.grant, lease.keepalive_once, lease.time_to_live, lambda: lease.put("k").value("v")):
        with pytest.raises(errors.LeaseNotFoundError, match="this lease is over"):
            await settle(use())
    assert lease.id is None


async def test_a_grant_after_revoking_is_an_error(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.revoke())
    with pytest.raises(errors.LeaseNotFoundError, match="this lease is over"):
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


async def test_a_released_lease_lives_out_its_ttl(client, told):
    lease = client.lease(1).on("lost", told)
    await settle(lease.put("k").value("v"))
    await settle(lease.release())
    assert not lease.alive
    assert await settle(client.get("k").exists())
    await gone(client, lease.id)
    assert not await settle(client.get("k").exists())
    assert told.leases == []


async def test_releasing_needs_no_await_and_takes_one(face, client):
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
    await idle()
    await settle(lease.revoke())


async def test_a_block_grants_at_its_begin_and_revokes_at_its_end(face, client):
    async def body(lease):
        assert isinstance(lease, Lease)
        assert lease.alive
        await settle(lease.put("k").value("v"))
        return lease

    lease = await enter(face, client.lease(60), body)
    assert not lease.alive
    assert not await settle(client.get("k").exists())


async def test_a_block_that_fails_revokes_too_and_gives_its_own_error(face, make, relay):
    client = make(hosts=[relay.endpoint], timeout=0.3)

    async def body(lease):
        relay.mute()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await enter(face, client.lease(60), body)


async def test_a_block_whose_lease_cant_be_revoked_says_so(face, make, relay):
    client = make(hosts=[relay.endpoint], timeout=0.3)

    async def body(lease):
        relay.mute()

    with pytest.raises(errors.EtcdError) as caught:
        await enter(face, client.lease(60), body)
    assert caught.value.operation.startswith("revoke lease")


async def test_the_wrong_kind_of_block_is_a_type_error(face, client):
    lease = client.lease(60)
    wrong = lease.__aenter__ if face.name == "blocking" else lease.__enter__
    with pytest.raises(TypeError, match="enter it with"):
        await settle(wrong())


# --- losing it


async def test_a_lease_that_somebody_else_revokes_is_lost(client, etcdctl, told):
    lease = client.lease(3).on("lost", told)
    await settle(lease.grant())
    etcdctl("lease", "revoke", named(lease))
    await told.wait()
    assert not lease.alive
    await idle()
    assert told.leases == [lease]
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(lease.grant())


async def lose(client, etcdctl, *handlers):
    """A lease that is lost, with these functions told."""
    lease = client.lease(3)
    for handler in handlers:
        assert lease.on("lost", handler) is lease
    await settle(lease.keepalive_once())
    etcdctl("lease", "revoke", named(lease))
    with pytest.raises((errors.LeaseNotFoundError, errors.ClientClosedError)):  # one who is told may close the client
        await settle(lease.keepalive_once())
    return lease


async def test_all_who_want_to_know_are_told_and_a_failing_one_is_logged(client, etcdctl, told, caplog):
    def failing(lease):
        raise ValueError("of the handler")

    lease = await lose(client, etcdctl, failing, told)
    await told.wait()
    assert told.leases == [lease]
    assert "of the handler" in caplog.text


async def test_nobody_is_told_once_one_who_was_told_has_ended_it(face, client, etcdctl, told):
    first = Told()

    def ending(lease):
        lease.release()
        first(lease)

    await lose(client, etcdctl, ending, told)
    await first.wait()
    await idle()
    assert told.leases == []


async def test_one_who_comes_late_is_told_too(client, etcdctl, told):
    first = Told()
    lease = await lose(client, etcdctl, first)
    await first.wait()
    lease.on("lost", told)
    await told.wait()
    assert (first.leases, told.leases) == ([lease], [lease])


async def test_one_who_is_told_may_use_the_client(face, client, etcdctl, told):
    def blocking(lease):
        client.put("lost").value("yes")
        told(lease)

    async def waiting(lease):
        await client.put("lost").value("yes")
        told(lease)

    await lose(client, etcdctl, blocking if face.name == "blocking" else waiting)
    await told.wait()
    assert await settle(client.get("lost").string()) == "yes"


async def test_one_who_is_told_may_close_the_client(face, make, etcdctl, told):
    client = make()

    def blocking(lease):
        client.close()
        told(lease)

    async def waiting(lease):
        await client.aclose()
        told(lease)

    await lose(client, etcdctl, blocking if face.name == "blocking" else waiting)
    await told.wait()


async def test_one_who_blocks_holds_back_no_other_lease(client, etcdctl, told):
    go = threading.Event()
    if client._run.client.io.face.__name__ == "Sync":
        await lose(client, etcdctl, lambda lease: go.wait(BOUND))
    else:

        async def slow(lease):
            await asyncio.to_thread(go.wait, BOUND)

        await lose(client, etcdctl, slow)
    other = await lose(client, etcdctl, told)
    await told.wait()
    go.set()
    assert told.leases == [other]


async def test_a_lost_lease_can_still_be_revoked(client, etcdctl, told):
    lease = await lose(client, etcdctl, told)
    await told.wait()
    await settle(lease.revoke())
    assert (told.leases, lease.alive) == ([lease], False)


def test_an_unknown_event_is_a_value_error(client):
    with pytest.raises(ValueError, match="a lease has no event 'los'; did you mean 'lost'"):
        client.lease(60).on("los", print)


# --- the background


async def test_one_stream_and_what_feeds_it_serve_all_leases_and_end_with_the_last(client):
    leases = [client.lease(6) for _ in range(3)]
    for lease in leases:
        await settle(lease.grant())
    await at_work(RENEWER, STREAM)
    for lease in leases:
        assert background() == [STREAM, RENEWER]
        await settle(lease.revoke())
    await idle()


async def test_there_is_no_stream_before_a_lease_is_due(client):
    lease = client.lease(60)
    await settle(lease.grant())
    await settle(lease.keepalive_once())
    assert background() == [RENEWER]


async def test_after_the_last_lease_a_new_one_begins_again(client, told):
    for _ in range(3):
        lease = client.lease(1).on("lost", told)
        await settle(lease.grant())
        await settle(lease.revoke())
        await idle()
    last = client.lease(60)
    await settle(last.grant())
    assert background() == [RENEWER]
    assert (last.alive, told.leases) == (True, [])


async def test_a_lease_that_comes_soon_after_the_last_one_goes_on_with_what_is_there(client):
    last = client.lease(60)
    await settle(last.put("k").value("v"))
    await settle(last.revoke())
    await settle(client.lease(3).grant())
    await at_work(RENEWER, STREAM)


@pytest.mark.parametrize("end", ["release", "revoke"])
async def test_closing_ends_at_once_what_the_last_lease_has_left_in_the_background(client, end):
    lease = client.lease(600)
    await settle(lease.put("k").value("v"))
    await settle(getattr(lease, end)())
    await closed(client)
    assert background() == []


async def test_closing_revokes_the_leases_that_are_held_and_leaves_nothing_in_the_background(make, client, told):
    other = make()
    held, released = other.lease(60).on("lost", told), other.lease(60)
    for lease in (held, released):
        await settle(lease.put(f"k{lease.id}").value("v"))
    await settle(released.release())
    await closed(other)
    assert background() == []
    left = set(await settle(client.leases()))
    assert (held.id in left, released.id in left) == (False, True)
    assert (held.alive, told.leases) == (False, [])
    await settle(held.revoke())
    await settle(held.release())


async def test_a_lease_of_a_closed_client_is_an_error(make):
    client = make()
    lease = client.lease(60)
    await closed(client)
    for use in (lease.grant, lease.keepalive_once, lease.time_to_live, client.leases):
        with pytest.raises(errors.ClientClosedError):
            await settle(use())
    await settle(lease.revoke())


FORGOTTEN = {
    "blocking": """
import sys
from etcd_factory import ETCDService

etcd = ETCDService({"hosts": [sys.argv[1]]})
etcd.lease(60).keepalive_once()
""",
    "asyncio": """
import asyncio, sys
from etcd_factory import AsyncETCDService

async def main():
    etcd = AsyncETCDService({"hosts": [sys.argv[1]]})
    await etcd.lease(60).keepalive_once()

asyncio.run(main())
""",
}


def test_a_lease_that_is_held_does_not_keep_the_interpreter_from_ending(face, etcd_server):
    command = [sys.executable, "-c", FORGOTTEN[face.name], etcd_server.endpoint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
    assert (done.returncode, done.stderr) == (0, "")
