"""The journal of one run of a software transaction: what it reads, what it checks, what a conflict says."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import ops
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.view import View
from etcd_factory.core.concurrency.stm import LEVELS
from etcd_factory.core.concurrency.stm_journal import (
    Conflict,
    STMJournal,
    conflict,
    mod_revision,
    read_message,
    without,
)
from etcd_factory.errors import FutureRevisionError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.model import KeyValue
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport, replies

SNAPSHOT, SERIALIZABLE, REPEATABLE, COMMITTED = LEVELS.values()
PUT = ops.put("k").value("new")


def found(value, mod=3, revision=9, key=b"k"):
    return replies.get(KeyValue(key, value, 1, mod, 1), revision=revision)


@pytest.fixture
def journal_of(view_of):
    """A function that returns a journal of a level on these responses, and the transport."""

    def make(steps, level=SNAPSHOT, last=None, namespace=b""):
        view, transport = view_of(steps, namespace)
        return STMJournal(view, level, last or Conflict()), transport

    return make


def read(journal, key="k"):
    return journal.execute(ops.get(key).string())


def reads(transport):
    return [(call.request.key, call.request.revision) for call in transport.calls if call.method == "Range"]


# --- reading


async def test_a_key_is_read_once(journal_of):
    journal, transport = journal_of([found(b"v")])
    assert [await read(journal), await read(journal)] == ["v", "v"]
    assert reads(transport) == [(b"k", 0)]


async def test_reads_are_linearizable(journal_of):
    """A member that lags would refuse to read at a later revision."""
    journal, transport = journal_of([found(b"v")])
    await read(journal)
    assert not transport.calls[0].request.serializable


@pytest.mark.parametrize(("level", "second"), [(SNAPSHOT, 9), (SERIALIZABLE, 9), (REPEATABLE, 0), (COMMITTED, 0)])
async def test_a_snapshot_reads_all_keys_at_the_revision_of_the_first(journal_of, level, second):
    journal, transport = journal_of([found(b"v"), found(b"w", key=b"l")], level)
    await read(journal)
    await read(journal, "l")
    assert reads(transport) == [(b"k", 0), (b"l", second)]


async def test_keys_are_read_in_the_namespace(journal_of):
    journal, transport = journal_of([replies.get({"ns/k": "v"})], namespace=b"ns/")
    assert (await journal.execute(ops.get("k").kv())).key == b"k"
    assert reads(transport) == [(b"ns/k", 0)]


async def test_concurrent_first_reads_are_of_one_revision():
    """Two reads whose revision is not known yet may be answered at different ones: the later one is read again."""
    answered = asyncio.Event()

    async def slow(call):
        await answered.wait()
        return found(b"old", revision=7)

    def fast(call):
        answered.set()
        return found(b"w", revision=9, key=b"l")

    def answer(call):
        if call.request.revision:
            return found(b"new", revision=9)
        return slow(call) if call.request.key == b"k" else fast(call)

    transport = ScriptedTransport({"Range": answer})
    client = Client(transport, AsyncioRuntime(), ClientOptions())
    journal = STMJournal(View(client, b"", 5.0), SNAPSHOT, Conflict())
    assert await asyncio.gather(read(journal), read(journal, "l")) == ["new", "w"]
    assert sorted(reads(transport)) == [(b"k", 0), (b"k", 9), (b"l", 0)]


async def test_it_sees_its_own_writes(journal_of):
    journal, transport = journal_of([])
    journal.write(ops.put("k").lease(7).value("mine"))
    assert await read(journal) == "mine"
    kv = await journal.execute(ops.get("k").kv())
    assert (kv.key, kv.value, kv.lease, kv.mod_revision) == (b"k", b"mine", 7, 0)
    journal.write(ops.delete().key("k"))
    assert await read(journal) is None
    assert transport.calls == []


async def test_an_error_of_a_read_passes(journal_of):
    journal, _ = journal_of([FutureRevisionError("odd")])
    with pytest.raises(FutureRevisionError, match="odd"):
        await read(journal)


def test_only_single_keys_are_read(journal_of):
    journal, _ = journal_of([])
    with pytest.raises(TypeError, match="a software transaction reads single keys"):
        journal.pages({})


# --- what is checked


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (SNAPSHOT, {b"k": ("==", 3), b"w": ("<", 10)}),
        (SERIALIZABLE, {b"k": ("==", 3)}),
        (REPEATABLE, {b"k": ("==", 3)}),
        (COMMITTED, {}),
    ],
    ids=[*LEVELS],
)
async def test_the_checks_of_a_level(journal_of, level, expected):
    journal, _ = journal_of([found(b"v")], level)
    await read(journal)
    journal.write(ops.put("w").value("v"))
    assert journal.checks() == expected


async def test_a_key_that_is_read_and_written_is_checked_as_read(journal_of):
    journal, _ = journal_of([found(b"v")])
    await read(journal)
    journal.write(PUT)
    assert journal.checks() == {b"k": ("==", 3)}


async def test_a_missing_key_must_still_be_missing(journal_of):
    journal, _ = journal_of([replies.get(revision=9)])
    assert await read(journal) is None
    assert journal.checks() == {b"k": ("==", 0)}


async def test_writes_alone_are_not_checked(journal_of):
    """Nothing was read that another write could have made wrong."""
    journal, _ = journal_of([])
    journal.write(PUT)
    assert journal.checks() == {}


# --- committing


async def test_a_run_that_did_nothing_makes_no_call(journal_of):
    journal, transport = journal_of([])
    assert await journal.commit() is None
    assert transport.calls == []


async def test_a_commit_writes_each_key_once_if_the_checks_hold(journal_of):
    journal, transport = journal_of([found(b"v"), replies.txn(replies.put())])
    await read(journal)
    journal.write(PUT)
    journal.write(ops.put("k").value("newer"))
    assert await journal.commit() is None
    request = transport.calls[1].request
    (check,) = request.compare
    assert (check.key, check.mod_revision) == (b"k", 3)
    assert [part.request_put.value for part in request.success] == [b"newer"]
    assert [part.request_range.key for part in request.failure] == [b"k"]


async def test_a_refused_commit_says_what_changed_and_what_is_there_now(journal_of):
    refused = replies.txn(found(b"other", mod=12), found(b"w", mod=2, key=b"l"), succeeded=False, revision=15)
    journal, _ = journal_of([found(b"v"), found(b"w", mod=2, key=b"l"), refused])
    await read(journal)
    await read(journal, "l")
    journal.write(PUT)
    last = await journal.commit()
    assert (last.revision, last.changed, [*last.found]) == (15, (b"k",), [b"k", b"l"])


@pytest.mark.parametrize(("level", "base"), [(SNAPSHOT, 15), (REPEATABLE, 0)])
async def test_the_next_run_starts_with_what_the_refused_commit_found(journal_of, level, base):
    last = Conflict(15, {b"k": found(b"other", mod=12)}, (b"k",))
    journal, transport = journal_of([found(b"w", key=b"l")], level, last)
    assert await read(journal) == "other"
    await read(journal, "l")
    assert reads(transport) == [(b"l", base)]


def test_a_conflict_names_the_checks_that_do_not_hold():
    checks = {b"same": ("==", 3), b"other": ("==", 3), b"written": ("<", 10), b"older": ("<", 10)}
    mods = {b"same": 3, b"other": 4, b"written": 10, b"older": 9}
    answers = tuple(found(b"", mod, key=key) for key, mod in mods.items())
    assert conflict(20, checks, answers).changed == (b"other", b"written")


def test_a_missing_key_was_never_modified():
    assert mod_revision(replies.get()) == 0
    assert mod_revision(found(b"v", mod=4)) == 4


def test_a_read_of_the_journal_returns_etcds_own_message():
    op, reply = read_message(b"k", keys_only=True), replies.get({"k": "v"})
    assert (op.fields, op.read(reply, 3)) == ({"key": b"k", "keys_only": True}, reply)


# --- ranges


@pytest.mark.parametrize(
    ("keys", "holes", "parts"),
    [
        ((b"a", b"d"), [], [(b"a", b"d")]),
        ((b"a", b"d"), [b"b"], [(b"a", b"b"), (b"b\0", b"d")]),
        ((b"a", b"d"), [b"a"], [(b"a\0", b"d")]),
        ((b"a", b"d"), [b"d", b"0"], [(b"a", b"d")]),
        ((b"a", b"d"), [b"c", b"b"], [(b"a", b"b"), (b"b\0", b"c"), (b"c\0", b"d")]),
        ((b"a", b"a\0\0"), [b"a\0"], [(b"a", b"a\0")]),
        ((b"a", b"a\0\0"), [b"a", b"a\0"], []),
        ((b"", b"\0"), [b"b"], [(b"", b"b"), (b"b\0", b"\0")]),
    ],
)
def test_a_range_is_deleted_around_what_is_written_after_it(keys, holes, parts):
    """Etcd refuses a transaction that puts and deletes one key."""
    assert list(without(keys, holes)) == parts


async def test_what_a_range_deletes_is_missing_and_not_read(journal_of):
    journal, transport = journal_of([], SERIALIZABLE)
    journal.delete_range((b"k", b"l"))
    assert await read(journal) is None
    journal.write(PUT)
    assert await read(journal) == "new"
    journal.delete_range((b"a", b"z"))
    assert await read(journal) is None
    assert transport.calls == []


async def test_the_commit_deletes_ranges_and_writes_the_rest(journal_of):
    journal, transport = journal_of([replies.txn(replies.delete(), replies.put())], COMMITTED)
    journal.write(ops.put("k1").value("before"))
    journal.delete_range((b"k", b"l"))
    journal.write(PUT)
    assert await journal.commit() is None
    *deleted, put = transport.calls[0].request.success
    ranges = [(op.request_delete_range.key, op.request_delete_range.range_end) for op in deleted]
    assert ranges == [(b"k\0", b"l")]
    assert (put.request_put.key, put.request_put.value) == (b"k", b"new")


def test_the_snapshot_level_cannot_delete_a_range(journal_of):
    journal, _ = journal_of([], SNAPSHOT)
    with pytest.raises(ValueError, match="serializable_snapshot cannot delete a range"):
        journal.delete_range((b"k", b"l"))
