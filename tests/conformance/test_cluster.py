"""The members of a cluster."""

import asyncio
from itertools import count

import pytest

from etcd_factory import Member, errors
from etcd_factory.testing import EtcdServer
from tests.support.faces import failure, settle

NOWHERE = "http://127.0.0.1:1"
PORTS = count(1)


@pytest.fixture(scope="module")
def server():
    # else no member goes within the first 5 s of its life
    with EtcdServer(args=["--strict-reconfig-check=false"]) as one:
        yield one


@pytest.fixture
async def cluster(make, server):
    """The members of a cluster of one; others are removed after the test."""
    found = make(hosts=[server.endpoint], timeout=30).cluster
    first = await settle(found.members())
    yield found
    for member in await settle(found.members()):
        if member not in first:
            await settle(found.remove(member))


@pytest.fixture
def url():
    """A peer URL for one test: etcd takes a member added within a second of another's removal for that one."""
    return f"http://127.0.0.1:{next(PORTS)}"


async def test_members_lists_ids_names_and_urls(cluster, server):
    [one] = await settle(cluster.members())
    assert one == Member(one.id, server.name, (server.peer_url,), (server.url,), False)
    assert one.id > 0


@pytest.mark.parametrize("given", [str, lambda url: [url], lambda url: iter([url])], ids=["text", "list", "iterator"])
async def test_a_learner_is_added_and_removed(cluster, url, given):
    added = await settle(cluster.add(given(url), learner=True))
    assert added == Member(added.id, "", (url,), (), True)
    assert added in await settle(cluster.members())
    assert await settle(cluster.remove(added.id)) is None
    assert added not in await settle(cluster.members())


async def test_the_urls_of_a_member_are_updated(cluster, server):
    [one] = await settle(cluster.members())
    await settle(cluster.update(one, [server.peer_url, NOWHERE]))
    assert {*(await settle(cluster.members()))[0].peer_urls} == {server.peer_url, NOWHERE}
    await settle(cluster.update(one.id, server.peer_url))
    assert await settle(cluster.members()) == (one,)


@pytest.fixture
def second(server):
    """A server that joins the cluster when it is started."""
    one = EtcdServer(name="second")
    known = f"--initial-cluster={server.name}={server.peer_url},{one.name}={one.peer_url}"
    one.args = (known, "--initial-cluster-state=existing")
    yield one
    one.stop()


async def test_a_learner_that_has_caught_up_is_promoted(second, cluster):
    added = await settle(cluster.add(second.peer_url, learner=True))
    await asyncio.to_thread(second.start)
    await promoted(cluster, added)
    joined = next(one for one in await settle(cluster.members()) if one.id == added.id)
    assert joined == Member(added.id, second.name, (second.peer_url,), (second.url,), False)
    await settle(cluster.remove(joined))


async def promoted(cluster, member):
    """Promote a learner as soon as the leader knows that it has caught up."""
    for _ in range(10_000):
        try:
            return await settle(cluster.promote(member))
        except errors.PreconditionError:
            continue
    pytest.fail("the learner never caught up")


FAULTS = {
    "add": ("cluster add", "INVALID_ARGUMENT", lambda c: c.add([])),
    "remove": ("cluster remove 5", "NOT_FOUND", lambda c: c.remove(5)),
    "update": ("cluster update 5", "NOT_FOUND", lambda c: c.update(5, NOWHERE)),
    "promote": ("cluster promote 5", "NOT_FOUND", lambda c: c.promote(5)),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_an_error_names_the_operation(cluster, server, what):
    operation, code, call = FAULTS[what]
    error = await failure(lambda: call(cluster))
    assert (error.operation, error.code, error.attempts) == (operation, code, 1)
    assert error.endpoint == server.endpoint


async def test_a_learner_that_never_started_is_not_promoted(cluster, url):
    added = await settle(cluster.add(url, learner=True))
    error = await failure(lambda: cluster.promote(added))
    assert type(error) is errors.PreconditionError
    assert error.operation == f"cluster promote {added.id:x}"


@pytest.mark.parametrize("given", ["1", -1, None, True])
async def test_an_id_must_be_an_int_that_is_not_negative(cluster, given):
    with pytest.raises((TypeError, ValueError), match="a member id"):
        await settle(cluster.remove(given))


@pytest.mark.parametrize("given", [3, [3], [""]])
async def test_peer_urls_are_text(cluster, given):
    with pytest.raises((TypeError, ValueError)):
        await settle(cluster.add(given))
