"""Many of everything: on few streams, with nothing lost, and with nothing left behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from functools import partial

import pytest
from attrs import define, field

from etcd_factory import errors
from etcd_factory.testing import EtcdCluster
from tests.conformance.test_forks import START
from tests.conformance.test_forks import pytestmark as forks
from tests.conformance.test_watch import keys, put, take
from tests.support.faces import settle, until
from tests.support.history import BOUND, Change, Streams, crash

from .test_lease import Told

LEASES, WATCHES = 1000, 500
TTL = 9  # of them, in seconds
SHORT = 3  # the ttl of what may be left behind
USERS, TURNS = 9, 5
KILLED_AFTER = 10  # turns of all


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def alone():
    """A cluster whose streams are all ours."""
    with EtcdCluster() as cluster:
        yield cluster


def streams(cluster, method):
    """How many streams of this call the members have open."""
    return sum(count(member, method) for member in cluster if member.running)


def count(member, method):
    with urllib.request.urlopen(f"{member.url}/metrics") as answer:
        lines = [line for line in answer.read().decode().splitlines() if f'grpc_method="{method}"' in line]
    started, handled = (
        sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"grpc_server_{what}_total"))
        for what in ("started", "handled")
    )
    return started - handled


async def shared(cluster):
    """Wait until there is one stream of each kind."""
    for method in ("Watch", "LeaseKeepAlive"):
        await asyncio.wait_for(until(lambda method=method: streams(cluster, method) == 1), BOUND)


async def test_a_thousand_leases_and_five_hundred_watches_take_two_streams_and_outlive_a_member(
    face, alone, make, told
):
    client = make([*alone.endpoints])
    counted, leases = Streams(client), [client.lease(TTL).on("lost", told) for _ in range(LEASES)]
    names = [f"k{number}" for number in range(WATCHES)]
    await asyncio.gather(*(face.begin(lease.grant) for lease in leases))
    watchers = await asyncio.gather(*(face.begin(client.watch().key(name).create) for name in names))
    await counted.renews(1, *leases)
    assert {name: len(times) for name, times in counted.opened.items()} == {"Watch": 1, "LeaseKeepAlive": 1}
    await shared(alone)
    await asyncio.to_thread(next(one for one in alone if one.endpoint == client._run.client.endpoint).kill)
    await asyncio.to_thread(lambda: alone.leader)
    await put(client, *names)
    assert [keys(await take(watcher)) for watcher in watchers] == [[name] for name in names]
    await counted.renews(1, *leases)
    await shared(alone)
    assert told.leases == []


@define
class Turns:
    """Users of one lock that each want it several times: who had it, by what token, and who had it beside another."""

    face: object
    tokens: list = field(factory=list)
    inside: list = field(factory=list)
    beside: list = field(factory=list)
    change: Change = field(factory=Change)

    async def use(self, client):
        for _ in range(TURNS):
            while not await self._turn(client):
                pass

    async def _turn(self, client):
        """Whether it was had; where etcd is away it was not."""
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
        self.change.tell()


async def test_a_lock_goes_from_user_to_user_when_a_member_is_killed(face, make, etcd_cluster):
    hosts = 2 * etcd_cluster.endpoints
    clients = [make([*hosts[user % 3 : user % 3 + 3]]) for user in range(USERS)]
    before, turns = set(await settle(clients[0].leases())), Turns(face)
    using = asyncio.gather(*map(turns.use, clients))
    await turns.change.until(lambda: len(turns.tokens) >= KILLED_AFTER)
    await asyncio.to_thread(crash, etcd_cluster[0])
    await asyncio.wait_for(using, BOUND)
    assert (len(turns.tokens), turns.beside) == (USERS * TURNS, [])
    assert turns.tokens == sorted(set(turns.tokens))
    await asyncio.wait_for(until(partial(nothing_but, before, clients[0])), BOUND)


async def nothing_but(before, client):
    """Whether all leases that came since then have gone."""
    return set(await settle(client.leases())) <= before


async def test_nine_users_of_a_lock_leave_no_lease(face, make, etcd_server):
    clients, turns = [make(etcd_server.endpoint) for _ in range(USERS)], []
    before = set(await settle(clients[0].leases()))
    await asyncio.gather(*(face.begin(partial(one.lock("lock").do, partial(turns.append, one))) for one in clients))
    assert len(turns) == USERS
    assert await nothing_but(before, clients[0])


LIVE = """
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
forked(child)
etcd.put("k").value("parent")
assert [next(watcher).kv.text for _ in range(2)] == ["child", "parent"]
assert etcd.get("leased").kv().lease == lease.id
assert (lease.alive, lock.held, leadership.alive) == (True, True, True)
assert etcd.election("election").leader() == "parent"
etcd.close()
"""
LEFT = """
etcd = ETCDService(options)
watcher, told = etcd.watch().create(), etcd.watch().on("put", print).create()
lock, leadership = etcd.lock("lock").acquire(), etcd.election("election").campaign("me")
"""
ALEFT = """
import asyncio
from etcd_factory import AsyncETCDService

async def main():
    etcd = AsyncETCDService(options)
    watcher, told = await etcd.watch().create(), await etcd.watch().on("put", print).create()
    lock, leadership = await etcd.lock("lock").acquire(), await etcd.election("election").campaign("me")

asyncio.run(main())
"""


@forks
def test_what_a_client_has_is_its_own_when_a_forked_child_uses_it_too(etcd_server, etcd_namespace):
    run(LIVE, etcd_server, etcd_namespace)


@forks
@pytest.mark.parametrize("script", [LEFT, ALEFT], ids=["blocking", "asyncio"])
def test_an_interpreter_ends_in_silence_with_whatever_a_client_has(etcd_server, etcd_namespace, script):
    assert run(script, etcd_server, etcd_namespace).stderr == ""


def run(script, server, namespace):
    """The script, run to its end."""
    command = [sys.executable, "-c", START + script, server.endpoint, namespace]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0, done.stderr
    return done
