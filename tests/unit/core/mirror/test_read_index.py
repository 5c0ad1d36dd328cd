"""Coalesced reads of the store's revision: few requests serve all, and no answer is older than its question."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import chain

import pytest

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.view import View
from etcd_factory.core.kv.batch import LIMIT
from etcd_factory.core.mirror.read_index import Answer, ReadIndex, raised
from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError, PermissionDeniedError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.options import ClientOptions
from etcd_factory.wire import messages
from etcd_factory.wire.methods import RANGE, READ_TXN

NAMESPACE = b"ns/"
LATE = 3600.0  # seconds
BOUND = 10  # seconds that a test may hang


class Etcd:
    """A transport to a store whose revision rises with each request; it answers when the test lets it."""

    def __init__(self):
        self.modified, self.revision, self.error = {}, 100, None
        self.forbidden = set()
        self.mirrored = 0  # the revision of the mirror that asks
        self.methods, self.requests = [], []
        self._begun, self._go = asyncio.Queue(), asyncio.Queue()

    def answer(self, count=1000):
        """Let so many requests be answered."""
        for _ in range(count):
            self._go.put_nowait(None)

    async def begun(self):
        """Wait for the next request."""
        await self._begun.get()

    async def unary(self, host, method, request, timeout, metadata):
        assert method in (RANGE, READ_TXN)
        self.revision += 1
        reads = [request] if method is RANGE else [part.request_range for part in request.success]
        keys = [read.key for read in reads]
        self.methods.append(method)
        self.requests.append(keys)
        self._begun.put_nowait(None)
        reply = self.reply(reads, alone=method is RANGE)  # as of now, whenever it arrives
        try:
            await asyncio.wait_for(self._go.get(), timeout)
        except asyncio.TimeoutError:
            raise DeadlineExceededError("no answer") from None
        if self.error:
            raise self.error
        if self.forbidden.intersection(keys):
            raise PermissionDeniedError("no")
        return reply

    def reply(self, reads, *, alone):
        header = messages.ResponseHeader(revision=self.revision)
        if alone:
            return messages.RangeResponse(header=header, kvs=self.kvs(*reads))
        ranges = [messages.ResponseOp(response_range=messages.RangeResponse(kvs=self.kvs(read))) for read in reads]
        return messages.TxnResponse(header=header, responses=ranges)

    def kvs(self, read):
        assert read.keys_only
        modified = self.modified.get(read.key)
        return [messages.KeyValue(key=read.key, mod_revision=modified)] if modified else []


@pytest.fixture
def etcd():
    return Etcd()


@pytest.fixture
def index(etcd):
    options = ClientOptions.of({"retry": {"attempts": 1}})
    view = View(Client(etcd, AsyncioRuntime(), options), NAMESPACE, LATE)
    return ReadIndex(view, lambda revision: revision <= etcd.mirrored)


@pytest.fixture
def ask(index):
    """Begins to ask for keys, one task for each."""

    def begin(*keys, timeout=LATE):
        bodies = [index.ask(key, AsyncioRuntime.now() + timeout) for key in keys]
        return [asyncio.create_task(asyncio.wait_for(body, BOUND)) for body in bodies]

    return begin


def names(count):
    return [f"k{number}".encode() for number in range(count)]


async def blocked():
    """All tasks have done what they can without an answer."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_answer_is_when_a_key_was_changed_last_and_at_which_revision_that_was_asked(etcd, ask):
    etcd.modified[NAMESPACE + b"k"] = 7
    etcd.answer()
    assert await asyncio.gather(*ask(b"k")) == [Answer(101, 7)]


async def test_a_missing_key_was_never_changed(etcd, ask):
    etcd.answer()
    assert await asyncio.gather(*ask(b"none")) == [Answer(101, 0)]


async def test_if_the_mirror_has_reached_the_store_no_more_is_asked(etcd, ask):
    etcd.mirrored = 1000
    first = ask(b"first")
    await etcd.begun()
    tasks = ask(*names(300))
    await blocked()
    etcd.answer()
    assert set(await asyncio.gather(*tasks)) == {Answer(102, None)}
    assert [len(keys) for keys in etcd.requests] == [1, 1]
    await asyncio.gather(*first)


async def test_keys_are_asked_for_in_the_namespace(etcd, ask):
    etcd.answer()
    await asyncio.gather(*ask(b"k"))
    assert etcd.requests == [[NAMESPACE + b"k"]]


async def test_one_key_is_asked_for_without_a_transaction(etcd, ask):
    """etcd 3.5.1 panics if a transaction that only reads is cancelled, as it is when its connection breaks."""
    etcd.answer()
    await asyncio.gather(*ask(b"k"))
    await asyncio.gather(*ask(b"k", b"k"))
    assert etcd.methods == [RANGE, RANGE]


async def test_callers_that_come_during_a_request_share_the_next_one(etcd, ask):
    tasks = ask(b"first")
    await etcd.begun()
    tasks += ask(*names(50))
    await blocked()
    assert len(etcd.requests) == 1
    etcd.answer()
    await asyncio.gather(*tasks)
    assert sum(map(len, etcd.requests)) == 51
    assert len(etcd.requests) <= 3


async def test_a_key_that_many_want_is_asked_for_once(etcd, ask):
    tasks = ask(b"first")
    await etcd.begun()
    tasks += ask(*[b"k"] * 10, b"other")
    await blocked()
    etcd.answer()
    await asyncio.gather(*tasks)
    wanted = [NAMESPACE + b"first", NAMESPACE + b"k", NAMESPACE + b"other"]
    assert Counter(chain(*etcd.requests)) == Counter(wanted)


