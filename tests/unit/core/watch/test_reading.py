"""What the thread that waits for events keeps of what it reads itself, and what it leaves."""

from __future__ import annotations

import pytest

from etcd_factory.core.watch.event_queue import EventQueue
from etcd_factory.core.watch.reading import prepare
from etcd_factory.core.watch.state import BROADCAST, WatchMux
from etcd_factory.wire.values import event_reader
from tests.support.watch_states import FIRST, event, reply, running

SIZE = 3  # events that fit into the queue


class Reader:
    """A watch with a queue."""

    def __init__(self, entry, queue):
        self.id, self.queue, self._read = entry.id, queue, event_reader(0)

    def keeping(self, entry, events):
        moves_to = events[-1].kv.mod_revision + 1 if events else entry.next
        return self.queue.keeping(entry, moves_to, len(events), map(self._read, events))


@pytest.fixture
def mux():
    return WatchMux()


@pytest.fixture
def reader(mux, view_of):
    """The only watch of a stream."""
    view, _ = view_of({})
    return Reader(running(mux)[0], EventQueue(view.client.background, SIZE))


def kept(mux, reader, answer):
    """Keep a response; returns whether that was possible, and whether there is news for the reader."""
    keep, done = prepare(mux, reader, answer), []
    return None if keep is None else (keep(lambda: done.append(1)), len(done))


def revisions(reader):
    return [one.revision for one in reader.queue.ready]


def test_events_are_next_for_the_reader_and_move_the_watch_on(mux, reader):
    answer = reply(reader.id, FIRST + 2, events=[event(FIRST + 1), event(FIRST + 2)])
    assert kept(mux, reader, answer) == (True, 1)
    assert revisions(reader) == [FIRST + 1, FIRST + 2]
    (request,) = mux.reconnected()
    assert request["start_revision"] == FIRST + 3


def test_nothing_is_kept_before_it_is_decided(mux, reader):
    answer = reply(reader.id, FIRST + 1, events=[event(FIRST + 1)])
    assert prepare(mux, reader, answer) is not None
    assert revisions(reader) == []
    (request,) = mux.reconnected()
    assert request["start_revision"] == FIRST + 1


def test_what_was_kept_and_comes_again_is_left_out(mux, reader):
    answer = reply(reader.id, FIRST + 1, events=[event(FIRST + 1)])
    kept(mux, reader, answer)
    assert mux.received(answer) == []
    assert kept(mux, reader, answer) == (True, 1)
    assert revisions(reader) == [FIRST + 1]


def test_events_of_several_responses_come_one_after_another(mux, reader):
    for revision in range(FIRST + 1, FIRST + 1 + SIZE):
        assert kept(mux, reader, reply(reader.id, revision, events=[event(revision)])) == (True, 1)
    assert revisions(reader) == [*range(FIRST + 1, FIRST + 1 + SIZE)]


def test_fragments_are_kept_until_the_last_one(mux, reader):
    parts = [[event(FIRST + 1, number)] for number in range(3)]
    for part in parts[:2]:
        assert kept(mux, reader, reply(reader.id, FIRST + 1, fragment=True, events=part)) == (False, 1)
        assert revisions(reader) == []
    assert kept(mux, reader, reply(reader.id, FIRST + 1, events=parts[2])) == (True, 1)
    assert revisions(reader) == [FIRST + 1] * 3
    assert mux.watches[reader.id].fragments == ()


def test_fragments_that_were_kept_go_on_with_those_that_are_delivered(mux, reader):
    kept(mux, reader, reply(reader.id, FIRST + 1, fragment=True, events=[event(FIRST + 1, 0)]))
    (output,) = mux.received(reply(reader.id, FIRST + 1, events=[event(FIRST + 1, 1)]))
    assert len(output.events) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"revision": FIRST + 1},
        {"canceled": True},
        {"created": True},
        {"id": BROADCAST},
        {"id": 99, "events": [event(FIRST + 1)]},
    ],
    ids=["progress", "an end", "a confirmation", "progress of all", "events of a watch that is gone"],
)
def test_anything_else_is_left(mux, reader, fields):
    assert prepare(mux, reader, reply(**{"id": reader.id, **fields})) is None


def test_events_of_another_watch_are_left(mux, reader):
    other, *_ = running(mux)
    assert prepare(mux, reader, reply(other.id, FIRST + 1, events=[event(FIRST + 1)])) is None


def test_events_that_do_not_fit_are_left(mux, reader):
    events = [event(FIRST + number) for number in range(1, SIZE + 2)]
    assert prepare(mux, reader, reply(reader.id, FIRST + SIZE + 1, events=events)) is None
    assert kept(mux, reader, reply(reader.id, FIRST + SIZE, events=events[:SIZE])) == (True, 1)
