"""Maintenance of members: on one server, on a cluster, and on one that is full."""

import asyncio

import pytest

from etcd_factory import Alarm, HashKV, Status, errors
from etcd_factory.testing import EtcdServer
from tests.support.etcd_versions import DOWNGRADES, minors_below, need
from tests.support.faces import failure, fill, settle

QUOTA = 256 << 10  # bytes
VALUE = "x" * 10_000


@pytest.fixture(scope="module")
def server():
    with EtcdServer() as one:
        yield one


@pytest.fixture
async def client(make, server):
    """A client of one server; its alarms are disarmed after the test."""
    made = make(hosts=[server.endpoint])
    yield made
    await settle(made.maintenance.disarm())


@pytest.fixture
def shared(make, etcd_cluster):
    """A client of three members."""
    return make(hosts=[*etcd_cluster.endpoints], timeout=30)


async def test_status_returns_the_state_of_a_member(client, server):
    status = await settle(client.maintenance.status())
    assert isinstance(status, Status)
    assert (status.version, status.endpoint) == (server.version, server.endpoint)
    assert status.leader == status.member > 0
    assert status.db_size >= status.db_size_in_use > 0
    assert status.raft_index >= status.raft_applied_index > 0
    assert (status.raft_term > 0, status.is_learner, status.errors) == (True, False, ())


async def test_an_endpoint_may_be_written_like_a_host(client, server):
    for written in (server.endpoint, server.url, f"{server.url}/"):
        assert (await settle(client.maintenance.status(written))).endpoint == server.endpoint


CALLS = {
    "status": lambda m, endpoint: m.status(endpoint),
    "defragment": lambda m, endpoint: m.defragment(endpoint),
    "hash": lambda m, endpoint: m.hash(endpoint),
    "hash_kv": lambda m, endpoint: m.hash_kv(endpoint=endpoint),
    "snapshot": lambda m, endpoint: m.snapshot("never-written", endpoint=endpoint),
}


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("endpoint", ["127.0.0.1:1", "https://{}", "no host", ""])
async def test_an_unknown_endpoint_is_an_error_that_lists_the_hosts(client, server, what, endpoint):
    with pytest.raises(ValueError, match=server.url):
        await settle(CALLS[what](client.maintenance, endpoint.format(server.endpoint)))


@pytest.mark.parametrize("what", ["status", "defragment", "hash", "hash_kv"])
async def test_an_endpoint_that_is_down_is_not_replaced_by_another(make, server, refusing, what):
    client = make(hosts=[server.endpoint, refusing], retry={"attempts": 2})
    error = await failure(lambda: CALLS[what](client.maintenance, refusing))
    assert isinstance(error, errors.ConnectionFailedError)
    assert (error.endpoint, error.operation) == (refusing, f"maintenance {what}")
    assert error.attempts == 2
    assert (await settle(client.maintenance.status())).endpoint == server.endpoint


@pytest.mark.parametrize("what", ["status", "defragment", "hash", "hash_kv"])
async def test_without_an_endpoint_any_reachable_host_is_called(make, server, refusing, what):
    client = make(hosts=[refusing, server.endpoint])
    await settle(CALLS[what](client.maintenance, None))
    assert (await settle(client.maintenance.status())).endpoint == server.endpoint


async def test_the_token_for_an_endpoint_is_fetched_there(make, server, refusing):
    auth = {"username": "alice", "password": "wonder"}
    client = make(hosts=[refusing, server.endpoint], auth=auth, dial_timeout=0.1)
    assert (await settle(client.maintenance.status(server.endpoint))).endpoint == server.endpoint


async def test_a_paused_endpoint_takes_no_longer_than_the_timeout(make, fragile):
    client = make(hosts=[fragile.endpoint], timeout=0.3)
    fragile.pause()
    assert isinstance(await failure(lambda: client.maintenance.status(fragile.endpoint)), errors.DeadlineExceededError)


async def test_defragment_frees_space(client):
    await fill(client, {f"k{n}": VALUE for n in range(100)})
    revision = (await settle(client.delete().all())).revision
    await settle(client.compact(revision, physical=True))
    before = await settle(client.maintenance.status())
    assert await settle(client.maintenance.defragment()) is None
    after = await settle(client.maintenance.status())
    assert after.db_size < before.db_size


async def test_hash_kv_is_the_hash_of_a_revision(client):
    first = (await settle(client.put("k").value("v"))).revision
    newest = await settle(client.maintenance.hash_kv())
    assert newest == HashKV(newest.hash, first, newest.compact_revision, newest.endpoint)
    await settle(client.put("k").value("w"))
    again = await settle(client.maintenance.hash_kv(first))
    assert (again.hash, again.revision) == (newest.hash, first)
    assert (await settle(client.maintenance.hash_kv())).hash != newest.hash


async def test_hash_kv_of_a_missing_revision_is_a_typed_error(make, fragile):
    client = make(hosts=[fragile.endpoint])
    error = await failure(lambda: client.maintenance.hash_kv(10**9))
    assert type(error) is errors.FutureRevisionError
    first, second = [(await settle(client.put("k").value(v))).revision for v in "vw"]
    await settle(client.compact(second, physical=True))
    await asyncio.to_thread(fragile.restart)  # from 3.5.5 on it remembers hashes of its own compactions until then
    assert type(await failure(lambda: client.maintenance.hash_kv(first - 1))) is errors.CompactedError


