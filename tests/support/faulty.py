"""Servers and connections that fail, and what tests watch meanwhile; the fixtures are imported by a conftest.py."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections import Counter, defaultdict

import pytest

from etcd_factory import ETCDService, errors, ops
from etcd_factory.testing import EtcdServer, FaultProxy

from .etcd_versions import progress_flag
from .faces import BOUND, in_time, settle
from .history import Waitable
from .registering import record_events, register
from .transports import Selecting, WrappedStream
from .watching import put

UNREACHABLE = (errors.ConnectionFailedError, errors.DeadlineExceededError)  # what calls raise when servers are away
FAST_ELECTION = ("--heartbeat-interval=10", "--election-timeout=100")  # it serves soon after a restart
HISTORY = 30  # writes, more than a test makes on a new store
EVENTS = 600
NAMES = [f"k{number}" for number in range(EVENTS)]
RESTARTS = (100, 250, 400)  # after so many events


# --- a server, a proxy in front of it, and a client on either way


@pytest.fixture(scope="module")
def module_server():
    """A server for the tests of one module."""
    with EtcdServer(args=[progress_flag("100ms"), *FAST_ELECTION]) as one:
        yield one


@pytest.fixture
def server(module_server):
    """A server that a test may kill, pause, empty and compact; started again for the next one."""
    yield module_server.start()
    if module_server.running:
        module_server.resume()


@pytest.fixture
def proxy(server):
    """A proxy in front of the server."""
    with FaultProxy(server.endpoint) as one:
        yield one


@pytest.fixture
async def proxied(make, proxy):
    """A client whose connections go through the proxy."""
    return make(proxy.endpoint)


@pytest.fixture
async def direct(make, server):
    """A client with connections of its own to the server."""
    return make(server.endpoint)


def compact(server, revision):
    """Compact the store up to a revision."""
    server.etcdctl("compact", str(revision))


# --- stores that are rolled back


async def write_history(client):
    """Raise the store's revision above that of a store that was emptied."""
    for number in range(HISTORY):
        await put(client, "age", value=str(number))


def lose_data(server):
    """Restart the server without its data."""
    server.wipe()
    server.start()


class Backup:
    """A copy of a server's data, made while the server is down."""

    def __init__(self, server, folder):
        self._server, self._copy = server, folder / "backup"
        server.kill()
        shutil.copytree(server.data_dir, self._copy)
        server.start()

    def restore(self):
        """Restart the server with the data of the backup."""
        self._server.wipe()
        shutil.copytree(self._copy, self._server.data_dir)
        self._server.start()


@pytest.fixture
def backup(server, tmp_path):
    """A backup of the store as it is at the beginning of the test."""
    return Backup(server, tmp_path)


# --- writing while the server is restarted


class Writer:
    """Creates keys one after another, each exactly once whatever happens to the server."""

    def __init__(self, server, namespace):
        self._client = ETCDService({"hosts": [server.endpoint], "namespace": namespace})
        self._reached = {count: threading.Event() for count in RESTARTS}

    def write(self):
        with self._client:
            for number, name in enumerate(NAMES):
                self._create(name)
                if number in self._reached:
                    self._reached[number].set()

    def _create(self, key):
        create = self._client.if_(key, "version", "==", 0).then(ops.put(key).value("v"))
        end = time.monotonic() + BOUND
        while True:
            try:
                return create.commit()
            except UNREACHABLE:
                assert time.monotonic() < end, "the server does not come back"

    def restart(self, server):
        """Restart the server several times while keys are written.

        In order, not as by a crash: a single member before 3.5.5 may lose writes that it has acknowledged
        (etcd-io/etcd#14370), and a watch cannot deliver what the store does not have.
        """
        for reached in self._reached.values():
            assert reached.wait(60)
            server.restart()


async def write_through_restarts(server, namespace):
    """Write all of ``NAMES`` while the server is restarted several times."""
    writer = Writer(server, namespace)
    await asyncio.gather(asyncio.to_thread(writer.write), asyncio.to_thread(writer.restart, server))


# --- members of a cluster


@pytest.fixture(params=["leader", "follower"])
def used(request, etcd_cluster):
    """The member of the cluster that clients use first."""
    is_leader = request.param == "leader"
    return next(member for member in etcd_cluster if (member is etcd_cluster.leader) == is_leader)