async def test_nobody_gets_an_answer_that_was_asked_before_it_came(etcd, ask):
    early = ask(b"k")
    await etcd.begun()
    etcd.modified[NAMESPACE + b"k"] = 101  # after that request
    late = ask(b"k")
    await blocked()
    etcd.answer()
    assert await asyncio.gather(*early, *late) == [Answer(101, 0), Answer(102, 101)]


@pytest.mark.parametrize("mirrored", [0, 1000])
async def test_nobody_gets_a_revision_from_before_it_came(etcd, ask, mirrored):
    etcd.mirrored = mirrored
    etcd.answer()
    tasks = []
    for name in names(20):
        tasks.append((etcd.revision, *ask(name)))
        await asyncio.sleep(0)
    assert all([(await task).revision > before for before, task in tasks])


async def test_no_request_has_more_keys_than_a_transaction_may_read(etcd, ask):
    tasks = ask(b"first")
    await etcd.begun()
    etcd.modified = {NAMESPACE + name: number for number, name in enumerate(names(300))}
    tasks += ask(*names(300))
    await blocked()
    etcd.answer()
    answers = (await asyncio.gather(*tasks))[1:]
    assert [answer.mod_revision for answer in answers] == [*range(300)]
    assert max(len(keys) for keys in etcd.requests) <= LIMIT
    assert len(etcd.requests) <= 5


async def test_a_connection_error_is_raised_in_all_who_asked_and_the_next_request_is_made(etcd, ask):
    first = ask(b"first")
    await etcd.begun()
    tasks = ask(b"a", b"b")
    await blocked()
    etcd.error = ConnectionFailedError("gone")
    etcd.answer()
    errors = await asyncio.gather(*first, *tasks, return_exceptions=True)
    assert [type(error) for error in errors] == [ConnectionFailedError] * 3
    etcd.error = None
    assert [answer.mod_revision for answer in await asyncio.gather(*ask(b"a"))] == [0]


async def test_a_refusal_is_raised_only_in_those_whose_key_was_refused(etcd, ask):
    first = ask(b"first")
    await etcd.begun()
    etcd.forbidden.add(NAMESPACE + b"secret")
    tasks = ask(b"open", b"secret", b"other")
    await blocked()
    etcd.answer()
    one, error, other = await asyncio.gather(*tasks, return_exceptions=True)
    assert (one.mod_revision, other.mod_revision, type(error)) == (0, 0, PermissionDeniedError)
    await asyncio.gather(*first)


@pytest.mark.parametrize("asking", [True, False], ids=["while it asks", "while it waits for its turn"])
async def test_a_cancelled_leader_leaves_the_request_to_the_others(etcd, ask, asking):
    (first,) = ask(b"first")
    await etcd.begun()
    leader, *others = ask(b"a", b"a", b"b")
    await blocked()
    if asking:
        etcd.answer(1)
        await etcd.begun()
    leader.cancel()
    await asyncio.wait([leader])
    etcd.answer()
    assert [answer.mod_revision for answer in await asyncio.gather(*others)] == [0, 0]
    assert await first == Answer(101, 0)


async def test_others_are_served_when_the_very_first_caller_is_cancelled(etcd, ask):
    (first,) = ask(b"first")
    await etcd.begun()
    (next_one,) = ask(b"k")
    await blocked()
    first.cancel()
    await asyncio.wait([first])
    etcd.answer()
    assert await next_one == Answer(102, 0)


async def test_an_unanswered_request_holds_up_the_next_one_only_until_that_ones_deadline(etcd, ask):
    (stuck,) = ask(b"stuck")
    await etcd.begun()
    (hasty,) = ask(b"k", timeout=0.01)
    with pytest.raises(DeadlineExceededError):
        await hasty
    etcd.answer()
    assert await stuck == Answer(101, 0)


async def test_a_follower_keeps_its_own_deadline_when_that_of_its_leader_has_passed(etcd, ask):
    (stuck,) = ask(b"stuck")
    await etcd.begun()
    (hasty,) = ask(b"k", timeout=0.01)
    await blocked()
    (patient,) = ask(b"k")
    await asyncio.wait([hasty])
    assert isinstance(hasty.exception(), DeadlineExceededError)
    etcd.answer()
    assert (await patient).mod_revision == 0
    await stuck


def test_an_answer_that_is_an_error_is_raised():
    assert raised(Answer(5)) == Answer(5, None)
    with pytest.raises(PermissionDeniedError):
        raised(PermissionDeniedError("no"))


class Leaving(set):
    """Keys of a request that leaves as a key comes, without it."""

    def __init__(self, keys, leave):
        super().__init__(keys)
        self._left, self._leave = set(keys), leave

    def add(self, key):
        self._leave()
        super().add(key)

    def copy(self):
        return self._left


async def test_a_key_that_comes_as_its_request_leaves_is_asked_for_with_the_next(etcd, index, ask):
    (first,) = ask(b"first")
    await etcd.begun()
    (leader,) = ask(b"a")
    await blocked()
    request = index._next
    request.keys = Leaving([b"a"], lambda: index._begin(request))
    (late,) = ask(b"late")
    await blocked()
    etcd.answer()
    assert [answer.mod_revision for answer in await asyncio.gather(first, leader, late)] == [0, 0, 0]
    assert [NAMESPACE + b"late"] in etcd.requests
