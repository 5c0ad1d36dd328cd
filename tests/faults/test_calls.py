"""Calls while servers and connections fail: none is lost, none is applied twice, and no error is untrue."""

from __future__ import annotations

import asyncio
import time

import pytest
from attrs import define, field

from etcd_factory import errors, ops
from tests.support.faces import settle
from tests.support.faulty import UNREACHABLE
from tests.support.history import VERSIONS, outcome

WORKERS = 8
ROUNDS = 30
KILLED_AFTER = 60  # writes of all workers
READS = 1000  # at most, until a write is visible


@pytest.fixture
async def client(make, etcd_proxy):
    """A client with a connection through the proxy."""
    client = make(etcd_proxy.endpoint)
    await settle(client.get("k").exists())
    return client


@pytest.fixture
def observer(make, etcd_server):
    """A client with connections of its own to the server."""
    return make([*etcd_server.endpoints])


def put(client):
    return client.put("lost").value("v")


def create(client):
    return client.if_("lost", "version", "==", 0).then(ops.put("lost").value("v")).commit()


WRITES = pytest.mark.parametrize("write", [put, create])


async def version(client, key="lost"):
    kv = await settle(client.get(key).kv())
    return kv.version if kv else 0


async def until_applied(client):
    """Wait until etcd has applied the write."""
    for _ in range(READS):
        if await version(client):
            return
    pytest.fail("the write was not applied")


async def error_of(call):
    """Return the error of a call that must fail for want of a server."""
    [error] = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(error, UNREACHABLE), error
    return error


@WRITES
@pytest.mark.parametrize("end", ["reset", "cut"])
async def test_a_write_whose_reply_is_lost_is_applied_once_and_reported_as_maybe_applied(
    face, client, observer, etcd_proxy, write, end
):
    etcd_proxy.drop_replies()
    call = face.begin(lambda: write(client))
    await asyncio.to_thread(etcd_proxy.wait_for_request, b"lost")
    await until_applied(observer)
    getattr(etcd_proxy, end)()
    error = await error_of(call)
    etcd_proxy.heal()
    assert (error.maybe_applied, error.attempts) == (True, 1)
    assert await version(client) == 1


@WRITES
async def test_a_write_whose_request_is_lost_is_not_applied_and_reported_as_maybe_applied(
    face, client, observer, etcd_proxy, write
):
    etcd_proxy.half_open()
    error = await error_of(face.begin(lambda: write(client.with_options(timeout=0.5))))
    etcd_proxy.heal()
    assert error.maybe_applied
    assert await version(observer) == 0


async def test_a_create_after_one_whose_reply_was_lost_finds_the_key(face, client, observer, etcd_proxy):
    etcd_proxy.drop_replies()
    call = face.begin(lambda: create(client))
    await until_applied(observer)
    etcd_proxy.reset()
    await error_of(call)
    etcd_proxy.heal()
    assert not (await settle(create(client))).succeeded
    assert await version(observer) == 1


@WRITES
async def test_a_write_to_a_host_that_refuses_connections_is_certainly_not_applied(
    face, make, observer, etcd_proxy, write
):
    client = make(etcd_proxy.endpoint, dial_timeout=0.3)  # over long before the timeout, which could be the error too
    await settle(client.get("k").exists())
    etcd_proxy.cut()
    await error_of(face.begin(lambda: client.get("k").exists()))  # now the client knows that the connection broke
    error = await error_of(face.begin(lambda: write(client)))
    assert isinstance(error, errors.ConnectionFailedError) and not error.maybe_applied
    assert await version(observer) == 0


@pytest.mark.parametrize("call", [put, lambda client: client.get("k").exists()], ids=["write", "read"])
async def test_a_call_on_a_half_open_connection_ends_within_the_timeout(face, client, etcd_proxy, call):
    etcd_proxy.half_open()
    start = time.monotonic()
    error = await error_of(face.begin(lambda: call(client.with_options(timeout=0.5))))
    assert time.monotonic() - start < 0.5 + client.options.dial_timeout
    assert error.maybe_applied == (call is put)
    etcd_proxy.heal()
    await settle(client.get("k").exists())  # else a write could be sent on the connection that heal() breaks
    await settle(call(client))


@define
class Workers:
    """Write keys one after another and read each back; ``outcomes`` is what the errors of writes say of each key."""

    face: object
    client: object
    outcomes: dict = field(factory=dict)
    misread: dict = field(factory=dict)
    enough: asyncio.Event = field(factory=asyncio.Event)

    async def run(self):
        await asyncio.gather(*map(self.work, range(WORKERS)))

    async def work(self, worker):
        for number in range(ROUNDS):
            key = f"{worker}/{number}"
            await self.write(key)
            await self.read(key)

    async def write(self, key):
        try:
            await self.face.begin(lambda: self.client.put(key).value("v"))
            self.outcomes[key] = outcome(None)
        except errors.EtcdError as error:
            self.outcomes[key] = outcome(error)
        if len(self.outcomes) >= KILLED_AFTER:
            self.enough.set()

    async def read(self, key):
        try:
            found = await self.face.begin(lambda: self.client.get(key).string())
            if found is None and self.outcomes[key] == "done":
                self.misread[key] = "missing"
        except errors.EtcdError as error:
            self.misread[key] = error


async def test_when_the_member_in_use_is_killed_no_read_fails_and_no_write_is_misreported(face, cluster_client, used):
    workers = Workers(face, cluster_client)
    running = asyncio.ensure_future(workers.run())
    await workers.enough.wait()
    await asyncio.to_thread(used.kill)
    await running
    assert workers.misread == {}
    versions = {kv.key_text: kv.version for kv in await settle(cluster_client.get_all().kvs())}
    assert {key: known for key, known in workers.outcomes.items() if versions.get(key, 0) not in VERSIONS[known]} == {}
    assert list(workers.outcomes.values())[-WORKERS:] == ["done"] * WORKERS


async def test_calls_succeed_after_the_member_in_use_was_killed(cluster_client, used):
    await asyncio.to_thread(used.kill)
    await settle(cluster_client.get("k").exists())
    for number in range(20):
        await settle(cluster_client.put("after").value(number))
        assert await settle(cluster_client.get("after").number()) == number


async def test_when_the_member_in_use_hangs_a_read_succeeds_within_its_timeout(cluster_client, used):
    used.pause()
    assert await settle(cluster_client.with_options(timeout=3).get("k").string()) is None


async def test_when_the_member_in_use_hangs_only_the_first_call_fails(face, cluster_client, used, etcd_cluster):
    used.pause()
    await asyncio.gather(face.begin(lambda: put(cluster_client.with_options(timeout=0.3))), return_exceptions=True)
    await asyncio.to_thread(lambda: etcd_cluster.leader)  # no other member answers before it is elected
    assert await settle(cluster_client.with_options(timeout=2).get("k").string()) is None


async def test_the_first_call_after_all_members_were_down_succeeds(face, cluster_client, etcd_cluster):
    await settle(cluster_client.put("kept").value("v"))
    for member in etcd_cluster:
        member.kill()
    await error_of(face.begin(lambda: cluster_client.with_options(timeout=1).get("kept").string()))  # all are down
    await asyncio.to_thread(etcd_cluster.start)
    assert await settle(cluster_client.get("kept").string()) == "v"
    await settle(cluster_client.put("kept").value("w"))
    assert await version(cluster_client, "kept") == 2
