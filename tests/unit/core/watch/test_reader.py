"""What the user of a watch does: the same for watches of the server and of a mirror."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.bound import Scoped
from etcd_factory.core.watch.event_queue import EventQueue
from etcd_factory.core.watch.reader import EventReader
from etcd_factory.errors import ClientClosedError, CompactedError
from etcd_factory.model import Event, KeyValue
from tests.support.faces import enter, failure, leave, settle
from tests.support.views import view_behind
from tests.support.watching import begin_take, drain, take, take_revisions

MARK = Event("progress", KeyValue(b""), 9)


class Reader(EventReader):
    """A watch without a source: a test queues its events."""

    __slots__ = ("_events", "_run", "ended", "inherited", "kept")

    def __init__(self, view):
        self._run, self._events = view, EventQueue(view.client.background, 100)
        self.inherited = self.kept = self.ended = False

    def keep(self):
        self.kept = True

    async def end(self):
        self.ended = self._events.over = True
        self._events.close()

    def add(self, *revisions):
        events = [Event("put", KeyValue(b"k"), revision) for revision in revisions]
        self._events.put(len(events), iter(events))

    def close(self, error=None):
        (self._events.close if error is None else lambda: self._events.fail(error))()


@pytest.fixture
async def reader(connect):
    client, _ = connect({})
    return Reader(view_behind(client))


def revisions(events):
    return [event.revision for event in events]


async def test_iterating_ends_with_the_watch(reader):
    reader.add(1, 2)
    reader.add(3)
    reader.close()
    assert revisions(await drain(reader)) == [1, 2, 3]
    assert await drain(reader) == []


async def test_iterating_raises_what_ended_the_watch_after_its_events(reader):
    reader.add(1)
    reader.close(CompactedError(compact_revision=9))
    assert revisions(await take(reader)) == [1]
    await failure(lambda: take(reader), CompactedError)
    assert await drain(reader) == []


async def test_iterating_over_revisions_raises_it_too(reader):
    reader.add(1)
    reader.close(CompactedError(compact_revision=9))
    await failure(lambda: take_revisions(reader, 2), CompactedError)


async def test_taking_waits_as_long_as_it_is_told(reader):
    reader.add(1)
    assert (await settle(reader.take(0))).revision == 1
    assert await settle(reader.take(0)) is None
    reader.add(2)
    assert (await settle(reader.take())).revision == 2
    await failure(lambda: reader.take(-1), ValueError)


async def test_revisions_are_lists_that_are_never_cut_and_have_no_marks(reader):
    reader.add(1, 1, 2)
    reader._events.add("progress", MARK)
    reader.add(3, 3)
    reader.close()
    found = await take_revisions(reader, 3)
    assert [revisions(events) for events in found] == [[1, 1], [2], [3, 3]]


async def test_single_events_and_revisions_share_what_was_received(reader):
    reader.add(1, 1, 2, 3, 3)
    assert revisions(await take(reader)) == [1]
    assert [revisions(events) for events in await take_revisions(reader, 2)] == [[1], [2]]
    assert revisions(await take(reader, 2)) == [3, 3]


async def test_cancel_ends_it_and_what_waits_is_dropped(reader):
    reader.add(1, 2)
    await settle(reader.cancel())
    assert (reader.ended, await drain(reader), await settle(reader.take())) == (True, [], None)


async def test_leaving_its_block_ends_it(reader):
    assert await enter(reader) is reader
    await leave(reader)
    assert reader.ended
    assert isinstance(reader, Scoped)


async def test_handlers_are_called_in_the_place_of_iterating_and_hold_the_watch(reader, recorder):
    assert not reader.kept
    assert recorder.on(reader, "put", "progress", "end") is reader
    assert reader.kept
    reader.add(1, 2)
    reader._events.add("progress", MARK)
    reader.close()
    await recorder.until("end")
    assert recorder.names == ["put", "put", "progress", "end"]
    with pytest.raises(TypeError, match="a watcher with handlers cannot be iterated over"):
        await settle(reader.take())


async def test_an_unknown_event_is_an_error_that_suggests_one(reader):
    with pytest.raises(ValueError, match="did you mean 'delete'"):
        reader.on("deleted", print)
    assert not reader.kept


@pytest.mark.parametrize(
    "use", [lambda one: one.take(), lambda one: take(one), take_revisions], ids=["take", "next", "revisions"]
)
async def test_in_a_forked_child_every_use_is_an_error(reader, use):
    reader.inherited = True
    with pytest.raises(ClientClosedError, match="belongs to the process that began it"):
        await settle(use(reader))
    with pytest.raises(ClientClosedError):
        reader.on("put", print)


async def test_a_reader_that_waits_gets_what_comes(reader):
    reading = begin_take(reader, 2)
    await asyncio.sleep(0)
    reader.add(1)
    reader.add(2)
    assert revisions(await asyncio.wait_for(reading, 10)) == [1, 2]
