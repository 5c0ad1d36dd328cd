"""Watches that meet a store which is behind what they have seen: what is said of it, and where they go on."""

from __future__ import annotations

import pytest

from etcd_factory.core.watch.state import WatchMux

from .test_state import FIELDS, FIRST, event, reply, running, seen, told


@pytest.fixture
def machine():
    return WatchMux()


def anew(machine, state, revision):
    """What a new stream says of a watch, at a store of that revision."""
    machine.connected()
    return machine.received(reply(state.id, revision, created=True))


def by_now(machine):
    """A watch from now on has begun behind all that there is."""
    return running(machine)[0]


def by_the_past(machine):
    """One from an old revision may be told at once of all that there is."""
    return running(machine, start=FIRST)[0]


def by_the_present(machine):
    """One from the very next revision has all that there is before it."""
    return running(machine, start=FIRST + 1)[0]


def by_events(machine):
    """One from a future revision has seen it."""
    (state,) = running(machine, start=FIRST + 3)
    machine.received(reply(state.id, events=[event(FIRST + 3)]))
    return state


def by_progress(machine):
    """One from a future revision was told that it is over."""
    (state,) = running(machine, start=FIRST + 3)
    machine.received(reply(state.id, FIRST + 5))
    return state


def by_a_later_stream(machine):
    """One from a future revision has met the store there."""
    (state,) = running(machine, start=FIRST + 3)
    anew(machine, state, FIRST + 2)
    return state


REACHED = [by_now, by_the_past, by_the_present, by_events, by_progress, by_a_later_stream]


@pytest.mark.parametrize("reach", REACHED)
def test_a_store_that_is_behind_what_was_reached_is_told_of_and_the_watch_waits_where_it_was(machine, reach):
    state = reach(machine)
    wanted = state.next
    outs = anew(machine, state, wanted - 2)
    assert told(outs) == [(state.id, "created"), (state.id, "behind")]
    assert (outs[1].state, outs[1].revision) == (state, wanted - 2)
    assert machine.connected()[0]["start_revision"] == wanted


@pytest.mark.parametrize("reach", REACHED)
@pytest.mark.parametrize("ahead", [0, 1, 100])
def test_a_store_that_is_where_the_watch_is_or_further_on_is_not_behind(machine, reach, ahead):
    state = reach(machine)
    wanted = state.next
    assert told(anew(machine, state, wanted - 1 + ahead)) == [(state.id, "created")]
    assert machine.connected()[0]["start_revision"] == wanted


@pytest.mark.parametrize("revision", [1, FIRST, FIRST + 1])
def test_a_future_revision_that_was_never_reached_is_waited_for(machine, revision):
    (state,) = running(machine, start=FIRST + 3)
    assert told(anew(machine, state, revision)) == [(state.id, "created")]
    assert machine.connected()[0]["start_revision"] == FIRST + 3


def test_a_watch_that_was_never_confirmed_is_not_behind(machine):
    state = machine.add(FIELDS, 0)
    machine.connected()
    assert told(anew(machine, state, 1)) == [(state.id, "created")]
    assert machine.connected()[0]["start_revision"] == 2


def test_a_watch_whose_member_catches_up_goes_on_without_a_gap_or_an_event_twice(machine):
    state = by_events(machine)
    anew(machine, state, FIRST)
    outs = machine.received(reply(state.id, events=[event(FIRST + 3), event(FIRST + 4)]))
    assert seen(outs) == [[(FIRST + 4, b"k0")]]
    assert told(anew(machine, state, FIRST + 4)) == [(state.id, "created")]


def test_a_watch_that_is_behind_is_told_of_on_every_stream(machine):
    state = by_now(machine)
    for _ in range(3):
        assert told(anew(machine, state, 1)) == [(state.id, "created"), (state.id, "behind")]


def test_only_those_are_behind_that_have_reached_more(machine):
    one, other = running(machine, count=2)
    future = machine.add(FIELDS, 1000)
    machine.received(reply(one.id, events=[event(FIRST + 1)]))
    machine.connected()
    outs = [out for state in (one, other, future) for out in machine.received(reply(state.id, created=True))]
    assert told(outs) == [(one.id, "created"), (one.id, "behind"), (other.id, "created"), (future.id, "created")]
