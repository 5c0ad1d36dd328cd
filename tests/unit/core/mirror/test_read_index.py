"""Asking for many at once: nobody is told what was asked before it came, and few requests serve all."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from itertools import chain
from types import SimpleNamespace

import pytest

from etcd_factory.core.kv.batch import LIMIT
from etcd_factory.core.mirror.read_index import ReadIndex
from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.wire import messages
from etcd_factory.wire.methods import READ

SPACE = b"ns/"
LATE = 3600.0  # seconds
BOUND = 10  # seconds that a test may hang


class Etcd:
    """A client of a store whose revision rises with each request; it answers when it is let go."""

    def __init__(self):
        self.io, self.guard, self.options = AsyncioRuntime(), threading.Lock, None
        self.modified, self.revision, self.error = {}, 100, None
        self.mirrored = 0  # how far the mirror is that asks
        self.asked, self._begun, self._go = [], asyncio.Queue(), asyncio.Queue()

    def answer(self, count=1000):
        """Let so many requests go on."""
        for _ in range(count):
            self._go.put_nowait(None)

    async def begun(self):
        """Wait for the next request."""
        await self._begun.get()

    async def call(self, method, request, timeout):
        assert method is READ
        self.revision += 1
        self.asked.append([part.request_range.key for part in request.success])
        self._begun.put_nowait(None)
        answer = self.reply(request)  # as of now, whenever it arrives
        try:
            await asyncio.wait_for(self._go.get(), timeout)
        except asyncio.TimeoutError:
            raise DeadlineExceededError("no answer") from None
        if self.error:
            raise self.error
        return answer

    def reply(self, request):
        kvs = [self.kvs(part.request_range) for part in request.success]
        ranges = [messages.ResponseOp(response_range=messages.RangeResponse(kvs=one)) for one in kvs]
        return messages.TxnResponse(header=messages.ResponseHeader(revision=self.revision), responses=ranges)

    def kvs(self, asked):
        assert asked.keys_only
        modified = self.modified.get(asked.key)
        return [messages.KeyValue(key=asked.key, mod_revision=modified)] if modified else []


@pytest.fixture
def etcd():
    return Etcd()


@pytest.fixture
def questions(etcd):
    return ReadIndex(SimpleNamespace(client=etcd, namespace=SPACE), lambda revision: revision <= etcd.mirrored)


@pytest.fixture
def ask(questions):
    """Begins to ask for keys, one task for each."""

    def begin(*keys, patience=LATE):
        bodies = [questions.ask(key, AsyncioRuntime.now() + patience) for key in keys]
        return [asyncio.create_task(asyncio.wait_for(body, BOUND)) for body in bodies]

    return begin


def names(count):
    return [f"k{number}".encode() for number in range(count)]


async def reached():
    """All tasks have done what they can without an answer."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_answer_is_when_a_key_was_changed_last_and_as_of_which_revision(etcd, ask):
    etcd.modified[SPACE + b"k"] = 7
    etcd.answer()
    (found,) = await asyncio.gather(*ask(b"k"))
    assert found == (7, 101)


async def test_a_key_that_is_not_there_was_never_changed(etcd, ask):
    etcd.answer()
    assert await asyncio.gather(*ask(b"none")) == [(0, 101)]


async def test_where_the_mirror_has_reached_the_store_no_more_is_asked(etcd, ask):
    etcd.mirrored = 1000
    first = ask(b"first")
    await etcd.begun()
    tasks = ask(*names(300))
    await reached()
    etcd.answer()
    assert set(await asyncio.gather(*tasks)) == {(None, 102)}
    assert [len(keys) for keys in etcd.asked] == [1, 1]
    await asyncio.gather(*first)


async def test_keys_are_asked_for_below_the_namespace(etcd, ask):
    etcd.answer()
    await asyncio.gather(*ask(b"k"))
    assert etcd.asked == [[SPACE + b"k"]]


async def test_who_comes_while_a_question_is_under_way_shares_the_next_one(etcd, ask):
    tasks = ask(b"first")
    await etcd.begun()
    tasks += ask(*names(50))
    await reached()
    assert len(etcd.asked) == 1
    etcd.answer()
    await asyncio.gather(*tasks)
    assert sum(map(len, etcd.asked)) == 51
    assert len(etcd.asked) <= 3


