"""All servers are away for a while: calls say so, trying again costs nothing, and all goes on when they are back."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest
from attrs import define

from etcd_factory import errors, ops
from etcd_factory.testing import EtcdServer, FaultProxy
from tests.conformance.test_auth import CHEAP, Asked, Guarded, signing  # noqa: F401
from tests.conformance.test_lock import entered
from tests.conformance.test_watch import keys, shown, take
from tests.support.faces import settle, until
from tests.support.history import Streams, note

from .test_lease import BOUND, Told

LOST = (errors.ConnectionFailedError, errors.DeadlineExceededError)
TTL = 60
SHORT = 9  # renewed every 3 seconds
PATIENCE = 1.5  # seconds: longer than the longest pause before a stream is opened again
FEW = {"attempts": 4, "maximum": 0.1}  # they end long before the timeout, which would leave the fate of a write open
LAST = "after"
ATTEMPTS = 8  # of each stream


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def client(make, etcd_cluster):
    return make([*etcd_cluster.endpoints])


@pytest.fixture
def other(make, etcd_cluster):
    """A client that was not there before."""
    return make([*etcd_cluster.endpoints])


CALLS = {
    "get": lambda client: client.get("k").string(),
    "put": lambda client: client.put("k").value("v"),
    "txn": lambda client: client.txn().then(ops.put("k").value("v")).commit(),
    "delete": lambda client: client.delete().key("k"),
    "grant": lambda client: client.lease(TTL).grant(),
    "watch": lambda client: client.watch().create(),
    "lock": lambda client: client.lock("a lock").acquire(),
    "election": lambda client: client.election("an election").campaign("me"),
}


@define
class Standing:
    """What a client has for longer than one call."""

    watcher: object
    lease: object
    lock: object
    leadership: object

    @classmethod
    async def of(cls, client, told):
        watcher = await settle(client.watch().key("watched").create())
        lease = client.lease(SHORT).on("lost", told)
        await settle(lease.put("leased").value("v"))
        lock = await settle(client.lock("lock", TTL).on("lost", told).acquire())
        leadership = await settle(client.election("election", TTL).campaign("a"))
        return cls(watcher, lease, lock, leadership.on("lost", told))

    async def goes_on(self, other):
        """It is all there still, for this client and for the other one."""
        await settle(other.put("watched").value("again"))
        assert shown(await take(self.watcher)) == [("put", "watched", "again")]
        assert (await settle(other.get("leased").kv())).lease == self.lease.id
        assert (self.lease.alive, self.lock.held, self.leadership.alive) == (True, True, True)
        await self._is_alone(other)

    async def _is_alone(self, other):
        with pytest.raises(errors.LockFailedError):
            await settle(other.lock("lock").acquire(timeout=0))
        await settle(self.leadership.proclaim("b"))
        assert await settle(other.election("election").leader()) == "b"

    async def ends(self, other):
        """It is given back, and another may have it."""
        token = self.lock.fencing_token
        await settle(self.lock.release())
        assert (await settle(other.lock("lock").acquire())).fencing_token > token
        await settle(self.leadership.resign())
        assert await settle(other.election("election").leader()) is None


async def failed(face, client, *names):
    """The errors of these calls, made at once."""
    calls = [face.begin(partial(CALLS[name], client)) for name in names]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [error for error in found if not isinstance(error, LOST)] == []
    return found


async def lose(cluster):
    for member in cluster:
        await asyncio.to_thread(member.kill)


async def test_what_a_client_has_goes_on_after_all_members_were_away(face, client, etcd_cluster, other, told):
    streams, standing = Streams(client), await Standing.of(client, told)
    await lose(etcd_cluster)
    await failed(face, client.with_options(timeout=PATIENCE), *CALLS, *CALLS)
    await asyncio.to_thread(etcd_cluster.start)
    await streams.renews(1, standing.lease)
    await standing.goes_on(other)
    await standing.ends(other)
    assert told.leases == []


async def test_every_kind_of_call_says_that_all_members_are_away(face, make, etcd_cluster):
    client = make([*etcd_cluster.endpoints], timeout=PATIENCE, retry=FEW)
    await settle(client.watch().create())
    await lose(etcd_cluster)
    await failed(face, client, "get")  # the break has been noticed
    for error in await failed(face, client, *CALLS):
        assert (error.endpoint in etcd_cluster.endpoints, error.maybe_applied) == (True, False), error
        assert "is etcd running there" in str(error)


async def test_every_kind_of_call_works_as_the_first_after_all_members_were_away(face, make, etcd_cluster):
    clients = {name: make([*etcd_cluster.endpoints]) for name in CALLS}
    await asyncio.gather(*(face.begin(partial(CALLS["get"], client)) for client in clients.values()))
    await lose(etcd_cluster)
    hasty = [client.with_options(timeout=0.5) for client in clients.values()]
    await asyncio.gather(*(failed(face, client, "get") for client in hasty))
    await asyncio.to_thread(etcd_cluster.start)
    await asyncio.gather(*(face.begin(partial(CALLS[name], client)) for name, client in clients.items()))


async def test_an_observer_goes_on_after_all_members_were_away(face, client, etcd_cluster, other):
    seen = asyncio.Queue()
    watching = observing(face, client.election("election"), seen)
    leadership = await settle(other.election("election", TTL).campaign("before"))
    assert await asyncio.wait_for(seen.get(), BOUND) == "before"
    await lose(etcd_cluster)
    await failed(face, client.with_options(timeout=PATIENCE), "get")
    await asyncio.to_thread(etcd_cluster.start)
    await settle(leadership.proclaim(LAST))
    assert await asyncio.wait_for(seen.get(), BOUND) == LAST
    await watching


def observing(face, election, seen):
    """Handing on the leaders' values up to the last one, beside the test."""
    loop = asyncio.get_running_loop()

    def observe():
        for value in election.observe():
            loop.call_soon_threadsafe(seen.put_nowait, value)
            if value == LAST:
                break

    async def aobserve():
        async for value in election.observe():
            seen.put_nowait(value)
            if value == LAST:
                break

    return face.begin(observe if face.name == "blocking" else aobserve)


