"""A whole store in a file: there in full, or not at all."""

import asyncio
import hashlib
import subprocess
from pathlib import Path

import pytest

from etcd_factory import AsyncETCDService, ETCDService, Snapshot, errors
from etcd_factory.core.admin.snapshot import Part
from etcd_factory.testing import BinaryNotFoundError, EtcdServer, FaultProxy, find_binary
from tests.support.faces import closed, failure, settle

VALUE = "x" * 1_000_000  # a store of some is more than connections hold back on their own
KEYS = 16
ROOT = {"username": "root", "password": "top"}


@pytest.fixture(scope="module")
def server():
    with EtcdServer(args=["--bcrypt-cost=4"]) as one, ETCDService({"hosts": [one.endpoint]}) as client:
        for number in range(KEYS):
            client.put(f"k{number}").value(VALUE)
        yield one


@pytest.fixture
def client(make, server):
    return make(hosts=[server.endpoint])


@pytest.fixture
def proxy(server):
    with FaultProxy(server.endpoint) as one:
        yield one


@pytest.fixture
def far(make, proxy):
    """A client that reaches the server through the proxy."""
    return make(hosts=[proxy.endpoint], timeout=1)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "snapshot.db"


@pytest.fixture(scope="session")
def tool():
    """etcd's own program for data on disk, new in etcd 3.5."""
    try:
        return find_binary("etcdutl")
    except BinaryNotFoundError:
        pytest.skip("there is no etcdutl")


class Told:
    """What progress was told; does something the first time."""

    def __init__(self, act=lambda: None):
        self.steps, self._act = [], act

    def __call__(self, done, total):
        self.steps.append((done, total))
        return self._act() if len(self.steps) == 1 else None


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def left(file):
    return [path.name for path in file.parent.iterdir()]


async def test_a_snapshot_is_one_that_etcd_can_read(client, tool, file):
    revision = (await settle(client.get("k0").exec())).revision
    made = await settle(client.maintenance.snapshot(file))
    assert made == Snapshot(file, file.stat().st_size)
    assert left(file) == [file.name]
    assert int(run(tool, "snapshot", "status", file).split(",")[1]) == revision


async def test_a_snapshot_can_be_restored(client, tool, file, tmp_path):
    await settle(client.maintenance.snapshot(str(file)))
    data = tmp_path / "data"
    run(tool, "snapshot", "restore", file, f"--data-dir={data}")
    with EtcdServer(args=[f"--data-dir={data}"]) as restored, ETCDService({"hosts": [restored.endpoint]}) as reader:
        assert reader.get_all().keys() == sorted(f"k{number}" for number in range(KEYS))


async def test_progress_is_told_to_the_end(client, file):
    told = Told()
    made = await settle(client.maintenance.snapshot(file, told))
    done = [step[0] for step in told.steps]
    assert done == sorted(done)
    assert {total for _, total in told.steps} == {made.size}
    assert (done[0] > 0, done[-1]) == (True, made.size)


async def test_progress_may_be_told_to_a_coroutine(server, file):
    steps = []

    async def told(done, total):
        await asyncio.sleep(0)
        steps.append(done)

    async with AsyncETCDService({"hosts": [server.endpoint]}) as client:
        assert (await client.maintenance.snapshot(file, told)).size == steps[-1]


async def test_an_older_file_is_replaced(client, file):
    file.write_text("old")
    await settle(client.maintenance.snapshot(file))
    assert file.stat().st_size > KEYS * len(VALUE)


async def test_one_that_is_written_meanwhile_to_the_same_file_does_no_harm(client, file):
    await settle(client.maintenance.snapshot(file, Told(lambda: client.maintenance.snapshot(file))))
    data = file.read_bytes()
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    assert left(file) == [file.name]


async def test_only_its_owner_reads_it(client, file):
    await settle(client.maintenance.snapshot(file))
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_place_that_is_not_there_is_an_error_at_once(make, refusing, file):
    with pytest.raises(FileNotFoundError):
        await settle(make(hosts=[refusing]).maintenance.snapshot(file / "nowhere" / "s"))


async def test_a_broken_connection_leaves_nothing(far, proxy, file):
    told = Told(proxy.cut)
    error = await failure(lambda: far.maintenance.snapshot(file, told))
    assert isinstance(error, errors.ConnectionFailedError)
    assert error.operation == "maintenance snapshot"
    assert told.steps[-1][0] < told.steps[-1][1]
    assert left(file) == []


async def test_a_connection_that_falls_silent_leaves_nothing_within_the_timeout(far, proxy, file):
    told = Told(proxy.drop_replies)
    error = await failure(lambda: far.maintenance.snapshot(file, told))
    assert type(error) is errors.DeadlineExceededError
    assert (error.operation, error.endpoint) == ("maintenance snapshot", proxy.endpoint)
    assert left(file) == []


async def test_a_server_that_says_nothing_at_all_is_given_up(make, silent, file):
    error = await failure(lambda: make(hosts=[silent], timeout=0.3).maintenance.snapshot(file))
    assert isinstance(error, errors.DeadlineExceededError)
    assert left(file) == []


