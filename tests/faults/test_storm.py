"""Twenty thousand events of another process while members die: each is delivered once and in order."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from etcd_factory import AsyncETCDService, ETCDService, errors, ops
from tests.support.faces import FACES
from tests.support.faulty import CountedStreams, crash
from tests.support.history import BOUND
from tests.support.transports import real
from tests.support.watching import begin_take, keys, take

EVENTS, KILLS = 20_000, 5
SECTION = EVENTS // KILLS  # events that are written around each kill
GROUP = 5  # events of one revision
WRITERS = 16
KILLED_AFTER = 100  # revisions of a section


def write(options, pipe):
    """Create the keys of each range that comes on the pipe, in another process; reports part of it and its end."""
    with ETCDService({**options, "timeout": 2}) as etcd, ThreadPoolExecutor(WRITERS) as pool:
        for numbers in iter(pipe.recv, None):
            groups = (numbers[first : first + GROUP] for first in range(0, len(numbers), GROUP))
            for done, _ in enumerate(pool.map(partial(create, etcd), groups), 1):
                if done in (KILLED_AFTER, SECTION // GROUP):
                    pipe.send(done)


def create(etcd, numbers):
    """Create these keys at one revision, exactly once whatever happens to the replies."""
    names = [f"k{number:05}" for number in numbers]
    transaction = etcd.if_(names[0], "version", "==", 0).then(*(ops.put(name).value("v") for name in names))
    end = time.monotonic() + BOUND
    while True:
        try:
            return transaction.commit()
        except errors.EtcdError:
            assert time.monotonic() < end, "etcd does not come back"


@pytest.fixture
def options(etcd_cluster, etcd_namespace):
    return {"hosts": [*etcd_cluster.endpoints], "namespace": etcd_namespace}


@pytest.fixture
def streams(options):
    """The counted streams of each face."""
    return {face.name: CountedStreams(real(face, options)) for face in FACES}


@pytest.fixture
def blocking(options, streams):
    with ETCDService(options, transport=streams["blocking"]) as service:
        yield service


@pytest.fixture
async def awaited(options, streams):
    """A client that uses another member first."""
    first, *others = options["hosts"]
    async with AsyncETCDService({**options, "hosts": [*others, first]}, transport=streams["asyncio"]) as service:
        yield service


@pytest.fixture
def writer(options):
    """A pipe to the process that writes."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=write, args=(options, there), daemon=True)
    process.start()
    yield here
    here.send(None)
    process.join(BOUND)
    process.kill()


async def reported(pipe):
    """Return what the writer reports next."""
    assert await asyncio.to_thread(pipe.poll, BOUND), "the writer makes no progress"
    return pipe.recv()


def victim(number, cluster, clients):
    """Return the member that one of the clients uses, or the leader."""
    turn = number % (len(clients) + 1)
    if turn == len(clients):
        return cluster.leader
    return next(member for member in cluster if member.endpoint == clients[turn].endpoint)


async def storm(cluster, writer, *clients):
    """Have all keys written; in each section a member is killed, and started again."""
    for number in range(KILLS):
        writer.send(range(number * SECTION, (number + 1) * SECTION))
        assert await reported(writer) == KILLED_AFTER
        await asyncio.to_thread(lambda number=number: crash(victim(number, cluster, clients)))
        await asyncio.to_thread(cluster.start)
        await reported(writer)


async def test_each_event_of_another_process_is_delivered_once_and_in_order_while_members_die(
    etcd_cluster, blocking, awaited, writer, streams
):
    watchers = [blocking.watch().prefix("k").create(), await awaited.watch().prefix("k").create()]
    reading = [begin_take(watcher, EVENTS) for watcher in watchers]
    await storm(etcd_cluster, writer, blocking, awaited)
    history = sorted((kv.mod_revision, kv.key, kv.version) for kv in blocking.get_all().prefix("k").kvs())
    assert len(history) == EVENTS
    for events in await asyncio.wait_for(asyncio.gather(*reading), BOUND):
        assert [(event.revision, event.kv.key, event.kv.version) for event in events] == history
    blocking.put("k").value("last")
    assert [keys(await take(watcher)) for watcher in watchers] == [["k"], ["k"]]
    assert [one for one in streams.values() if len(one.times["Watch"]) <= KILLS // 3] == []
