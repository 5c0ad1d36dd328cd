"""When leases are renewed and lost, by a clock that is handed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.core.lease.schedule import AHEAD, PATIENCE, Agenda, Renewal, Renewals

TTL = 9
THIRD = TTL / 3
TICK = 0.01


@pytest.fixture
def renewals():
    """One lease, whose grant was sent at 0."""
    return granted(Renewal(1, TTL, 0.0))


@pytest.fixture
def asked():
    """One lease, whose grant was sent a third of its ttl before 0: asked for at 0."""
    known = granted(Renewal(1, TTL, -THIRD))
    assert known.ask(0.0) == [1]
    return known


def granted(*leases):
    """Leases whose grants are answered at 0."""
    known = Renewals()
    for lease in leases:
        known.add(lease, 0.0)
    return known


def test_a_lease_is_due_a_third_of_its_ttl_after_its_grant_was_sent(renewals):
    assert renewals.next(asking=True) == renewals.due() == THIRD
    assert renewals.ask(THIRD - AHEAD - TICK) == []
    assert renewals.ask(THIRD) == [1]


def test_a_lease_whose_grant_was_answered_later_than_that_is_due_at_once():
    renewals = Renewals()
    renewals.add(Renewal(1, TTL, 0.0), THIRD + 1)
    assert renewals.due() == THIRD + 1


def test_leases_that_are_due_soon_after_each_other_are_asked_for_together():
    sent = {1: 0.0, 2: AHEAD - TICK, 3: AHEAD + TICK}
    renewals = granted(*(Renewal(lease, TTL, time) for lease, time in sent.items()))
    assert renewals.ask(THIRD) == [1, 2]
    assert renewals.due() == THIRD + sent[3]


def test_a_lease_that_is_asked_for_is_not_due(asked):
    assert asked.due() is None
    asked.add(Renewal(2, TTL, 0.0), 0.0)
    assert asked.due() == THIRD


def test_a_lease_is_asked_for_once_until_it_is_answered(asked):
    assert asked.ask(TTL - 1) == []


def test_a_lease_is_due_again_a_third_of_its_ttl_after_the_answer(asked):
    assert asked.answered(1, TTL, 0.5)
    assert asked.ask(0.5 + THIRD - AHEAD - TICK) == []
    assert asked.ask(0.5 + THIRD) == [1]


def test_a_lease_lives_for_its_ttl_from_when_the_last_answered_request_was_sent(asked):
    asked.answered(1, TTL, 2.0)
    assert asked.lost(TTL - 0.1) == []
    assert asked.lost(TTL) == [1]


def test_a_request_that_is_not_answered_does_not_make_it_live_longer(asked):
    asked.answered(1, TTL, 0.0)
    asked.ask(THIRD)
    assert asked.lost(TTL) == [1]


def test_an_answer_that_comes_late_counts_from_its_request(asked):
    asked.answered(1, TTL, 0.0)
    asked.ask(THIRD)
    assert asked.answered(1, TTL, TTL + 1)
    assert asked.lost(TTL + 1) == []
    assert asked.lost(THIRD + TTL) == [1]


def test_the_ttl_that_the_server_gives_counts(asked):
    asked.answered(1, 30, 0.0)
    assert asked.ask(THIRD) == []
    assert asked.ask(10.0) == [1]
    assert asked.lost(29.9) == []


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_lease_without_a_ttl_is_gone(asked, ttl):
    assert not asked.answered(1, ttl, 0.0)


def test_a_lost_lease_is_lost_once_and_asked_for_no_more(renewals):
    assert renewals.lost(TTL) == [1]
    assert renewals.lost(TTL + 1) == []
    assert renewals.ask(TTL + 1) == []
    assert (len(renewals), renewals.next(asking=True)) == (0, None)


def test_a_dropped_lease_is_neither_asked_for_nor_lost(renewals):
    renewals.drop(1)
    assert (renewals.due(), renewals.ask(THIRD), renewals.lost(TTL)) == (None, [], [])


def test_an_answer_for_a_lease_that_was_dropped_tells_nothing(asked):
    asked.drop(1)
    assert asked.answered(1, 0, 0.0)
    assert asked.renewed(1, 0, 0.0, 0.0)


def test_where_the_stream_breaks_what_was_asked_for_is_due_again(asked):
    asked.add(Renewal(2, TTL, 0.0), 5.0)
    asked.broke(1.0)
    assert asked.ask(1.0) == [1]


def test_where_the_stream_breaks_with_nothing_asked_for_the_next_lease_tries_a_new_one_at_once(asked):
    asked.answered(1, TTL, 0.0)
    asked.add(Renewal(2, TTL, 0.0), 5.0)
    asked.broke(1.0)
    assert asked.ask(1.0) == [1]


def test_a_break_does_not_make_a_lease_live_longer(asked):
    asked.answered(1, TTL, 0.0)
    asked.broke(TTL - 1)
    assert asked.ask(TTL - 1) == [1]
    assert asked.lost(TTL - TICK) == []
    assert asked.lost(TTL) == [1]


def test_an_answer_on_a_stream_that_broke_does_not_count(asked):
    asked.broke(1.0)
    asked.answered(1, TTL, 2.0)
    assert asked.lost(TTL - THIRD) == [1]


def test_an_answer_may_take_a_third_of_the_ttl(asked):
    assert not asked.deaf(THIRD - 0.1)
    assert asked.deaf(THIRD)


def test_an_answer_may_take_a_while_however_short_the_ttl():
    short = granted(Renewal(1, 1, -0.5))
    assert short.ask(0.0) == [1]
    assert not short.deaf(PATIENCE - 0.1)
    assert short.deaf(PATIENCE)


def test_after_an_answer_or_a_break_nothing_is_waited_for(asked):
    asked.broke(THIRD)
    assert not asked.deaf(THIRD)
    asked.ask(THIRD)
    asked.answered(1, TTL, THIRD)
    assert not asked.deaf(2 * THIRD)


def test_what_is_due_is_no_reason_to_look_while_it_cant_be_asked_for(renewals):
    assert renewals.next(asking=False) == TTL


def test_a_renewal_by_somebody_else_counts(renewals):
    assert renewals.renewed(1, TTL, 2.0, 2.5)
    assert renewals.ask(THIRD) == []
    assert renewals.due() == 2.5 + THIRD
    assert renewals.lost(TTL) == []
    assert renewals.lost(TTL + 2.0) == [1]


def test_a_renewal_by_somebody_else_takes_no_time_away(asked):
    asked.answered(1, TTL, 0.0)
    asked.ask(THIRD)
    asked.answered(1, TTL, THIRD)
    asked.renewed(1, TTL, 1.0, THIRD)
    assert asked.lost(TTL + 1.0) == []


def test_each_of_many_leases_has_its_own_time():
    many = granted(*(Renewal(ttl, ttl, 0.0) for ttl in (30, 3, 9)))
    assert [many.ask(now) for now in (1.0, 3.0, 10.0)] == [[3], [9], [30]]
    assert [many.lost(now) for now in (3.0, 9.0, 30.0)] == [[3], [9], [30]]


STEPS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["ask", "answer", "break", "drop", "add"])), max_size=60)


@given(STEPS)
def test_a_lease_is_never_thought_to_live_longer_than_the_server_may_think(steps):
    renewals, now, server, sent = Renewals(), 0.0, None, None
    for wait, step in steps:
        now += wait
        if server is not None and now >= server:
            assert renewals.lost(now) == [1]
            server = sent = None
        elif step == "add" and server is None:
            renewals.add(Renewal(1, TTL, now), now)
            server = now + TTL
        elif step == "ask":
            sent = now if renewals.ask(now) else sent
        elif step == "answer" and sent is not None:
            renewals.answered(1, TTL, now)
            server, sent = sent + TTL, None
        elif step == "break":
            renewals.broke(now)
            sent = None
        elif step == "drop":
            renewals.drop(1)
            server = sent = None
        assert renewals.lost(now) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20))), st.sets(st.integers(0, 5)))
def test_an_agenda_gives_each_key_once_at_its_last_time_in_order(given, dropped):
    agenda, times = Agenda(), {}
    for key, time in given:
        agenda.put(key, time)
        times[key] = time
    for key in dropped:
        agenda.drop(key)
        times.pop(key, None)
    taken = agenda.take(20)
    assert sorted(taken) == sorted(times)
    assert [times[key] for key in taken] == sorted(times.values())
    assert agenda.take(20) == []
