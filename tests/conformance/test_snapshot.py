"""Snapshots: a whole store in a file, complete or not at all."""

import asyncio
import hashlib
import subprocess

import pytest

from etcd_factory import AsyncETCDService, ETCDService, Snapshot, errors
from etcd_factory.testing import BinaryNotFoundError, EtcdServer, FaultProxy, find_binary
from etcd_factory.wire import methods
from tests.support.auth import FAST_BCRYPT
from tests.support.faces import closed, failure, settle
from tests.support.transports import Altered

VALUE = "x" * 1_000_000  # a store of some is more than connections hold back on their own
KEYS = 16
ROOT = {"username": "root", "password": "top"}


@pytest.fixture(scope="module")
def server():
    with EtcdServer(args=[FAST_BCRYPT]) as one, ETCDService({"hosts": [one.endpoint]}) as client:
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
    """etcdutl, etcd's tool for data files, which exists from etcd 3.5 on."""
    try:
        return find_binary("etcdutl")
    except BinaryNotFoundError:
        pytest.skip("there is no etcdutl")


class Progress:
    """Records the progress in ``steps``, and calls a function at the first step."""

    def __init__(self, act=lambda: None):
        self.steps, self._act = [], act

    def __call__(self, done, total):
        self.steps.append((done, total))
        return self._act() if len(self.steps) == 1 else None


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def left(file):
    return [path.name for path in file.parent.iterdir()]


async def test_etcd_can_read_a_snapshot(client, tool, file):
    revision = (await settle(client.get("k0").exec())).revision
    before = (await settle(client.maintenance.status())).storage_version
    made = await settle(client.maintenance.snapshot(file))
    after = (await settle(client.maintenance.status())).storage_version
    assert made.version in (before, after)  # from 3.6 on: a new server writes it into its store after a while
    assert made == Snapshot(file, file.stat().st_size, made.version)
    assert left(file) == [file.name]
    assert int(run(tool, "snapshot", "status", file).split(",")[1]) == revision


async def test_a_snapshot_can_be_restored(client, tool, file, tmp_path):
    await settle(client.maintenance.snapshot(str(file)))
    data = tmp_path / "data"
    run(tool, "snapshot", "restore", file, f"--data-dir={data}")
    with EtcdServer(args=[f"--data-dir={data}"]) as restored, ETCDService({"hosts": [restored.endpoint]}) as reader:
        assert reader.get_all().keys() == sorted(f"k{number}" for number in range(KEYS))


async def test_progress_is_reported_to_the_end(client, file):
    progress = Progress()
    made = await settle(client.maintenance.snapshot(file, progress))
    done = [step[0] for step in progress.steps]
    assert done == sorted(done)
    assert {total for _, total in progress.steps} == {made.size}
    assert (done[0] > 0, done[-1]) == (True, made.size)


async def test_the_progress_handler_may_be_async(server, file):
    steps = []

    async def progress(done, total):
        await asyncio.sleep(0)
        steps.append(done)

    async with AsyncETCDService({"hosts": [server.endpoint]}) as client:
        assert (await client.maintenance.snapshot(file, progress)).size == steps[-1]


async def test_an_older_file_is_replaced(client, file):
    file.write_text("old")
    await settle(client.maintenance.snapshot(file))
    assert file.stat().st_size > KEYS * len(VALUE)


async def test_concurrent_snapshots_to_one_file_leave_a_valid_one(client, file):
    await settle(client.maintenance.snapshot(file, Progress(lambda: client.maintenance.snapshot(file))))
    data = file.read_bytes()
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    assert left(file) == [file.name]


async def test_only_its_owner_can_read_it(client, file):
    await settle(client.maintenance.snapshot(file))
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_missing_folder_is_an_error_at_once(make, refusing, file):
    with pytest.raises(FileNotFoundError):
        await settle(make(hosts=[refusing]).maintenance.snapshot(file / "nowhere" / "s"))


async def test_a_broken_connection_leaves_nothing(far, proxy, file):
    progress = Progress(proxy.cut)
    error = await failure(lambda: far.maintenance.snapshot(file, progress))
    assert isinstance(error, errors.ConnectionFailedError)
    assert error.operation == "maintenance snapshot"
    assert progress.steps[-1][0] < progress.steps[-1][1]
    assert left(file) == []


async def test_a_connection_that_falls_silent_leaves_nothing_within_the_timeout(far, proxy, file):
    progress = Progress(proxy.drop_replies)
    error = await failure(lambda: far.maintenance.snapshot(file, progress))
    assert type(error) is errors.DeadlineExceededError
    assert (error.operation, error.endpoint) == ("maintenance snapshot", proxy.endpoint)
    assert left(file) == []


async def test_a_server_that_never_replies_is_a_deadline_error(make, silent, file):
    error = await failure(lambda: make(hosts=[silent], timeout=0.3).maintenance.snapshot(file))
    assert isinstance(error, errors.DeadlineExceededError)
    assert left(file) == []


async def test_an_older_file_outlives_a_failure(far, proxy, file):
    file.write_text("old")
    await failure(lambda: far.maintenance.snapshot(file, Progress(proxy.cut)))
    assert (left(file), file.read_text()) == ([file.name], "old")


async def test_an_exception_in_the_progress_handler_ends_it_and_leaves_nothing(client, file):
    def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await settle(client.maintenance.snapshot(file, Progress(fail)))
    assert left(file) == []


async def test_a_cancelled_snapshot_leaves_nothing(server, file):
    async with AsyncETCDService({"hosts": [server.endpoint]}) as client:
        task = asyncio.ensure_future(client.maintenance.snapshot(file, Progress(lambda: task.cancel())))
        with pytest.raises(asyncio.CancelledError):
            await task
    assert left(file) == []


async def test_closing_the_client_ends_it_and_leaves_nothing(face, client, file):
    progress = Progress(client.close if face.name == "blocking" else lambda: closed(client))
    with pytest.raises((errors.ClientClosedError, asyncio.CancelledError)):
        await settle(client.maintenance.snapshot(file, progress))
    assert left(file) == []


async def test_a_slow_progress_handler_does_not_count_towards_the_timeout(make, server, file):
    progress = Progress(lambda: run("sleep", "0.4"))
    client = make(hosts=[server.endpoint], timeout=0.3)
    assert (await settle(client.maintenance.snapshot(file, progress))).size == progress.steps[-1][0]


async def test_another_host_is_called_if_the_first_is_down(make, server, refusing, file):
    client = make(hosts=[refusing, server.endpoint])
    assert (await settle(client.maintenance.snapshot(file))).path == file


async def test_a_chosen_host_is_not_replaced_by_another(make, server, refusing, file):
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


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [(lambda blob: b"", "incomplete"), (lambda blob: blob[::-1], "does not match its checksum")],
    ids=["end", "other"],
)
async def test_a_changed_last_message_is_an_error_and_leaves_nothing(make, wrap, server, file, spoil, fault):
    def change(message):
        """Change the last message; without data it ends the stream."""
        if message.remaining_bytes == 0:
            message.blob = spoil(message.blob)
        return message if message.blob else None

    client = make(hosts=[server.endpoint], transport=wrap(Altered, methods.SNAPSHOT, change))
    error = await failure(lambda: client.maintenance.snapshot(file))
    assert (error.code, error.endpoint, error.operation) == ("DATA_LOSS", server.endpoint, "maintenance snapshot")
    assert fault in error.message
    assert left(file) == []
