"""Many leases, watches and users of a lock: few streams, nothing is lost, and nothing is left behind."""

from __future__ import annotations

import asyncio
import urllib.request
from functools import partial

import pytest
from attrs import define, field

from etcd_factory import errors
from etcd_factory.testing import EtcdCluster
from tests.support.faces import in_time, settle, until
from tests.support.faulty import CountedStreams, crash
from tests.support.forks import needs_fork, needs_grpc_in_child, run_script
from tests.support.grpc_versions import skip_before
from tests.support.history import BOUND, Waitable
from tests.support.watching import keys, put, take

LEASES, WATCHES = 1000, 500
TTL = 9  # seconds, of the leases
SHORT = 3  # the ttl of what may be left behind
USERS, TURNS = 9, 5
KILLED_AFTER = 10  # turns of all


@pytest.fixture
def own_cluster():
    """A cluster without other clients."""
    with EtcdCluster() as cluster:
        yield cluster


def open_streams(cluster, method):
    """Return how many streams of a method the members have open."""
    return sum(count_open(member, method) for member in cluster if member.running)


def count_open(member, method):
    with urllib.request.urlopen(f"{member.url}/metrics") as answer:
        lines = [line for line in answer.read().decode().splitlines() if f'grpc_method="{method}"' in line]
    started, handled = (
        sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"grpc_server_{what}_total"))
        for what in ("started", "handled")
    )
    return started - handled


async def until_two_streams(cluster):
    """Wait until there is one stream of each kind."""
    for method in ("Watch", "LeaseKeepAlive"):
        await in_time(until(lambda method=method: open_streams(cluster, method) == 1), BOUND)


async def test_a_thousand_leases_and_five_hundred_watches_take_two_streams_and_outlive_a_member(
    face, own_cluster, make_wrapped, lost, is_grpc
):
    if is_grpc and face.name == "asyncio":
        skip_before("1.76", "a call of asyncio may succeed without its message")  # seen with 1.62, 1,000 in flight
    client, streams = make_wrapped(CountedStreams, [*own_cluster.endpoints])
    leases = [client.lease(TTL).on("lost", lost) for _ in range(LEASES)]
    names = [f"k{number}" for number in range(WATCHES)]
    await asyncio.gather(*(face.begin(lease.grant) for lease in leases))
    watchers = await asyncio.gather(*(face.begin(client.watch().key(name).create) for name in names))
    await streams.until_renewed(1, *leases)
    assert {name: len(times) for name, times in streams.times.items()} == {"Watch": 1, "LeaseKeepAlive": 1}
    await until_two_streams(own_cluster)
    await asyncio.to_thread(next(one for one in own_cluster if one.endpoint == client.endpoint).kill)
    await asyncio.to_thread(lambda: own_cluster.leader)
    await put(client, *names)
    assert [keys(await take(watcher)) for watcher in watchers] == [[name] for name in names]
    await streams.until_renewed(1, *leases)
    await until_two_streams(own_cluster)
    assert lost.leases == []


@define
class LockUsers:
    """Users of one lock who each take it several times; ``beside`` has tokens that were inside when another entered."""

    face: object
    tokens: list = field(factory=list)
    inside: list = field(factory=list)
    beside: list = field(factory=list)
    changes: Waitable = field(factory=Waitable)

    async def use(self, client):
        for _ in range(TURNS):
            while not await self._turn(client):
                pass

    async def _turn(self, client):
        """Return whether the lock was acquired; it is not while etcd is away."""
        lock = client.lock("lock", SHORT)
        try:
            await self.face.begin(lock.acquire)
        except errors.EtcdError:
            return False
        self._enter(lock.fencing_token)
        await asyncio.gather(self.face.begin(client.get("k").exists), return_exceptions=True)
        self.inside.clear()
        await asyncio.gather(self.face.begin(lock.release), return_exceptions=True)
        return True

    def _enter(self, token):
        self.beside += self.inside
        self.inside.append(token)
        self.tokens.append(token)
        self.changes.notify()


async def test_a_lock_passes_from_user_to_user_when_a_member_is_killed(face, make, etcd_cluster):
    hosts = 2 * etcd_cluster.endpoints
    clients = [make([*hosts[user % 3 : user % 3 + 3]]) for user in range(USERS)]
    before, users = set(await settle(clients[0].leases())), LockUsers(face)
    using = asyncio.gather(*map(users.use, clients))
    await users.changes.until(lambda: len(users.tokens) >= KILLED_AFTER)
    await asyncio.to_thread(crash, etcd_cluster[0])
    await in_time(using, BOUND)
    assert (len(users.tokens), users.beside) == (USERS * TURNS, [])
    assert users.tokens == sorted(set(users.tokens))
    await in_time(until(partial(no_leases_but, before, clients[0])), BOUND)


async def no_leases_but(before, client):
    """Return whether all leases that were granted since then are gone."""
    return set(await settle(client.leases())) <= before


async def test_nine_users_of_a_lock_leave_no_lease(face, make, etcd_server):
    clients, turns = [make(etcd_server.endpoint) for _ in range(USERS)], []
    before = set(await settle(clients[0].leases()))
    await asyncio.gather(*(face.begin(partial(one.lock("lock").do, partial(turns.append, one))) for one in clients))
    assert len(turns) == USERS
    assert await no_leases_but(before, clients[0])


SHARED = """
def child():
    with etcd.watch().key("k").create() as watcher, etcd.lease(3) as lease:
        etcd.put("k").value("child")
        assert next(watcher).kv.text == "child"
        assert lease.keepalive_once() == 3
    etcd.close()

etcd = ETCDService(options)
watcher, lease = etcd.watch().key("k").create(), etcd.lease(3)
lock, leadership = etcd.lock("lock").acquire(), etcd.election("election").campaign("parent")
lease.put("leased").value("v")
run_in_child(child)
etcd.put("k").value("parent")
assert [next(watcher).kv.text for _ in range(2)] == ["child", "parent"]
assert etcd.get("leased").kv().lease == lease.id
assert (lease.alive, lock.held, leadership.alive) == (True, True, True)
assert etcd.election("election").leader() == "parent"
etcd.close()
"""
UNCLOSED = """
etcd = ETCDService(options)
watcher, handled = etcd.watch().create(), etcd.watch().on("put", print).create()
lock, leadership = etcd.lock("lock").acquire(), etcd.election("election").campaign("me")
"""
AUNCLOSED = """
import asyncio
from etcd_factory import AsyncETCDService

async def main():
    etcd = AsyncETCDService(options)
    watcher, handled = await etcd.watch().create(), await etcd.watch().on("put", print).create()
    lock, leadership = await etcd.lock("lock").acquire(), await etcd.election("election").campaign("me")

asyncio.run(main())
"""


@needs_fork
@needs_grpc_in_child
def test_what_a_client_holds_stays_its_own_when_a_forked_child_uses_it_too(etcd_server, etcd_namespace):
    run_script(SHARED, etcd_server, etcd_namespace)


@needs_fork
@pytest.mark.parametrize("script", [UNCLOSED, AUNCLOSED], ids=["blocking", "asyncio"])
def test_an_interpreter_ends_silently_with_a_client_that_was_not_closed(etcd_server, etcd_namespace, script):
    assert run_script(script, etcd_server, etcd_namespace).stderr == ""