async def test_the_hash_of_the_database_changes_with_it(client):
    before = await settle(client.maintenance.hash())
    assert before == await settle(client.maintenance.hash())
    await settle(client.put("k").value("v"))
    assert await settle(client.maintenance.hash()) != before


@pytest.mark.parametrize(("kind", "refusal"), [("nospace", errors.NoSpaceError), ("corrupt", errors.EtcdError)])
async def test_an_alarm_is_active_until_it_is_disarmed(client, kind, refusal):
    [member] = await settle(client.cluster.members())
    assert await settle(client.maintenance.alarms()) == ()
    await settle(client.maintenance.alarm(kind, member))
    assert await settle(client.maintenance.alarms()) == (Alarm(kind, member.id),)
    assert type(await failure(lambda: client.put("k").value("v"))) is refusal
    assert await settle(client.maintenance.disarm()) == (Alarm(kind, member.id),)
    assert await settle(client.maintenance.alarms()) == ()
    await settle(client.put("k").value("v"))


async def test_disarm_ends_only_the_selected_alarms(client):
    mine, other, corrupt = Alarm("nospace", 1), Alarm("nospace", 2), Alarm("corrupt", 1)
    for one in (mine, other, corrupt):
        await settle(client.maintenance.alarm(one.kind, one.member))
    assert await settle(client.maintenance.disarm("nospace", 2)) == (other,)
    assert await settle(client.maintenance.disarm("corrupt")) == (corrupt,)
    assert await settle(client.maintenance.disarm(member=2)) == ()
    assert await settle(client.maintenance.disarm(member=1)) == (mine,)


async def test_an_unknown_alarm_names_the_nearest_one(client):
    for call in (client.maintenance.alarm, client.maintenance.disarm):
        with pytest.raises(ValueError, match="did you mean 'nospace'"):
            await settle(call("no_space"))


async def filled(client):
    """Write until there is no space left, which etcd notices only after a while; returns the last revision."""
    revision = 0
    for _ in range(100 * QUOTA // len(VALUE)):
        try:
            revision = (await settle(client.put("k").value(VALUE))).revision
        except errors.NoSpaceError:
            return revision
    pytest.fail("the server took more than its quota")


async def test_a_full_server_is_used_again_after_compacting_defragmenting_and_disarming(make):
    with EtcdServer(args=[f"--quota-backend-bytes={QUOTA}"]) as small:
        client = make(hosts=[small.endpoint])
        revision = await filled(client)
        assert [alarm.kind for alarm in await settle(client.maintenance.alarms())] == ["nospace"]
        assert "NOSPACE" in " ".join((await settle(client.maintenance.status())).errors)
        await settle(client.compact(revision, physical=True))
        await settle(client.maintenance.defragment())
        await settle(client.maintenance.disarm("nospace"))
        await settle(client.put("k").value("v"))


async def test_each_member_returns_its_own_status(shared, etcd_cluster):
    found = [await settle(shared.maintenance.status(one)) for one in etcd_cluster.endpoints]
    assert len({status.member for status in found}) == len(found)
    assert [status.endpoint for status in found] == [*etcd_cluster.endpoints]
    assert {status.leader for status in found} <= {status.member for status in found}


@pytest.mark.parametrize("asked", ["leader", "follower"])
async def test_the_leader_is_moved_whichever_host_is_in_use(make, etcd_cluster, asked):
    leads, follows = etcd_cluster.leader, [one for one in etcd_cluster if one is not etcd_cluster.leader]
    first, last = (leads, follows[0]) if asked == "leader" else (follows[0], leads)
    client = make(hosts=[first.endpoint, follows[1].endpoint, last.endpoint], timeout=30)
    wanted = (await settle(client.maintenance.status(follows[0].endpoint))).member
    assert await settle(client.maintenance.move_leader(wanted)) is None
    assert (await settle(client.maintenance.status(follows[0].endpoint))).leader == wanted


async def test_a_member_that_is_not_the_leader_does_not_move_it(make, etcd_cluster):
    leads = await asyncio.to_thread(lambda: etcd_cluster.leader)
    follower = next(one for one in etcd_cluster if one is not leads)
    client = make(hosts=[follower.endpoint])
    wanted = (await settle(client.maintenance.status())).member
    error = await failure(lambda: client.maintenance.move_leader(wanted))
    assert type(error) is errors.NotLeaderError
    assert error.operation == "maintenance move_leader"


async def test_an_unknown_member_cannot_lead(client):
    error = await failure(lambda: client.maintenance.move_leader(5))
    assert type(error) is errors.PreconditionError
    assert "bad leader transferee" in error.message


async def test_a_downgrade_is_validated_and_cancelled(client, server):
    need(DOWNGRADES, server.version)
    own, below, unreachable = (minors_below(server.version, count) for count in (0, 1, 3))
    assert await settle(client.maintenance.downgrade("validate", f"{below}.0")) == f"{own}.0"
    refused = await failure(lambda: client.maintenance.downgrade("validate", f"{unreachable}.0"))
    assert "invalid downgrade target" in str(refused)
    assert type(await failure(lambda: client.maintenance.downgrade("cancel"))) is errors.PreconditionError
    with pytest.raises(ValueError, match="did you mean 'enable'"):
        await settle(client.maintenance.downgrade("enabel"))