@pytest.fixture
def cluster_hosts(used, etcd_cluster):
    """All members, the used one first."""
    return [used.endpoint, *(member.endpoint for member in etcd_cluster if member is not used)]


@pytest.fixture
async def cluster_client(make, cluster_hosts):
    """A client of the cluster that is connected to the used member."""
    client = make(cluster_hosts)
    await settle(client.get("k").exists())
    return client


def crash(member):
    """Kill a member that is writing, and remove its data; when it is started again, others send it theirs.

    One before 3.5.3 that dies during a write may come back without it, and count its revisions otherwise than the
    others from then on (etcd-io/etcd#13766): no client could tell which are right.
    """
    member.wipe()


# --- registrations

QUICK = {"initial": 0.05, "maximum": 0.5}  # the ``retry`` of clients that register


async def register_recorded(recorder, registry, client, **options):
    """Register the instance "a", and record its events."""
    (one,) = await register(registry, client, "a", **options)
    record_events(recorder, one)
    return one


# --- observing


class CountedStreams(Selecting, Waitable):
    """Records when streams are opened and when they break, by method, and counts the renewals of each lease.

    One that cannot be opened, as there is no connection, counts as both.
    """

    def __init__(self, transport):
        Selecting.__init__(self, transport)
        Waitable.__init__(self)
        self.times, self.breaks, self.renewals = defaultdict(list), defaultdict(list), Counter()

    async def stream(self, host, method, metadata, request=None):
        self.times[method.name].append(time.monotonic())
        self.notify()
        try:
            return await super().stream(host, method, metadata, request)
        except errors.EtcdError:
            self.broke(method.name)
            raise

    def opened(self, call, stream):
        return CountedStream(stream, call.method, self)

    def broke(self, method):
        self.breaks[method].append(time.monotonic())
        self.notify()

    def renewed(self, lease_id):
        self.renewals[lease_id] += 1
        self.notify()

    async def until_opened(self, method, count):
        """Wait until so many more streams of a method were opened; returns when."""
        return await self._next(self.times[method], count)

    async def until_broken(self, method, count=1):
        """Wait until so many more streams of a method broke; returns when."""
        return await self._next(self.breaks[method], count)

    async def _next(self, times, count):
        before = len(times)
        await self.until(lambda: len(times) >= before + count)
        return times[before : before + count]

    async def until_renewed(self, count, *leases):
        """Wait for so many more renewals of each lease."""
        wanted = {lease.id: self.renewals[lease.id] + count for lease in leases}
        await self.until(lambda: all(self.renewals[id] >= least for id, least in wanted.items()))  # noqa: A001


class CountedStream(WrappedStream):
    """A stream that reports each lease that was renewed on it, and that it broke."""

    def __init__(self, stream, method, counts):
        super().__init__(stream)
        self._method, self._counts = method, counts

    async def receive(self):
        try:
            message = await super().receive()
        except errors.EtcdError:
            self._counts.broke(self._method)
            raise
        if getattr(message, "TTL", 0) > 0:
            self._counts.renewed(message.ID)
        return message


def background(name):
    """Return the threads and tasks of this name; there must be some."""
    found = [one for one in threading.enumerate() if one.name == name]
    found += [one for one in asyncio.all_tasks() if one.get_name() == name]
    assert found, f"nothing runs as {name!r}"
    return found


async def joined(workers):
    """Wait until these threads and tasks have ended."""
    for one in workers:
        if isinstance(one, threading.Thread):
            await asyncio.to_thread(one.join, BOUND)
            assert not one.is_alive(), one
        else:
            await in_time(asyncio.wait([one]))


class LostLeases(Waitable):
    """A handler for lost leases and locks: records which, and when."""

    def __init__(self):
        super().__init__()
        self.leases, self.times = [], []

    def __call__(self, lease):
        self.times.append(time.monotonic())
        self.leases.append(lease)
        self.notify()

    async def until_lost(self, count=1):
        """Wait until so many were lost."""
        await self.until(lambda: len(self.leases) >= count)


@pytest.fixture
def lost():
    """A handler for lost leases."""
    return LostLeases()