async def test_a_key_that_many_want_is_asked_for_once(etcd, ask):
    tasks = ask(b"first")
    await etcd.begun()
    tasks += ask(*[b"k"] * 10, b"other")
    await reached()
    etcd.answer()
    await asyncio.gather(*tasks)
    assert Counter(chain(*etcd.asked)) == Counter([SPACE + b"first", SPACE + b"k", SPACE + b"other"])


async def test_nobody_is_told_what_was_asked_before_it_came(etcd, ask):
    early = ask(b"k")
    await etcd.begun()
    etcd.modified[SPACE + b"k"] = 101  # after that question was asked
    late = ask(b"k")
    await reached()
    etcd.answer()
    assert await asyncio.gather(*early, *late) == [(0, 101), (101, 102)]


@pytest.mark.parametrize("mirrored", [0, 1000])
async def test_nobody_is_told_of_a_revision_from_before_it_came(etcd, ask, mirrored):
    etcd.mirrored = mirrored
    etcd.answer()
    tasks = []
    for name in names(20):
        tasks.append((etcd.revision, *ask(name)))
        await asyncio.sleep(0)
    assert all([(await task)[1] > before for before, task in tasks])


async def test_no_request_has_more_keys_than_a_transaction_may_read(etcd, ask):
    tasks = ask(b"first")
    await etcd.begun()
    etcd.modified = {SPACE + name: number for number, name in enumerate(names(300))}
    tasks += ask(*names(300))
    await reached()
    etcd.answer()
    answers = (await asyncio.gather(*tasks))[1:]
    assert [modified for modified, _ in answers] == [*range(300)]
    assert max(len(keys) for keys in etcd.asked) <= LIMIT
    assert len(etcd.asked) <= 5


async def test_an_error_is_told_to_all_who_asked_and_the_next_question_is_asked(etcd, ask):
    first = ask(b"first")
    await etcd.begun()
    tasks = ask(b"a", b"b")
    await reached()
    etcd.error = ConnectionFailedError("gone")
    etcd.answer()
    told = await asyncio.gather(*first, *tasks, return_exceptions=True)
    assert [type(error) for error in told] == [ConnectionFailedError] * 3
    etcd.error = None
    assert [modified for modified, _ in await asyncio.gather(*ask(b"a"))] == [0]


@pytest.mark.parametrize("asking", [True, False], ids=["while it asks", "while it waits for its turn"])
async def test_one_who_asks_for_all_and_is_cancelled_leaves_it_to_the_others(etcd, ask, asking):
    (first,) = ask(b"first")
    await etcd.begun()
    leader, *others = ask(b"a", b"a", b"b")
    await reached()
    if asking:
        etcd.answer(1)
        await etcd.begun()
    leader.cancel()
    await asyncio.wait([leader])
    etcd.answer()
    assert [modified for modified, _ in await asyncio.gather(*others)] == [0, 0]
    assert await first == (0, 101)


async def test_others_are_served_when_the_first_one_of_all_is_cancelled(etcd, ask):
    (first,) = ask(b"first")
    await etcd.begun()
    (next_one,) = ask(b"k")
    await reached()
    first.cancel()
    await asyncio.wait([first])
    etcd.answer()
    assert await next_one == (0, 102)


async def test_a_question_without_an_answer_holds_up_the_next_one_only_as_long_as_that_may_wait(etcd, ask):
    (stuck,) = ask(b"stuck")
    await etcd.begun()
    (hasty,) = ask(b"k", patience=0.01)
    with pytest.raises(DeadlineExceededError):
        await hasty
    etcd.answer()
    assert await stuck == (0, 101)


async def test_one_whose_leader_has_no_time_left_still_has_its_own(etcd, ask):
    (stuck,) = ask(b"stuck")
    await etcd.begun()
    (hasty,) = ask(b"k", patience=0.01)
    await reached()
    (patient,) = ask(b"k")
    await asyncio.wait([hasty])
    assert isinstance(hasty.exception(), DeadlineExceededError)
    etcd.answer()
    assert (await patient)[0] == 0
    await stuck