async def test_a_lock_is_lost_once_where_all_members_are_away_for_longer_than_its_ttl(
    client, etcd_cluster, other, told
):
    lock = await settle(client.lock("lock", ttl=2).on("lost", told).acquire())
    token = lock.fencing_token
    await lose(etcd_cluster)
    await told.wait()
    assert not lock.held
    await asyncio.to_thread(etcd_cluster.start)
    assert (await settle(other.lock("lock").acquire())).fencing_token > token
    assert told.leases == [lock]


async def test_the_block_of_a_lock_is_not_entered_while_all_members_are_away(client, etcd_cluster, other):
    await settle(client.get("k").exists())
    await lose(etcd_cluster)
    lock = client.with_options(timeout=0.5).lock("lock")
    with pytest.raises(LOST):
        await entered(lock)
    assert not lock.held
    await asyncio.to_thread(etcd_cluster.start)
    assert (await settle(other.lock("lock").acquire(timeout=0))).held


class Door(FaultProxy):
    """Counts who comes."""

    came = 0

    def opened(self, link):
        self.came += 1
        super().opened(link)


@pytest.fixture
def door():
    """A way to a server that can be killed: then clients are let in, and their connections break."""
    with EtcdServer() as server, Door(server.endpoint) as one:
        one.kill = server.kill
        yield one


@pytest.mark.parametrize("away", ["refusing", "breaking"])
async def test_trying_again_while_all_servers_are_away_is_rare_and_cheap(request, make, etcd_cluster, door, told, away):
    client = make([*etcd_cluster.endpoints] if away == "refusing" else door.endpoint, timeout=1)
    streams = Streams(client)
    await settle(client.watch().create())
    lease = client.lease(SHORT).on("lost", told)
    await settle(lease.grant())
    await streams.renews(1, lease)
    await lose(etcd_cluster if away == "refusing" else [door])
    clock, busy = time.monotonic(), time.process_time()
    tries = await asyncio.gather(*(streams.opens(name, ATTEMPTS) for name in ("Watch", "LeaseKeepAlive")))
    clock, busy = time.monotonic() - clock, time.process_time() - busy
    note(request, {"seconds": round(clock, 2), "CPU of a core, %": round(100 * busy / clock, 2)})
    least = sum(min(1.0, 0.025 * 2**failures) / 2 for failures in range(ATTEMPTS - 1))  # the pauses at their shortest
    assert [times for times in tries if times[-1] - times[0] < least] == []
    assert door.came <= sum(map(len, streams.opened.values()))
    assert told.leases == []


@pytest.fixture(scope="module")
def aging():
    """A server whose tokens die of idleness."""
    with EtcdServer(args=[CHEAP, "--auth-token-ttl=1"]) as server:
        yield Guarded(server)


async def idle(client, guarded, face):
    """Until the server has forgotten the token."""
    ((_, token),) = client._run.client.token.metadata
    await until(lambda: f'"{token}"' in guarded.server.log)


async def outdate(client, guarded, face):
    """By changing something about users."""
    guarded.root("user", "add", f"other-{face.name}:new")


@pytest.mark.parametrize(("server", "die"), [("aging", idle), ("signing", outdate)], ids=["aged", "outdated"])
async def test_all_goes_on_for_a_client_whose_token_has_died(request, face, make, told, server, die):
    guarded, asked = request.getfixturevalue(server), Asked()
    client = make(**guarded.options, auth={"username": "alice", "password": asked})
    streams, old = Streams(client), await settle(client.watch().prefix("pub/").create())
    lease = client.lease(3).on("lost", told)
    await settle(lease.grant())
    await die(client, guarded, face)
    await settle(client.put("pub/k").value("v"))
    assert await settle(client.get("pub/k").string()) == "v"
    new = await settle(client.watch().prefix("pub/").create())
    await settle(client.txn().then(ops.put("pub/l").value("v")).commit())
    assert (keys(await take(old, 2)), keys(await take(new))) == (["pub/k", "pub/l"], ["pub/l"])
    await streams.renews(2, lease)
    assert (asked.times >= 2, lease.alive, told.leases) == (True, True, [])
