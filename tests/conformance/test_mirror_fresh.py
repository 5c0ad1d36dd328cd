"""Linearizable reads from a mirror: never older than what was written before they were asked, in few requests."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from etcd_factory import AsyncETCDService, errors, ops
from tests.support.faces import fill, settle
from tests.support.gates import BOUND, asking, hearing

from .test_mirror import opened

ROUNDS = 50
READERS = 8
WRITES = 200
CROWD = 256
MOST = 128  # keys of one request


@pytest.fixture
def streams(client):
    """The client's streams; used before the first of them."""
    with hearing(client) as gate:
        yield gate


@pytest.fixture
def questions(client):
    """What the client's mirrors ask."""
    with asking(client) as gate:
        yield gate


@pytest.fixture
def other(make):
    """A client of somebody else."""
    return make()


def fresh(mirror, key="k"):
    return settle(mirror.get(key, fresh=True).string())


def reading(face, mirror, key="k"):
    """A fresh read under way."""
    return face.begin(lambda: mirror.get(key, fresh=True).string())


# --- never too old


async def test_a_read_right_after_what_another_wrote_gives_that(client, other):
    mirror = await opened(client)
    for number in range(ROUNDS):
        assert await fresh(mirror, f"never/{number}") is None
        await settle(other.put(f"new/{number}").value("v"))
        assert await fresh(mirror, f"new/{number}") == "v"
        await settle(other.put("k").value(number))
        assert await fresh(mirror) == str(number)
        await settle(other.delete().key("k"))
        assert await fresh(mirror) is None
        await settle(other.put("k").value("again"))
        assert await fresh(mirror) == "again"


