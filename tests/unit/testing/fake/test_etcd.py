"""``FakeEtcd`` as its users see it."""

import asyncio
import doctest
import threading

import pytest

from etcd_factory import errors, ops
from etcd_factory.testing import FakeEtcd
from etcd_factory.testing.fake import etcd as module
from tests.support.faces import BOUND, closed, settle
from tests.support.watching import recorder, take  # noqa: F401


@pytest.fixture
def fake():
    with FakeEtcd() as one:
        yield one


@pytest.fixture(params=["client", "aclient"])
async def connect(request, fake):
    """Creates clients of a face on the fake."""
    clients = []

    def create(*args, **options):
        clients.append(getattr(fake, request.param)(*args, **options))
        return clients[-1]

    yield create
    for client in clients:
        await closed(client)


async def test_all_clients_see_the_same_keys(connect, fake):
    one, other = connect(), connect(namespace="app/")
    await settle(other.put("color").value("red"))
    assert await settle(one.get("app/color").string()) == "red"
    assert fake.revision == 2


async def test_clients_of_both_faces_see_the_same_keys(fake):
    with fake.client() as blocking:
        async with fake.aclient() as asynchronous:
            await asynchronous.put("k").value("v")
            assert blocking.get("k").string() == "v"


async def test_options_are_those_of_a_client(connect, fake):
    assert connect().options.hosts == (f"http://{fake.endpoint}",)
    assert connect({"hosts": ["elsewhere:1"], "namespace": "n/"}).options.namespace == "n/"
    with pytest.raises(TypeError, match="not both"):
        connect({"hosts": ["elsewhere:1"]}, namespace="n/")


async def test_a_lease_expires_when_the_clock_is_moved(connect, fake):
    client = connect()
    lease = client.lease(10)
    await settle(lease.put("k").value("v"))
    fake.advance(9)
    assert await settle(client.get("k").exists())
    fake.advance(1)
    assert not await settle(client.get("k").exists())


async def test_leases_expire_in_the_order_of_their_ends(connect, fake):
    client = connect()
    for ttl in (20, 10):
        await settle(client.lease(ttl).put(f"k{ttl}").value("v"))
    watcher = await settle(client.watch().prefix("k").only("delete").create())
    fake.advance(30)
    assert [event.kv.key_text for event in await take(watcher, 2)] == ["k10", "k20"]
    await settle(watcher.cancel())


async def test_a_lock_passes_on_when_its_owner_is_gone(connect, fake):
    owner, next_one = connect().lock("job", ttl=10), connect().lock("job", ttl=100)
    await settle(owner.acquire())
    with pytest.raises(errors.LockFailedError):
        await settle(next_one.acquire(timeout=0))
    fake.advance(10)
    await settle(next_one.acquire())
    assert next_one.held
    await settle(next_one.release())


async def test_time_does_not_go_back(fake):
    with pytest.raises(ValueError, match="time does not go back"):
        fake.advance(-1)


def test_an_interval_is_more_than_nothing():
    with pytest.raises(ValueError, match="progress_interval: expected more than 0 seconds, got 0"):
        FakeEtcd(progress_interval=0)


async def test_in_real_time_a_lease_expires_by_itself():
    with FakeEtcd(real_time=True) as fake, fake.client() as client:
        watcher = client.watch().key("k").only("delete").create()
        client.put("k").lease(client.lease(60)).value("v")
        fake.advance(60)  # which moves that clock too
        assert next(watcher).type == "delete"


async def test_a_watch_resumes_after_a_restart(connect, fake, recorder):  # noqa: F811
    client = connect()
    watcher = await settle(client.watch().prefix("k").create())
    await settle(recorder.on(client.watch().prefix("k"), "disconnected").create())
    await settle(client.put("k1").value("v"))
    fake.stop()
    await recorder.until("disconnected")
    fake.start()
    await settle(client.put("k2").value("v"))
    assert [event.kv.key_text for event in await take(watcher, 2)] == ["k1", "k2"]
    await settle(watcher.cancel())


async def test_a_restart_lets_leases_begin_again(connect, fake):
    client = connect()
    await settle(client.lease(10).put("k").value("v"))
    fake.advance(9)
    fake.stop()
    fake.advance(9)
    fake.start()
    fake.advance(9)
    assert await settle(client.get("k").exists())
    fake.advance(1)
    assert not await settle(client.get("k").exists())


async def test_a_stopped_fake_refuses_connections_and_a_paused_one_is_silent(connect, fake):
    client = connect(retry={"attempts": 2, "initial": 0.001}, timeout=0.2)
    fake.stop()
    with pytest.raises(errors.ConnectionFailedError):
        await settle(client.put("k").value("v"))
    fake.start()
    fake.pause()
    with pytest.raises(errors.DeadlineExceededError):
        await settle(client.put("k").value("v"))
    fake.resume()
    await settle(client.put("k").value("v"))


async def test_progress_is_reported_after_its_interval(connect):
    with FakeEtcd(progress_interval=60) as fake, fake.client() as client:
        watcher = client.watch().key("k").progress().create()
        fake.advance(60)
        assert next(watcher).type == "progress"


async def test_a_quota_limits_the_database():
    with FakeEtcd(quota=1) as fake, fake.client() as client, pytest.raises(errors.NoSpaceError):
        client.put("k").value("v")


def test_many_threads_count_without_a_gap(fake):
    with fake.client() as client:

        def count():
            for _ in range(20):
                client.stm().transact(lambda tx: tx.put("n").value((tx.get("n").number() or 0) + 1))

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(BOUND)
        assert client.get("n").number() == 80


async def test_many_tasks_compete_for_one_key(fake):
    async with fake.aclient() as client:
        new = ops.put("k").value("v")
        answers = await asyncio.gather(*(client.if_("k", "version", "==", 0).then(new).commit() for _ in range(10)))
        assert sum(answer.succeeded for answer in answers) == 1


def test_its_text_says_where_and_how_it_is(fake):
    assert repr(fake) == "<FakeEtcd at 127.0.0.1:2379, revision 1>"
    fake.pause()
    assert repr(fake).endswith(", paused>")
    fake.stop()
    assert repr(fake).endswith(", stopped>")


def test_examples():
    assert doctest.testmod(module).failed == 0
