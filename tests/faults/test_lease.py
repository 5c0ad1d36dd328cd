"""Leases while servers and connections fail: kept alive wherever possible, and a loss is reported once and in time."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from tests.support.faces import BOUND, closed, settle
from tests.support.faulty import CountedStreams, LostLeases
from tests.support.leasing import hex_id, workers
from tests.support.transports import Failing, Held, Recorded

SLACK = 0.5  # seconds that a busy machine may need to report a loss
MANY = 300
BUSY = 0.3  # seconds of CPU time; turns without a rest would take two
KEEP_ALIVE = "LeaseKeepAlive"


@pytest.fixture
def streams_client(make_wrapped, server):
    """A client, and its counted streams."""
    return make_wrapped(CountedStreams, server.endpoint)


@pytest.fixture
def client(streams_client):
    return streams_client[0]


@pytest.fixture
def streams(streams_client):
    return streams_client[1]


async def grant(client, ttl, lost):
    """Return a lease with a key, and a handler for its loss."""
    lease = client.lease(ttl).on("lost", lost)
    await settle(lease.put(f"of {ttl}").value("v"))
    return lease


async def test_a_lease_outlives_a_server_that_is_killed_and_restarted_within_its_ttl(client, server, streams, lost):
    lease = await grant(client, 10, lost)
    await streams.until_renewed(1, lease)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await streams.until_renewed(1, lease)
    assert (lease.alive, lost.leases) == (True, [])
    assert (await settle(client.get("of 10").kv())).lease == lease.id


async def test_a_lease_outlives_connections_that_break(make_wrapped, proxy, lost):
    client, streams = make_wrapped(CountedStreams, proxy.endpoint)
    lease = await grant(client, 3, lost)
    for _ in range(3):
        await streams.until_renewed(1, lease)
        proxy.reset()
    await streams.until_renewed(1, lease)
    assert (lease.alive, lost.leases) == (True, [])


async def test_a_lease_outlives_a_host_that_swallows_everything_if_there_is_another(make_wrapped, proxy, server, lost):
    client, streams = make_wrapped(CountedStreams, [proxy.endpoint, server.endpoint])
    lease = await grant(client, 6, lost)
    await streams.until_renewed(1, lease)
    proxy.half_open()
    await streams.until_renewed(2, lease)
    assert (lease.alive, lost.leases) == (True, [])


async def test_a_lease_outlives_the_member_that_renews_it(make_wrapped, etcd_cluster, lost):
    client, streams = make_wrapped(CountedStreams, [*etcd_cluster.endpoints])
    lease = await grant(client, 5, lost)
    await streams.until_renewed(1, lease)
    await asyncio.to_thread(etcd_cluster[0].kill)
    await streams.until_renewed(1, lease)
    assert (lease.alive, lost.leases) == (True, [])


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize("fault", ["pause", "kill"])
async def test_a_lease_of_a_server_that_is_away_is_lost_once_and_within_its_ttl(
    client, server, streams, lost, fault, renewed
):
    lease = await grant(client, 2, lost)
    if renewed:  # then there is a stream that breaks
        await streams.until_renewed(1, lease)
    start = time.monotonic()
    await asyncio.to_thread(getattr(server, fault))
    await lost.until_lost()
    assert lost.times[0] - start < 2 + SLACK
    assert not lease.alive
    await asyncio.to_thread(server.resume if fault == "pause" else server.start)
    await settle(client.get("k").exists())
    assert lost.leases == [lease]


async def test_each_of_many_leases_is_lost_at_its_own_time(client, server, lost):
    leases = [await grant(client, ttl, lost) for ttl in (3, 2)]
    server.pause()
    await lost.until_lost(2)
    assert [lease.ttl for lease in lost.leases] == [2, 3]
    assert not any(lease.alive for lease in leases)


@pytest.mark.parametrize("end", ["release", "revoke"])
async def test_a_lease_that_was_released_or_revoked_is_never_lost(face, client, server, lost, end):
    lease = client.with_options(timeout=0.2).lease(1).on("lost", lost)
    await settle(lease.grant())
    other = LostLeases()
    await grant(client, 2, other)
    server.pause()
    if end == "release":
        await settle(lease.release())
    else:  # the server does not answer
        await asyncio.gather(face.begin(lease.revoke), return_exceptions=True)
    await other.until_lost()
    assert lost.leases == []


async def test_a_lease_that_another_client_revokes_is_lost_by_its_next_renewal(client, server, lost):
    lease = await grant(client, 3, lost)
    start = time.monotonic()
    await asyncio.to_thread(server.etcdctl, "lease", "revoke", hex_id(lease))
    await lost.until_lost()
    assert lost.times[0] - start < 3
    assert (lost.leases, lease.alive) == ([lease], False)


async def test_one_stream_renews_hundreds_of_leases_and_none_is_lost(client, streams, lost):
    leases = [client.lease(3).on("lost", lost) for _ in range(MANY)]
    for lease in leases:
        await settle(lease.grant())
    await streams.until_renewed(3, *leases)
    assert (len(streams.times[KEEP_ALIVE]), lost.leases) == (1, [])
    assert all(lease.alive for lease in leases)


async def test_the_renewer_rests_after_a_lease_is_released_while_the_server_is_away(make_wrapped, server, lost):
    retry = {"initial": 1, "maximum": 1}  # time to release it between two attempts
    client, streams = make_wrapped(CountedStreams, server.endpoint, retry=retry)
    tried, held = [await grant(client, ttl, lost) for ttl in (6, 12)]
    await asyncio.to_thread(server.kill)
    await streams.until_broken(KEEP_ALIVE)
    await settle(tried.release())
    busy = time.process_time()
    await streams.until_broken(KEEP_ALIVE)  # when the other one is due
    assert time.process_time() - busy < BUSY
    await asyncio.to_thread(server.start)
    assert (held.alive, lost.leases) == (True, [])


async def test_closing_while_the_server_hangs_is_bounded_and_leaves_nothing_running(make_wrapped, server, lost):
    client, streams = make_wrapped(CountedStreams, server.endpoint, timeout=0.5)
    first, *_ = [await grant(client, ttl, lost) for ttl in (6, 61, 62)]
    await streams.until_renewed(1, first)
    server.pause()
    start = time.monotonic()
    await closed(client)
    assert time.monotonic() - start < 2
    assert workers() == []
    assert lost.leases == []


# --- from when a lease lives


def until_expired(server, lease_id):
    """Wait until the server has no such lease any more."""
    end = time.monotonic() + BOUND
    while f"{lease_id:x}" in server.etcdctl("lease", "list"):
        assert time.monotonic() < end, "the lease does not expire"


async def test_a_lease_whose_first_grant_was_lost_lives_from_the_second(face, make_wrapped, server, lost):
    def expire():
        until_expired(server, failing.reply.ID)

    wrap = partial(Failing, which="LeaseGrant", after=True, meanwhile=expire)
    client, failing = make_wrapped(wrap, server.endpoint, timeout=30)
    lease = client.lease(1).on("lost", lost)
    await face.begin(lease.grant)
    assert failing.failed == 1
    assert (lease.alive, lost.leases) == (True, [])


async def test_a_lease_whose_grant_was_answered_late_lives_from_when_it_was_requested(face, make_wrapped, server, lost):
    """It may have expired before the answer comes; counted from the answer it would seem alive."""
    client, held = make_wrapped(lambda real: Held(Recorded(real), "LeaseGrant", replies=True), server.endpoint)
    held.hold()
    lease = client.lease(1).on("lost", lost)
    granting = face.begin(lease.grant)
    await held.arrived()
    ((_, granted),) = held.inner.replies
    await asyncio.to_thread(until_expired, server, granted.ID)
    held.release()
    await granting
    assert not lease.alive
    await lost.until_lost()
    assert lost.leases == [lease]
