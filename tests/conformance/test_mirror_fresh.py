"""Linearizable reads from a mirror: never older than what was written before they were asked, in few requests."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from etcd_factory import AsyncETCDService, errors, ops
from etcd_factory.wire import methods
from tests.support.faces import BOUND, FACES, failure, fill, in_time, settle
from tests.support.mirroring import Reads, open_mirror, read_fresh
from tests.support.transports import Held, real

ROUNDS = 50
READERS = 8
WRITES = 200
CROWD = 256
MOST = 128  # keys of one request
ASYNCIO = FACES[1]


@pytest.fixture
def reads(wrap):
    """What the client's mirrors ask for linearizable reads."""
    return wrap(Reads)


@pytest.fixture
def watches(reads):
    """Holds what the client's watches receive."""
    return Held(reads, methods.WATCH)


@pytest.fixture
def client(make, watches):
    return make(transport=watches)


def begin_read(face, mirror, key="k"):
    """Start a linearizable read beside the test."""
    return face.begin(lambda: mirror.get(key, fresh=True).string())


# --- never too old


async def test_a_read_returns_what_another_client_has_just_written(client, other):
    mirror = await open_mirror(client)
    for number in range(ROUNDS):
        assert await read_fresh(mirror, f"never/{number}") is None
        await settle(other.put(f"new/{number}").value("v"))
        assert await read_fresh(mirror, f"new/{number}") == "v"
        await settle(other.put("k").value(number))
        assert await read_fresh(mirror) == str(number)
        await settle(other.delete().key("k"))
        assert await read_fresh(mirror) is None
        await settle(other.put("k").value("again"))
        assert await read_fresh(mirror) == "again"