async def test_an_older_file_outlives_a_failure(far, proxy, file):
    file.write_text("old")
    await failure(lambda: far.maintenance.snapshot(file, Told(proxy.cut)))
    assert (left(file), file.read_text()) == ([file.name], "old")


async def test_an_error_in_progress_ends_it_and_leaves_nothing(client, file):
    def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await settle(client.maintenance.snapshot(file, Told(fail)))
    assert left(file) == []


async def test_one_that_is_cancelled_leaves_nothing(server, file):
    async with AsyncETCDService({"hosts": [server.endpoint]}) as client:
        task = asyncio.ensure_future(client.maintenance.snapshot(file, Told(lambda: task.cancel())))
        with pytest.raises(asyncio.CancelledError):
            await task
    assert left(file) == []


async def test_a_client_that_is_closed_leaves_nothing(face, client, file):
    told = Told(client.close if face.name == "blocking" else lambda: closed(client))
    with pytest.raises((errors.ClientClosedError, asyncio.CancelledError)):
        await settle(client.maintenance.snapshot(file, told))
    assert left(file) == []


async def test_what_took_long_on_this_side_does_not_count(make, server, file):
    told = Told(lambda: run("sleep", "0.4"))
    client = make(hosts=[server.endpoint], timeout=0.3)
    assert (await settle(client.maintenance.snapshot(file, told))).size == told.steps[-1][0]


async def test_another_host_is_asked_where_the_first_is_away(make, server, refusing, file):
    client = make(hosts=[refusing, server.endpoint])
    assert (await settle(client.maintenance.snapshot(file))).path == file


async def test_no_other_host_is_asked_where_one_is_chosen(make, server, refusing, file):
    client = make(hosts=[server.endpoint, refusing], dial_timeout=0.1)
    error = await failure(lambda: client.maintenance.snapshot(file, endpoint=refusing))
    assert (error.endpoint, error.operation, left(file)) == (refusing, "maintenance snapshot", [])


async def test_a_refused_token_is_renewed(make, server, file):
    for command in ("user add root:top", "role add root", "user grant-role root root", "auth enable"):
        server.etcdctl(*command.split())
    try:
        client = make(hosts=[server.endpoint], auth=ROOT, namespace="")
        await settle(client.get("k").string())
        server.etcdctl("--user=root:top", "auth", "disable")
        server.etcdctl("auth", "enable")
        assert (await settle(client.maintenance.snapshot(file))).size == file.stat().st_size
        error = await failure(lambda: make(hosts=[server.endpoint]).maintenance.snapshot(file))
        assert type(error) is errors.InvalidAuthTokenError
    finally:
        server.etcdctl("--user=root:top", "auth", "disable")
        server.etcdctl("role", "delete", "root")
        server.etcdctl("user", "delete", "root")


class Spoilt:
    """A stream on which one chunk is changed, and which ends behind it if nothing is left of it."""

    def __init__(self, stream, spoil):
        self._stream, self._spoil, self.close = stream, spoil, stream.close

    async def receive(self):
        message = await self._stream.receive()
        if message is not None and message.remaining_bytes == 0:
            message.blob = self._spoil(message.blob)
        return message if message is None or message.blob else None


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [(lambda blob: b"", "not whole"), (lambda blob: blob[::-1], "does not match its checksum")],
    ids=["end", "other"],
)
async def test_what_is_not_what_the_server_meant_is_an_error_and_leaves_nothing(
    client, server, file, monkeypatch, spoil, fault
):
    io, stream = client._run.client.io, client._run.client.io.stream

    async def spoilt(*args):
        return Spoilt(await stream(*args), spoil)

    monkeypatch.setattr(io, "stream", spoilt)
    error = await failure(lambda: client.maintenance.snapshot(file))
    assert (error.code, error.endpoint, error.operation) == ("DATA_LOSS", server.endpoint, "maintenance snapshot")
    assert fault in error.message
    assert left(file) == []


SECTOR = bytes(512)
DIGEST = hashlib.sha256(SECTOR).digest()


def test_a_store_is_a_whole_number_of_sectors(file):
    with Part(Path(file)) as part:
        part.write(SECTOR[1:] + hashlib.sha256(SECTOR[1:]).digest())
        assert "not whole" in part.fault(part.size)


@pytest.mark.parametrize(
    ("blobs", "fault"),
    [
        ([SECTOR, DIGEST], ""),
        ([SECTOR + DIGEST[:7], DIGEST[7:]], ""),
        ([SECTOR[:3], SECTOR[3:], b"", DIGEST], ""),
        ([SECTOR], "not whole: 512 bytes came of 544"),
        ([SECTOR, DIGEST[:-1]], "not whole"),
        ([SECTOR, SECTOR, DIGEST], "not whole: 1056 bytes"),
        ([SECTOR, DIGEST[::-1]], "does not match its checksum"),
        ([b"\1" + SECTOR[1:], DIGEST], "does not match its checksum"),
    ],
)
def test_what_is_not_whole_is_seen(file, blobs, fault):
    with Part(Path(file)) as part:
        for blob in blobs:
            part.write(blob)
        assert fault in part.fault(len(SECTOR + DIGEST))
        assert bool(fault) == bool(part.fault(len(SECTOR + DIGEST)))
    assert left(file) == []
