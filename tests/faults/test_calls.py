"""What a caller is told when servers and connections fail: nothing lost, nothing doubled, nothing untrue."""

from __future__ import annotations

import asyncio
import time

import pytest
from attrs import define, field

from etcd_factory import errors, ops
from tests.support.faces import settle

LOST = (errors.ConnectionFailedError, errors.DeadlineExceededError)
WORKERS = 8
ROUNDS = 30
KILLED_AFTER = 60  # writes of all workers
TRIES = 1000  # of a read that waits for a write


@pytest.fixture
async def through(make, etcd_proxy):
    """A client whose connection, through the proxy, has been used."""
    client = make(etcd_proxy.endpoint)
    await settle(client.get("k").exists())
    return client


@pytest.fixture
def direct(make, etcd_server):
    """A client that no fault befalls."""
    return make([*etcd_server.endpoints])


@pytest.fixture(params=["leader", "follower"])
def used(request, etcd_cluster):
    """The member of the cluster that clients here ask first."""
    leads = request.param == "leader"
    return next(one for one in etcd_cluster if (one is etcd_cluster.leader) == leads)


@pytest.fixture
def hosts(used, etcd_cluster):
    """All members, the used one first."""
    return [used.endpoint, *(one.endpoint for one in etcd_cluster if one is not used)]


@pytest.fixture
async def shared(make, hosts):
    """A client of the cluster that is connected to the used member."""
    client = make(hosts)
    await settle(client.get("k").exists())
    return client


def put(client):
    return client.put("lost").value("v")


def create(client):
    return client.if_("lost", "version", "==", 0).then(ops.put("lost").value("v")).commit()


WRITES = pytest.mark.parametrize("write", [put, create])


async def version(client, key="lost"):
    kv = await settle(client.get(key).kv())
    return kv.version if kv else 0


async def applied(client):
    """Wait until etcd has done the write."""
    for _ in range(TRIES):
        if await version(client):
            return
    pytest.fail("the write was not applied")


async def error_of(call):
    [error] = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(error, LOST), error
    return error


@WRITES
@pytest.mark.parametrize("end", ["reset", "cut"])
async def test_a_write_whose_reply_is_lost_is_applied_once_and_said_to_be_uncertain(
    face, through, direct, etcd_proxy, write, end
):
    etcd_proxy.drop_replies()
    call = face.begin(lambda: write(through))
    await asyncio.to_thread(etcd_proxy.wait_for_request, b"lost")
    await applied(direct)
    getattr(etcd_proxy, end)()
    error = await error_of(call)
    etcd_proxy.heal()
    assert (error.maybe_applied, error.attempts) == (True, 1)
    assert await version(through) == 1


@WRITES
async def test_a_write_whose_request_is_lost_is_not_applied_and_said_to_be_uncertain(
    face, through, direct, etcd_proxy, write
):
    etcd_proxy.half_open()
    error = await error_of(face.begin(lambda: write(through.with_options(timeout=0.5))))
    etcd_proxy.heal()
    assert error.maybe_applied
    assert await version(direct) == 0


async def test_a_create_after_one_whose_reply_was_lost_is_told_the_truth(face, through, direct, etcd_proxy):
    etcd_proxy.drop_replies()
    call = face.begin(lambda: create(through))
    await applied(direct)
    etcd_proxy.reset()
    await error_of(call)
    etcd_proxy.heal()
    assert not (await settle(create(through))).succeeded
    assert await version(direct) == 1


@WRITES
async def test_a_write_to_a_host_that_refuses_is_certainly_not_applied(face, through, direct, etcd_proxy, write):
    hasty = through.with_options(timeout=0.3)
    etcd_proxy.cut()
    await error_of(face.begin(lambda: hasty.get("k").exists()))  # the break has been noticed
    error = await error_of(face.begin(lambda: write(hasty)))
    assert isinstance(error, errors.ConnectionFailedError) and not error.maybe_applied
    assert await version(direct) == 0


@pytest.mark.parametrize("call", [put, lambda client: client.get("k").exists()], ids=["write", "read"])
async def test_a_call_on_a_half_open_connection_ends_within_the_timeout(face, through, etcd_proxy, call):
    etcd_proxy.half_open()
    start = time.monotonic()
    error = await error_of(face.begin(lambda: call(through.with_options(timeout=0.5))))
    assert time.monotonic() - start < 0.5 + through.options.dial_timeout
    assert error.maybe_applied == (call is put)
    etcd_proxy.heal()
    await settle(through.get("k").exists())  # a write could yet meet the connection that healing breaks
    await settle(call(through))


@define
class Work:
    """Workers that write keys one after another and read each back; ``said`` is what they were told of each write."""

    face: object
    client: object
    said: dict = field(factory=dict)
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
            self.said[key] = "done"
        except errors.EtcdError as error:
            self.said[key] = "maybe" if error.maybe_applied else "not done"
        if len(self.said) >= KILLED_AFTER:
            self.enough.set()

    async def read(self, key):
        try:
            found = await self.face.begin(lambda: self.client.get(key).string())
            if found is None and self.said[key] == "done":
                self.misread[key] = "nothing"
        except errors.EtcdError as error:
            self.misread[key] = error


TRUE = {"done": {1}, "maybe": {0, 1}, "not done": {0}}


async def test_when_the_member_in_use_is_killed_no_read_fails_and_no_write_is_misreported(
    face, shared, used, etcd_cluster
):
    work = Work(face, shared)
    running = asyncio.ensure_future(work.run())
    await work.enough.wait()
    await asyncio.to_thread(used.kill)
    await running
    assert work.misread == {}
    versions = {kv.key_text: kv.version for kv in await settle(shared.get_all().kvs())}
    assert {key: said for key, said in work.said.items() if versions.get(key, 0) not in TRUE[said]} == {}
    assert list(work.said.values())[-WORKERS:] == ["done"] * WORKERS


async def test_calls_are_normal_again_after_the_member_in_use_was_killed(shared, used):
    await asyncio.to_thread(used.kill)
    await settle(shared.get("k").exists())
    for number in range(20):
        await settle(shared.put("after").value(number))
        assert await settle(shared.get("after").number()) == number


async def test_when_the_member_in_use_hangs_a_read_succeeds_within_its_timeout(shared, used):
    used.pause()
    assert await settle(shared.with_options(timeout=3).get("k").string()) is None


async def test_when_the_member_in_use_hangs_only_the_first_call_is_lost_to_it(face, shared, used):
    used.pause()
    await asyncio.gather(face.begin(lambda: put(shared.with_options(timeout=0.3))), return_exceptions=True)
    assert await settle(shared.with_options(timeout=2).get("k").string()) is None


async def test_the_first_call_after_all_members_were_down_works(face, shared, etcd_cluster):
    await settle(shared.put("kept").value("v"))
    for member in etcd_cluster:
        member.kill()
    await error_of(face.begin(lambda: shared.with_options(timeout=1).get("kept").string()))  # they are down meanwhile
    await asyncio.to_thread(etcd_cluster.start)
    assert await settle(shared.get("kept").string()) == "v"
    await settle(shared.put("kept").value("w"))
    assert await version(shared, "kept") == 2
