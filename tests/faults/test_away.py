"""All servers are away for a while: calls report it, retrying is cheap, and everything resumes when they are back."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest
from attrs import define

from etcd_factory import errors, ops
from etcd_factory.testing import EtcdServer, FaultProxy
from tests.support.auth import FAST_BCRYPT, AuthServer, Credential
from tests.support.etcd_versions import LOGS_FORGOTTEN_TOKENS, need
from tests.support.faces import enter, in_time, settle, until
from tests.support.faulty import UNREACHABLE, CountedStreams
from tests.support.grpc_versions import skip_before
from tests.support.history import report
from tests.support.transports import Recorded
from tests.support.watching import keys, summary, take

TTL = 60
SHORT = 9  # renewed every 3 seconds
TIMEOUT = 1.5  # seconds: longer than the longest pause before a stream is reconnected
FEW = {"attempts": 4, "maximum": 0.1}  # over long before the timeout, after which a write would be uncertain
LAST = "after"
DELETED = "deleted a simple token"  # in the server's log
ATTEMPTS = 8  # of each stream


@pytest.fixture
def streams_client(make_wrapped, etcd_cluster):
    """A client, and its counted streams."""
    return make_wrapped(CountedStreams, [*etcd_cluster.endpoints])


@pytest.fixture
def client(streams_client):
    return streams_client[0]


@pytest.fixture
def streams(streams_client):
    return streams_client[1]


@pytest.fixture
def other(make, etcd_cluster):
    """A client that is not used before the servers are back."""
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
class Holdings:
    """What a client holds for longer than one call."""

    watcher: object
    lease: object
    lock: object
    leadership: object

    @classmethod
    async def of(cls, client, lost):
        watcher = await settle(client.watch().key("watched").create())
        lease = client.lease(SHORT).on("lost", lost)
        await settle(lease.put("leased").value("v"))
        lock = await settle(client.lock("lock", TTL).on("lost", lost).acquire())
        leadership = await settle(client.election("election", TTL).campaign("a"))
        return cls(watcher, lease, lock, leadership.on("lost", lost))

    async def assert_held(self, other):
        """Check that nothing was lost, as this client and another one see it."""
        await settle(other.put("watched").value("again"))
        assert summary(await take(self.watcher)) == [("put", "watched", "again")]
        assert (await settle(other.get("leased").kv())).lease == self.lease.id
        assert (self.lease.alive, self.lock.held, self.leadership.alive) == (True, True, True)
        await self._assert_exclusive(other)

    async def _assert_exclusive(self, other):
        with pytest.raises(errors.LockFailedError):
            await settle(other.lock("lock").acquire(timeout=0))
        await settle(self.leadership.proclaim("b"))
        assert await settle(other.election("election").leader()) == "b"

    async def release(self, other):
        """Release the lock and resign; another client can take both."""
        token = self.lock.fencing_token
        await settle(self.lock.release())
        assert (await settle(other.lock("lock").acquire())).fencing_token > token
        await settle(self.leadership.resign())
        assert await settle(other.election("election").leader()) is None


async def failures(face, client, *names):
    """Return the errors of these calls, made concurrently; all must fail for want of a server."""
    calls = [face.begin(partial(CALLS[name], client)) for name in names]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert [error for error in found if not isinstance(error, UNREACHABLE)] == []
    return found


async def kill(servers):
    for server in servers:
        await asyncio.to_thread(server.kill)


async def test_what_a_client_holds_is_kept_when_all_members_were_away(face, client, streams, etcd_cluster, other, lost):
    holdings = await Holdings.of(client, lost)
    await kill(etcd_cluster)
    await failures(face, client.with_options(timeout=TIMEOUT), *CALLS, *CALLS)
    await asyncio.to_thread(etcd_cluster.start)
    await streams.until_renewed(1, holdings.lease)
    await holdings.assert_held(other)
    await holdings.release(other)
    assert lost.leases == []


async def test_every_kind_of_call_reports_that_all_members_are_away(face, make, etcd_cluster):
    client = make([*etcd_cluster.endpoints], timeout=TIMEOUT, retry=FEW)
    await settle(client.watch().create())
    await kill(etcd_cluster)
    await failures(face, client, "get")  # now the client knows that the connection broke
    for error in await failures(face, client, *CALLS):
        assert (error.endpoint in etcd_cluster.endpoints, error.maybe_applied) == (True, False), error
        assert "is etcd running there" in str(error)


async def test_every_kind_of_call_succeeds_as_the_first_after_all_members_were_away(face, make, etcd_cluster):
    clients = {name: make([*etcd_cluster.endpoints]) for name in CALLS}
    await asyncio.gather(*(face.begin(partial(CALLS["get"], client)) for client in clients.values()))
    await kill(etcd_cluster)
    hasty = [client.with_options(timeout=0.5) for client in clients.values()]
    await asyncio.gather(*(failures(face, client, "get") for client in hasty))
    await asyncio.to_thread(etcd_cluster.start)
    await asyncio.gather(*(face.begin(partial(CALLS[name], client)) for name, client in clients.items()))


async def test_an_observer_resumes_after_all_members_were_away(face, client, etcd_cluster, other):
    seen = asyncio.Queue()
    observing = begin_observe(face, client.election("election"), seen)
    leadership = await settle(other.election("election", TTL).campaign("before"))
    assert await in_time(seen.get()) == "before"
    await kill(etcd_cluster)
    await failures(face, client.with_options(timeout=TIMEOUT), "get")
    await asyncio.to_thread(etcd_cluster.start)
    await settle(leadership.proclaim(LAST))
    assert await in_time(seen.get()) == LAST
    await observing


def begin_observe(face, election, seen):
    """Start putting the leaders' values into a queue, up to the last one."""
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

    return face.begin(observe if face.is_blocking else aobserve)


