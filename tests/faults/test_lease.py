"""Leases when servers and connections fail: kept alive wherever that can be, and their loss told once and in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter

import pytest

from etcd_factory import errors
from etcd_factory.core.lease.renewer import Renewer
from etcd_factory.testing import EtcdServer, FaultProxy
from tests.support.faces import closed, settle

BOUND = 30
SLACK = 0.5  # seconds that a busy machine may need to tell
MANY = 300
FEW = 20  # turns of a renewer that rests


class Counted:
    """The streams that a client opens, and the answers that come on them."""

    def __init__(self, io):
        self.opened, self.answers = 0, Counter()
        self._open, self._wanted, self._least, self._event = io.stream, (), 0, threading.Event()
        io.stream = self.stream

    async def stream(self, *call):
        self.opened += 1
        stream = await self._open(*call)
        receive = stream.receive

        async def counting():
            message = await receive()
            if message is not None and message.TTL > 0:
                self.count(message.ID)
            return message

        stream.receive = counting
        return stream

    def count(self, lease):
        self.answers[lease] += 1
        if all(self.answers[one] >= self._least for one in self._wanted):
            self._event.set()

    async def more(self, renewals, *leases):
        """Wait for so many more renewals of each."""
        self._event.clear()
        self._least = renewals + max(self.answers[lease.id] for lease in leases)
        self._wanted = [lease.id for lease in leases]
        assert await asyncio.to_thread(self._event.wait, BOUND)


class Told:
    """A function to be called for lost leases; remembers which, and when it was first called."""

    def __init__(self):
        self.leases, self.at, self._event = [], None, threading.Event()

    def __call__(self, lease):
        self.at = self.at or time.monotonic()
        self.leases.append(lease)
        self._event.set()

    async def wait(self, leases=1):
        while len(self.leases) < leases:
            assert await asyncio.to_thread(self._event.wait, BOUND)
            self._event.clear()


class Turns:
    """Counts the turns of renewers, and how often their streams broke."""

    def __init__(self, monkeypatch):
        self.count, self._broken = 0, threading.Semaphore(0)
        act, broken = Renewer._act, Renewer._broken

        async def counting(renewer, now):
            self.count += 1
            await act(renewer, now)

        def breaking(renewer, *told):
            broken(renewer, *told)
            self._broken.release()

        monkeypatch.setattr(Renewer, "_act", counting)
        monkeypatch.setattr(Renewer, "_broken", breaking)

    async def broke(self):
        """Wait until a stream has broken once more."""
        assert await asyncio.to_thread(self._broken.acquire, timeout=BOUND)


@pytest.fixture
def turns(monkeypatch):
    return Turns(monkeypatch)


@pytest.fixture
def told():
    return Told()


@pytest.fixture(scope="module")
def spare():
    """A server of this worker that others do not use."""
    with EtcdServer() as server:
        yield server


@pytest.fixture
def server(spare):
    """A server that a test may kill and pause; up again for the next one."""
    yield spare.start()
    if spare.running:
        spare.resume()


@pytest.fixture
def proxy(server):
    with FaultProxy(server.endpoint) as one:
        yield one


@pytest.fixture
def client(make, server):
    return make(server.endpoint)


@pytest.fixture
def counted(client):
    return Counted(client._run.client.io)


async def granted(client, ttl, told):
    """A lease with a key, and one who is told."""
    lease = client.lease(ttl).on("lost", told)
    await settle(lease.put(f"of {ttl}").value("v"))
    return lease


async def test_a_lease_outlives_a_server_that_is_killed_and_back_within_its_ttl(client, server, counted, told):
    lease = await granted(client, 10, told)
    await counted.more(1, lease)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    await counted.more(1, lease)
    assert (lease.alive, told.leases) == (True, [])
    assert (await settle(client.get("of 10").kv())).lease == lease.id


async def test_a_lease_outlives_connections_that_break(make, proxy, told):
    client = make(proxy.endpoint)
    counted = Counted(client._run.client.io)
    lease = await granted(client, 3, told)
    for _ in range(3):
        await counted.more(1, lease)
        proxy.reset()
    await counted.more(1, lease)
    assert (lease.alive, told.leases) == (True, [])


async def test_a_lease_outlives_a_host_that_swallows_everything_if_there_is_another(make, proxy, server, told):
    client = make([proxy.endpoint, server.endpoint])
    counted = Counted(client._run.client.io)
    lease = await granted(client, 3, told)
    await counted.more(1, lease)
    proxy.half_open()
    await counted.more(2, lease)
    assert (lease.alive, told.leases) == (True, [])


async def test_a_lease_outlives_the_member_that_renews_it(make, etcd_cluster, told):
    client = make([member.endpoint for member in etcd_cluster])
    counted = Counted(client._run.client.io)
    lease = await granted(client, 5, told)
    await counted.more(1, lease)
    await asyncio.to_thread(etcd_cluster[0].kill)
    await counted.more(1, lease)
    assert (lease.alive, told.leases) == (True, [])


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize("fault", ["pause", "kill"])
async def test_a_lease_of_a_server_that_is_away_is_lost_once_and_within_its_ttl(
    client, server, counted, told, fault, renewed
):
    lease = await granted(client, 2, told)
    if renewed:  # then there is a stream that breaks
        await counted.more(1, lease)
    start = time.monotonic()
    await asyncio.to_thread(getattr(server, fault))
    await told.wait()
    assert told.at - start < 2 + SLACK
    assert not lease.alive
    await asyncio.to_thread(server.resume if fault == "pause" else server.start)
    await settle(client.get("k").exists())
    assert told.leases == [lease]


async def test_each_of_many_leases_is_lost_in_its_own_time(client, server, told):
    leases = [await granted(client, ttl, told) for ttl in (3, 2)]
    server.pause()
    await told.wait(2)
    assert [lease.ttl for lease in told.leases] == [2, 3]
    assert not any(lease.alive for lease in leases)


@pytest.mark.parametrize("end", ["release", "revoke"])
async def test_a_lease_that_was_ended_is_never_lost(face, client, server, told, end):
    quick = client.with_options(timeout=0.2)
    ended = quick.lease(1).on("lost", told)
    await settle(ended.grant())
    other = Told()
    await granted(client, 2, other)
    server.pause()
    await asyncio.gather(face.begin(getattr(ended, end)) if end == "revoke" else noted(ended), return_exceptions=True)
    await other.wait()
    assert told.leases == []


async def noted(lease):
    await settle(lease.release())


async def test_a_lease_that_somebody_else_revokes_is_lost_by_its_next_renewal(client, server, told):
    lease = await granted(client, 3, told)
    start = time.monotonic()
    await asyncio.to_thread(server.etcdctl, "lease", "revoke", f"{lease.id:x}")
    await told.wait()
    assert told.at - start < 3
    assert (told.leases, lease.alive) == ([lease], False)


async def test_one_stream_renews_hundreds_of_leases_and_none_is_lost(face, client, counted, told):
    leases = [client.lease(3).on("lost", told) for _ in range(MANY)]
    for lease in leases:
        await settle(lease.grant())
    await counted.more(3, *leases)
    assert (counted.opened, told.leases) == (1, [])
    assert all(lease.alive for lease in leases)


async def test_a_lease_that_is_released_while_the_server_is_away_lets_the_renewer_rest(make, server, turns, told):
    client = make(server.endpoint, retry={"initial": 1, "maximum": 1})  # time to release it between two tries
    tried, held = [await granted(client, ttl, told) for ttl in (6, 12)]
    await asyncio.to_thread(server.kill)
    await turns.broke()
    await settle(tried.release())
    turns.count = 0
    await turns.broke()  # when the other one is due
    await asyncio.to_thread(server.start)
    assert turns.count < FEW
    assert (held.alive, told.leases) == (True, [])


async def test_closing_while_the_server_hangs_is_bounded_and_leaves_no_thread(make, server, told):
    client = make(server.endpoint, timeout=0.5)
    counted = Counted(client._run.client.io)
    first, *_ = [await granted(client, ttl, told) for ttl in (6, 61, 62)]
    await counted.more(1, first)
    server.pause()
    start = time.monotonic()
    await closed(client)
    assert time.monotonic() - start < 2
    assert [one.name for one in threading.enumerate() if one.name.startswith("etcd_factory lease")] == []
    assert told.leases == []


async def test_a_grant_that_took_two_attempts_lives_from_the_one_that_was_answered(client, monkeypatch):
    io, calls = client._run.client.io, []
    unary = io.unary

    async def failing_once(*call):
        calls.append(io.now())
        if len(calls) == 1:
            raise errors.ConnectionFailedError("of the test")
        return await unary(*call)

    monkeypatch.setattr(io, "unary", failing_once)
    lease = client.lease(60)
    await settle(lease.grant())
    assert calls[0] < lease._tenure.life.renewal.sent <= calls[1]