CASES = {
    "overwritten": ({"k": "old"}, [ops.put("k").value("new")], "new"),
    "deleted": ({"k": "old"}, [ops.delete().key("k")], None),
    "new": ({}, [ops.put("k").value("new")], "new"),
    "back again": ({"k": "old"}, [ops.delete().key("k"), ops.put("k").value("new")], "new"),
    "the same again": ({"k": "old"}, [ops.put("k").value("new"), ops.put("k").value("old")], "old"),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_read_waits_for_a_watch_that_is_behind_where_a_plain_one_is_old(
    face, client, other, streams, questions, name
):
    before, writes, expected = CASES[name]
    await fill(client, {**before, "still": "v"})
    mirror = await opened(client)
    streams.shut()
    for write in writes:
        await settle(other.batch([write]))
    waiting = reading(face, mirror)
    await questions.answered()
    assert await fresh(mirror, "still") == "v"  # what did not change need not be waited for
    assert mirror.get("k").string() == before.get("k")
    assert not waiting.done()
    streams.open()
    assert await waiting == expected
    assert mirror.get("k").string() == expected


async def test_what_was_there_only_before_the_read_was_asked_is_not_given(face, client, other, streams, questions):
    mirror = await opened(client)
    for number in range(ROUNDS):
        key = f"k{number}"
        await settle(mirror.wait((await settle(other.put(key).value("old"))).revision))
        streams.shut()
        await settle(other.batch([ops.delete().key(key), *[ops.put(key).value("between"), ops.delete().key(key)] * 5]))
        waiting = reading(face, mirror, key)
        await questions.answered()
        assert await fresh(mirror, "none") is None
        await questions.answered()
        streams.open()
        assert await waiting is None


async def test_no_reader_gets_less_than_was_written_before_it_asked(face, client, other):
    await settle(other.put("n").value(0))
    mirror, written = await opened(client), [0]

    async def read():
        old = found = 0
        while found < WRITES:
            floor = written[0]
            found = int(await reading(face, mirror, "n"))
            old += found < floor
        return old

    readers = [asyncio.ensure_future(read()) for _ in range(READERS)]
    for number in range(1, WRITES + 1):
        await face.begin(partial(other.put("n").value, number))
        written[0] = number
    assert await asyncio.wait_for(asyncio.gather(*readers), BOUND) == [0] * READERS


# --- few requests


async def crowd(face, mirror, questions, keys, error=None):
    """What readers are told that ask at once, while the first question is under way."""
    questions.shut()
    first = reading(face, mirror, "first")
    await questions.begun()
    asked, ask = threading.Semaphore(0), mirror._questions.ask
    mirror._questions.ask = lambda *args: asked.release() or ask(*args)
    with ThreadPoolExecutor(len(keys)) as pool:
        tasks = [together(face, pool, mirror, key) for key in keys]
        for _ in keys:
            assert await asyncio.to_thread(asked.acquire, timeout=BOUND)
        questions.error = error
        questions.open()
        return (await asyncio.gather(first, *tasks, return_exceptions=True))[1:]


def together(face, pool, mirror, key):
    """A fresh read that shares its thread with no other."""
    if face.name == "blocking":
        return asyncio.get_running_loop().run_in_executor(pool, mirror.get(key, fresh=True).string)
    return asyncio.ensure_future(reading(face, mirror, key))


async def test_a_crowd_of_readers_costs_few_requests(face, client, questions):
    keys = [f"k{number}" for number in range(CROWD)]
    await fill(client, {key: key for key in keys})
    mirror = await opened(client)
    assert await crowd(face, mirror, questions, keys) == keys
    assert max(questions.asked) <= MOST
    assert len(questions.asked) <= 3  # the first reader's, the crowd's, one for who came late


async def test_a_crowd_of_readers_in_front_of_a_watch_that_is_behind_costs_few_requests(
    face, client, other, streams, questions
):
    keys = [f"k{number}" for number in range(CROWD)]
    await fill(client, {key: key for key in keys})
    mirror = await opened(client)
    streams.shut()
    await settle(other.put("other").value("v"))
    assert await crowd(face, mirror, questions, keys) == keys
    assert max(questions.asked) <= MOST
    assert len(questions.asked) <= 6  # as many questions, the later two in at most five parts


async def test_a_crowd_of_readers_of_one_key_costs_as_many_as_one_reader(face, client, questions):
    await fill(client, {"k": "v"})
    mirror = await opened(client)
    assert await crowd(face, mirror, questions, ["k"] * CROWD) == ["v"] * CROWD
    assert set(questions.asked) == {1}
    assert len(questions.asked) <= 3


# --- what goes wrong


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_a_reader_that_asks_for_all_and_is_cancelled_does_not_hang_the_others(options, turn):
    async with AsyncETCDService(options) as client:
        await fill(client, {"k": "v"})
        mirror = await opened(client)
        with asking(client) as questions:
            questions.shut()
            first = asyncio.ensure_future(fresh(mirror))
            await questions.begun()
            second, *others = [asyncio.ensure_future(fresh(mirror)) for _ in range(5)]
            await asyncio.sleep(0)
            gone = first if turn == "first" else second
            gone.cancel()
            questions.open()
            assert await asyncio.wait_for(asyncio.gather(*others), BOUND) == ["v"] * 4
        await asyncio.wait([first, second])
        assert gone.cancelled()


async def refused(mirror):
    """The error of a fresh read."""
    with pytest.raises(errors.EtcdError) as caught:
        await fresh(mirror)
    return caught.value


async def test_a_read_whose_watch_stays_behind_says_how_far_it_is(client, other, streams):
    mirror = await opened(client.with_options(timeout=0.5), "k")
    streams.shut()
    written = await settle(other.put("k").value("v"))
    error = await refused(mirror)
    assert type(error) is errors.DeadlineExceededError
    assert error.operation == "get b'k' of a mirror"
    here = f"the mirror of b'k' is at revision {mirror.revision}, and did not reach {written.revision} within 0.5 s"
    assert here in str(error)


async def test_a_read_that_waits_when_the_mirror_is_closed_is_told(face, client, other, streams, questions):
    mirror = await opened(client)
    streams.shut()
    await settle(other.put("k").value("v"))
    waiting = reading(face, mirror)
    await questions.answered()
    await settle(mirror.close())
    with pytest.raises(errors.ClientClosedError, match="this mirror is closed"):
        await asyncio.wait_for(waiting, BOUND)


async def test_each_reader_is_told_of_an_error_with_its_own_key(face, client, questions):
    mirror = await opened(client)
    told = await crowd(face, mirror, questions, ["a", "b"], errors.PermissionDeniedError("not yours"))
    assert [type(error) for error in told] == [errors.PermissionDeniedError] * 2
    assert [error.operation for error in told] == ["get b'a' of a mirror", "get b'b' of a mirror"]


async def test_a_key_that_the_server_refuses_is_an_error_to_its_reader_only(face, make, options):
    client, key = make(namespace=""), f"{options['namespace']}k"
    await fill(client, {key: "v"})
    mirror = await opened(client)
    with asking(client) as questions:
        wrong, right = await crowd(face, mirror, questions, ["", key])
    assert isinstance(wrong, errors.EtcdError)
    assert right == "v"
