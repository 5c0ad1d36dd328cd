"""A member's whole store in a file, which exists as a whole or not at all."""

from __future__ import annotations

import asyncio
import threading
from hashlib import sha256

import pytest

from etcd_factory.core.admin import snapshot as module
from etcd_factory.core.admin.snapshot import DIGEST, Part
from etcd_factory.errors import Code, ConnectionFailedError, DeadlineExceededError, EtcdError
from etcd_factory.model.cluster import Snapshot
from etcd_factory.testing import StreamScript, replies
from etcd_factory.wire import messages
from tests.support.faces import settle

STORE = bytes(range(256)) * 4  # two sectors
WHOLE = STORE + sha256(STORE).digest()


def sent(data, size=300, version=""):
    """The messages of a server that has this, with its version in each."""
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    done = 0
    for piece in pieces:
        done += len(piece)
        # etcd does not count the digest among the bytes that remain
        remaining = max(0, len(data) - DIGEST - done)
        yield messages.SnapshotResponse(blob=piece, remaining_bytes=remaining, version=version)


def served(data, **fields):
    return StreamScript(*sent(data, **fields), replies.END)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "backup.db"


@pytest.fixture
def save(connect, face, path):
    """A function that saves a snapshot from these streams; a call that may have to wait has a thread of its own."""

    async def begin(*streams, **options):
        client, transport = connect({"Snapshot": list(streams)}, **options)
        begin.transport = transport
        return await face.begin(lambda: client.maintenance.snapshot(path, begin.on_progress, begin.endpoint))

    begin.on_progress = begin.endpoint = None
    return begin


def left_over(path):
    return [one.name for one in path.parent.iterdir()]


async def test_the_file_has_the_whole_store(save, path):
    assert await save(served(WHOLE, version="3.6.0")) == Snapshot(path, len(WHOLE), "3.6.0")
    assert path.read_bytes() == WHOLE
    assert left_over(path) == ["backup.db"]


async def test_only_its_owner_can_read_it(save, path):
    await save(served(WHOLE))
    assert path.stat().st_mode & 0o077 == 0


async def test_a_file_that_exists_is_replaced(save, path):
    path.write_text("old")
    await save(served(WHOLE))
    assert path.read_bytes() == WHOLE


async def test_progress_is_reported_in_bytes(save):
    seen = []
    save.on_progress = lambda done, total: seen.append((done, total))
    await save(served(WHOLE))
    assert seen[-1] == (len(WHOLE), len(WHOLE))
    assert [done for done, _ in seen] == [300, 600, 900, len(WHOLE)]


async def test_in_asyncio_progress_may_be_reported_to_a_coroutine_function(save, face):
    seen = []

    async def later(done, total):
        await asyncio.sleep(0)
        seen.append(done)

    save.on_progress = later if face.name == "asyncio" else lambda done, total: seen.append(done)
    await save(served(WHOLE))
    assert seen[-1] == len(WHOLE)


async def test_it_may_be_that_of_a_chosen_member(save):
    save.endpoint = "b:1"
    await save(served(WHOLE), hosts=["a:1", "b:1"])
    assert [call.host for call in save.transport.calls] == ["http://b:1"]


# --- failures


BROKEN = WHOLE[:-1] + bytes([WHOLE[-1] ^ 1])


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (lambda: served(BROKEN), "the snapshot does not match its checksum"),
        (lambda: StreamScript(*list(sent(WHOLE))[:2], replies.END), "the snapshot is incomplete: 600 of 1056 bytes"),
        (lambda: StreamScript(replies.END), "the server sent no snapshot"),
    ],
    ids=["a wrong byte", "a missing part", "nothing"],
)
async def test_a_snapshot_that_is_not_whole_is_an_error_and_leaves_no_file(save, path, stream, text):
    with pytest.raises(EtcdError, match=text) as caught:
        await save(stream(), hosts=["a:1"])
    error = caught.value
    assert (error.code, error.endpoint, error.operation) == (Code.DATA_LOSS, "a:1", "maintenance snapshot")
    assert left_over(path) == []


async def test_a_file_that_existed_stays_if_the_snapshot_fails(save, path):
    path.write_text("old")
    with pytest.raises(EtcdError):
        await save(served(BROKEN))
    assert (path.read_text(), left_over(path)) == ("old", ["backup.db"])


async def test_a_stream_that_breaks_before_its_first_message_is_opened_again(save, path):
    await save(StreamScript(replies.lost()), served(WHOLE), hosts=["a:1", "b:1"])
    assert [call.host for call in save.transport.calls] == ["http://a:1", "http://b:1"]
    assert path.read_bytes() == WHOLE


async def test_a_stream_that_breaks_later_is_not_resumed(save, path):
    stream = StreamScript(*list(sent(WHOLE))[:1], replies.lost("broke"))
    with pytest.raises(ConnectionFailedError, match="broke"):
        await save(stream)
    assert (len(save.transport.calls), left_over(path)) == (1, [])


async def test_a_message_that_does_not_come_in_time_is_an_error(save, path):
    stream = StreamScript(*list(sent(WHOLE))[:1])
    with pytest.raises(DeadlineExceededError, match=r"no message for 0\.05 s"):
        await save(stream, timeout=0.05)
    assert left_over(path) == []


async def test_what_on_progress_raises_ends_it(save, path):
    def fails(done, total):
        raise ValueError("no good")

    save.on_progress = fails
    with pytest.raises(ValueError, match="no good"):
        await save(served(WHOLE))
    assert left_over(path) == []


async def test_a_folder_that_does_not_exist_is_an_error_before_any_call(connect, tmp_path):
    client, transport = connect([])
    with pytest.raises(FileNotFoundError):
        await settle(client.maintenance.snapshot(tmp_path / "missing" / "backup.db"))
    assert transport.calls == []


async def test_in_asyncio_the_disk_holds_up_no_event_loop(connect, face, path, monkeypatch):
    threads = set()
    flush = Part.flush

    def noted(part):
        threads.add(threading.current_thread())
        flush(part)

    monkeypatch.setattr(module.Part, "flush", noted)
    client, _ = connect({"Snapshot": [served(WHOLE)]})
    await settle(client.maintenance.snapshot(path))
    assert (threading.main_thread() in threads) is (face.name == "blocking")


# --- the bytes


class File:
    """A file that keeps what is written."""

    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(data)


@pytest.mark.parametrize("size", [1, DIGEST - 1, DIGEST, DIGEST + 1, 300, len(WHOLE)])
def test_the_digest_is_found_however_the_bytes_are_cut(size):
    part = Part(File())
    for start in range(0, len(WHOLE), size):
        part.add(WHOLE[start : start + size])
        part.flush()
    assert part.fault(len(WHOLE)) == ""
    assert b"".join(part.file.written) == WHOLE