async def test_a_lock_is_lost_once_if_all_members_are_away_for_longer_than_its_ttl(client, etcd_cluster, other, lost):
    lock = await settle(client.lock("lock", ttl=2).on("lost", lost).acquire())
    token = lock.fencing_token
    await kill(etcd_cluster)
    await lost.until_lost()
    assert not lock.held
    await asyncio.to_thread(etcd_cluster.start)
    assert (await settle(other.lock("lock").acquire())).fencing_token > token
    assert lost.leases == [lock]


async def test_the_block_of_a_lock_is_not_entered_while_all_members_are_away(client, etcd_cluster, other):
    await settle(client.get("k").exists())
    await kill(etcd_cluster)
    lock = client.with_options(timeout=0.5).lock("lock")
    with pytest.raises(UNREACHABLE):
        await enter(lock)
    assert not lock.held
    await asyncio.to_thread(etcd_cluster.start)
    assert (await settle(other.lock("lock").acquire(timeout=0))).held


class CountingProxy(FaultProxy):
    """Counts the connections of clients."""

    accepted = 0

    def link_opened(self, link):
        self.accepted += 1
        super().link_opened(link)


@pytest.fixture
def accepting():
    """A proxy in front of a server that can be killed: clients can then connect, and their connections break."""
    with EtcdServer() as server, CountingProxy(server.endpoint) as proxy:
        proxy.kill = server.kill
        yield proxy


@pytest.mark.parametrize("outage", ["refusing", "breaking"])
async def test_retrying_while_all_servers_are_away_is_rare_and_cheap(
    request, make_wrapped, etcd_cluster, accepting, lost, outage, face, is_grpc
):
    if is_grpc and face.name == "blocking" and outage == "breaking":
        skip_before("1.80", "a channel of its own accord connects again and again")
    hosts = [*etcd_cluster.endpoints] if outage == "refusing" else accepting.endpoint
    client, streams = make_wrapped(CountedStreams, hosts, timeout=1)
    await settle(client.watch().create())
    lease = client.lease(SHORT).on("lost", lost)
    await settle(lease.grant())
    await streams.until_renewed(1, lease)
    await kill(etcd_cluster if outage == "refusing" else [accepting])
    clock, busy = time.monotonic(), time.process_time()
    tries = await asyncio.gather(*(streams.until_opened(name, ATTEMPTS) for name in ("Watch", "LeaseKeepAlive")))
    clock, busy = time.monotonic() - clock, time.process_time() - busy
    report(request, {"seconds": round(clock, 2), "CPU of a core, %": round(100 * busy / clock, 2)})
    least = sum(min(1.0, 0.025 * 2**failures) / 2 for failures in range(ATTEMPTS - 1))  # the shortest pauses
    assert [times for times in tries if times[-1] - times[0] < least] == []
    attempts = sum(map(len, streams.times.values()))
    assert accepting.accepted <= 2 * attempts  # one by gRPC, one to see whether TLS is what is wrong
    assert lost.leases == []


@pytest.fixture(scope="module")
def forgetful_server():
    """A server that forgets tokens which are not used for a second; from 3.5.15 on it says so at log level debug."""
    with EtcdServer(args=[FAST_BCRYPT, "--auth-token-ttl=1", "--log-level=debug"]) as server:
        yield AuthServer(server)


async def until_forgotten(server, token, face):
    """Wait until the server has forgotten the token."""
    need(LOGS_FORGOTTEN_TOKENS, server.server.version)
    await until(lambda: any(DELETED in line and f'"{token}"' in line for line in server.server.log.splitlines()))


async def outdate(server, token, face):
    """Change the users, by which the token becomes invalid."""
    server.root("user", "add", f"other-{face.name}:new")


@pytest.mark.parametrize(
    ("server_name", "invalidate", "ttl"),
    # from 3.5.28 on a renewal uses the token, and one every second would keep it from being forgotten
    [("forgetful_server", until_forgotten, 9), ("jwt_server", outdate, 3)],
    ids=["forgotten", "outdated"],
)
async def test_everything_resumes_for_a_client_whose_token_became_invalid(
    request, face, make_wrapped, lost, server_name, invalidate, ttl
):
    server, password = request.getfixturevalue(server_name), Credential()
    auth = {"username": "alice", "password": password}
    client, streams = make_wrapped(lambda real: CountedStreams(Recorded(real)), **server.options, auth=auth)
    old = await settle(client.watch().prefix("pub/").create())
    lease = client.lease(ttl).on("lost", lost)
    await settle(lease.grant())
    await invalidate(server, dict(streams.inner.calls[-1].metadata)["token"], face)
    await settle(client.put("pub/k").value("v"))
    assert await settle(client.get("pub/k").string()) == "v"
    new = await settle(client.watch().prefix("pub/").create())
    await settle(client.txn().then(ops.put("pub/l").value("v")).commit())
    assert (keys(await take(old, 2)), keys(await take(new))) == (["pub/k", "pub/l"], ["pub/l"])
    await streams.until_renewed(2, lease)
    assert (password.calls >= 2, lease.alive, lost.leases) == (True, True, [])