CASES = {
    "overwritten": ({"k": "old"}, [ops.put("k").value("new")], "new"),
    "deleted": ({"k": "old"}, [ops.delete().key("k")], None),
    "new": ({}, [ops.put("k").value("new")], "new"),
    "back again": ({"k": "old"}, [ops.delete().key("k"), ops.put("k").value("new")], "new"),
    "the same again": ({"k": "old"}, [ops.put("k").value("new"), ops.put("k").value("old")], "old"),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_read_waits_for_a_watch_that_is_behind_while_a_plain_one_is_stale(
    face, client, other, watches, reads, name
):
    before, writes, expected = CASES[name]
    await fill(client, {**before, "still": "v"})
    mirror = await open_mirror(client)
    watches.hold()
    for write in writes:
        await settle(other.batch([write]))
    waiting = begin_read(face, mirror)
    await reads.replied()
    assert await read_fresh(mirror, "still") == "v"  # what did not change need not be waited for
    assert mirror.get("k").string() == before.get("k")
    assert not waiting.done()
    watches.release()
    assert await waiting == expected
    assert mirror.get("k").string() == expected


async def test_a_value_that_was_gone_before_the_read_is_not_returned(face, client, other, watches, reads):
    mirror = await open_mirror(client)
    for number in range(ROUNDS):
        key = f"k{number}"
        await settle(mirror.wait((await settle(other.put(key).value("old"))).revision))
        watches.hold()
        await settle(other.batch([ops.delete().key(key), *[ops.put(key).value("between"), ops.delete().key(key)] * 5]))
        waiting = begin_read(face, mirror, key)
        await reads.replied()
        assert await read_fresh(mirror, "none") is None
        await reads.replied()
        watches.release()
        assert await waiting is None


async def test_no_reader_gets_less_than_was_written_before_it(face, client, other):
    await settle(other.put("n").value(0))
    mirror, written = await open_mirror(client), [0]

    async def read():
        old = found = 0
        while found < WRITES:
            floor = written[0]
            found = int(await begin_read(face, mirror, "n"))
            old += found < floor
        return old

    readers = [asyncio.ensure_future(read()) for _ in range(READERS)]
    for number in range(1, WRITES + 1):
        await face.begin(partial(other.put("n").value, number))
        written[0] = number
    assert await in_time(asyncio.gather(*readers)) == [0] * READERS


# --- few requests


class Announced(bytes):
    """A key that notes when it is first looked up: then its reader has joined a request, and waits."""

    def __new__(cls, key, joined):
        made = super().__new__(cls, key.encode())
        made.joined = joined
        return made

    def __hash__(self):
        self.joined.release()
        return super().__hash__()


async def read_together(face, mirror, reads, keys, error=None):
    """Return what many readers get that ask while the first request is under way."""
    reads.hold()
    first = begin_read(face, mirror, "first")
    await reads.arrived()
    joined = threading.Semaphore(0)
    with ThreadPoolExecutor(len(keys)) as pool:
        tasks = [begin_apart(face, pool, mirror, Announced(key, joined)) for key in keys]
        for _ in keys:
            assert await asyncio.to_thread(joined.acquire, timeout=BOUND)
        reads.error = error
        reads.release()
        return (await asyncio.gather(first, *tasks, return_exceptions=True))[1:]


def begin_apart(face, pool, mirror, key):
    """Start a linearizable read that shares its thread with no other."""
    if face.is_blocking:
        return asyncio.get_running_loop().run_in_executor(pool, mirror.get(key, fresh=True).string)
    return asyncio.ensure_future(begin_read(face, mirror, key))


async def test_many_readers_need_few_requests(face, client, reads):
    keys = [f"k{number}" for number in range(CROWD)]
    await fill(client, {key: key for key in keys})
    mirror = await open_mirror(client)
    assert await read_together(face, mirror, reads, keys) == keys
    assert max(reads.sizes) <= MOST
    assert len(reads.sizes) <= 3  # the first reader's, the crowd's, one for who came late


async def test_many_readers_of_a_mirror_that_is_behind_need_few_requests(face, client, other, watches, reads):
    keys = [f"k{number}" for number in range(CROWD)]
    await fill(client, {key: key for key in keys})
    mirror = await open_mirror(client)
    watches.hold()
    await settle(other.put("other").value("v"))
    assert await read_together(face, mirror, reads, keys) == keys
    assert max(reads.sizes) <= MOST
    assert len(reads.sizes) <= 6  # as many reads, the later two in at most five parts


async def test_many_readers_of_one_key_ask_for_one_key(face, client, reads):
    await fill(client, {"k": "v"})
    mirror = await open_mirror(client)
    assert await read_together(face, mirror, reads, ["k"] * CROWD) == ["v"] * CROWD
    assert set(reads.sizes) == {1}
    assert len(reads.sizes) <= 3


# --- what goes wrong


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_a_cancelled_reader_that_asks_for_all_does_not_block_the_others(options, turn):
    reads = Reads(real(ASYNCIO, options))
    async with AsyncETCDService(options, transport=reads) as client:
        await fill(client, {"k": "v"})
        mirror = await open_mirror(client)
        reads.hold()
        first = asyncio.ensure_future(read_fresh(mirror))
        await reads.arrived()
        second, *others = [asyncio.ensure_future(read_fresh(mirror)) for _ in range(5)]
        await asyncio.sleep(0)
        cancelled = first if turn == "first" else second
        cancelled.cancel()
        reads.release()
        assert await in_time(asyncio.gather(*others)) == ["v"] * 4
        await asyncio.wait([first, second])
        assert cancelled.cancelled()


async def test_a_read_whose_watch_stays_behind_reports_its_revision(client, other, watches):
    mirror = await open_mirror(client.with_options(timeout=0.5), "k")
    watches.hold()
    written = await settle(other.put("k").value("v"))
    error = await failure(lambda: read_fresh(mirror))
    assert type(error) is errors.DeadlineExceededError
    assert error.operation == "get b'k' of a mirror"
    here = f"the mirror of b'k' is at revision {mirror.revision}, and did not reach {written.revision} within 0.5 s"
    assert here in str(error)


async def test_closing_the_mirror_ends_a_waiting_read_with_an_error(face, client, other, watches, reads):
    mirror = await open_mirror(client)
    watches.hold()
    await settle(other.put("k").value("v"))
    waiting = begin_read(face, mirror)
    await reads.replied()
    await settle(mirror.close())
    with pytest.raises(errors.ClientClosedError, match="this mirror is closed"):
        await in_time(waiting)


async def test_each_reader_gets_the_error_with_its_own_key(face, client, reads):
    mirror = await open_mirror(client)
    raised = await read_together(face, mirror, reads, ["a", "b"], errors.PermissionDeniedError("not yours"))
    assert [type(error) for error in raised] == [errors.PermissionDeniedError] * 2
    assert [error.operation for error in raised] == ["get b'a' of a mirror", "get b'b' of a mirror"]


async def test_a_key_that_the_server_refuses_is_an_error_to_its_reader_only(face, make, reads, options):
    client, key = make(namespace="", transport=reads), f"{options['namespace']}k"
    await fill(client, {key: "v"})
    mirror = await open_mirror(client)
    wrong, right = await read_together(face, mirror, reads, ["", key])
    assert isinstance(wrong, errors.EtcdError)
    assert right == "v"
