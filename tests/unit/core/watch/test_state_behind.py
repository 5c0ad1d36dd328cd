"""Watches that meet a store which is behind what they have seen: when that is reported, and where they resume."""

from __future__ import annotations

import pytest

from etcd_factory.core.watch.state import WatchMux
from tests.support.watch_states import FIELDS, FIRST, event, events_of, kinds, reply, running


@pytest.fixture
def mux():
    return WatchMux()


def reconnect(mux, entry, revision):
    """Return the outputs of a new stream for a watch, at a store of that revision."""
    mux.reconnected()
    return mux.received(reply(entry.id, revision, created=True))


def by_now(mux):
    """A watch from now on begins after everything in the store."""
    return running(mux)[0]


def by_the_past(mux):
    """A watch from an old revision may receive at once everything in the store."""
    return running(mux, start=FIRST)[0]


def by_the_present(mux):
    """A watch from the very next revision has everything in the store before it."""
    return running(mux, start=FIRST + 1)[0]


def by_events(mux):
    """A watch from a future revision has seen it."""
    (entry,) = running(mux, start=FIRST + 3)
    mux.received(reply(entry.id, events=[event(FIRST + 3)]))
    return entry


def by_progress(mux):
    """A watch from a future revision was notified that it has passed."""
    (entry,) = running(mux, start=FIRST + 3)
    mux.received(reply(entry.id, FIRST + 5))
    return entry


def by_a_later_stream(mux):
    """A watch from a future revision has met the store there."""
    (entry,) = running(mux, start=FIRST + 3)
    reconnect(mux, entry, FIRST + 2)
    return entry


REACHED = [by_now, by_the_past, by_the_present, by_events, by_progress, by_a_later_stream]


@pytest.mark.parametrize("reach", REACHED)
def test_a_store_behind_what_was_reached_is_reported_and_the_watch_waits_where_it_was(mux, reach):
    entry = reach(mux)
    wanted = entry.next
    outputs = reconnect(mux, entry, wanted - 2)
    assert kinds(outputs) == [(entry.id, "created"), (entry.id, "behind")]
    assert (outputs[1].entry, outputs[1].revision) == (entry, wanted - 2)
    assert mux.reconnected()[0]["start_revision"] == wanted


@pytest.mark.parametrize("reach", REACHED)
@pytest.mark.parametrize("ahead", [0, 1, 100])
def test_a_store_that_is_where_the_watch_is_or_later_is_not_behind(mux, reach, ahead):
    entry = reach(mux)
    wanted = entry.next
    assert kinds(reconnect(mux, entry, wanted - 1 + ahead)) == [(entry.id, "created")]
    assert mux.reconnected()[0]["start_revision"] == wanted


@pytest.mark.parametrize("revision", [1, FIRST, FIRST + 1])
def test_a_future_revision_that_was_never_reached_is_waited_for(mux, revision):
    (entry,) = running(mux, start=FIRST + 3)
    assert kinds(reconnect(mux, entry, revision)) == [(entry.id, "created")]
    assert mux.reconnected()[0]["start_revision"] == FIRST + 3


def test_a_watch_that_was_never_confirmed_is_not_behind(mux):
    entry = mux.add(FIELDS, 0)
    mux.reconnected()
    assert kinds(reconnect(mux, entry, 1)) == [(entry.id, "created")]
    assert mux.reconnected()[0]["start_revision"] == 2


def test_a_watch_whose_member_catches_up_resumes_without_a_gap_or_a_duplicate(mux):
    entry = by_events(mux)
    reconnect(mux, entry, FIRST)
    outputs = mux.received(reply(entry.id, events=[event(FIRST + 3), event(FIRST + 4)]))
    assert events_of(outputs) == [[(FIRST + 4, b"k0")]]
    assert kinds(reconnect(mux, entry, FIRST + 4)) == [(entry.id, "created")]


def test_a_store_that_is_behind_is_reported_on_every_stream(mux):
    entry = by_now(mux)
    for _ in range(3):
        assert kinds(reconnect(mux, entry, 1)) == [(entry.id, "created"), (entry.id, "behind")]


def test_only_watches_that_have_reached_more_are_behind(mux):
    one, other = running(mux, count=2)
    future = mux.add(FIELDS, 1000)
    mux.received(reply(one.id, events=[event(FIRST + 1)]))
    mux.reconnected()
    outputs = [output for entry in (one, other, future) for output in mux.received(reply(entry.id, created=True))]
    assert kinds(outputs) == [(one.id, "created"), (one.id, "behind"), (other.id, "created"), (future.id, "created")]
