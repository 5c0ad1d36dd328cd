"""When leases are renewed and expire; the clock is passed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.core.lease.schedule import AHEAD, LEAST_PATIENCE, LONGEST, Renewal, RenewalSchedule, Timetable

TTL = 9
THIRD = TTL / 3
TICK = 0.01


@pytest.fixture
def schedule():
    """One lease, whose grant was sent at 0."""
    return granted(Renewal(1, TTL, 0.0))


@pytest.fixture
def requested():
    """One lease, whose grant was sent a third of its ttl before 0: requested at 0."""
    schedule = granted(Renewal(1, TTL, -THIRD))
    assert schedule.request(0.0) == [1]
    return schedule


def granted(*leases):
    """Leases whose grants are answered at 0."""
    schedule = RenewalSchedule()
    for lease in leases:
        schedule.add(lease, 0.0)
    return schedule


def test_a_lease_is_due_a_third_of_its_ttl_after_its_grant_was_sent(schedule):
    assert schedule.next(connected=True) == schedule.due() == THIRD
    assert schedule.request(THIRD - AHEAD - TICK) == []
    assert schedule.request(THIRD) == [1]


def test_a_lease_whose_grant_was_answered_later_than_that_is_due_at_once():
    schedule = RenewalSchedule()
    schedule.add(Renewal(1, TTL, 0.0), THIRD + 1)
    assert schedule.due() == THIRD + 1


def test_leases_that_are_due_soon_after_each_other_are_requested_together():
    sent = {1: 0.0, 2: AHEAD - TICK, 3: AHEAD + TICK}
    schedule = granted(*(Renewal(lease, TTL, time) for lease, time in sent.items()))
    assert schedule.request(THIRD) == [1, 2]
    assert schedule.due() == THIRD + sent[3]


def test_a_requested_lease_is_not_due(requested):
    assert requested.due() is None
    requested.add(Renewal(2, TTL, 0.0), 0.0)
    assert requested.due() == THIRD


def test_a_lease_is_requested_once_until_it_is_answered(requested):
    assert requested.request(TTL - 1) == []


def test_a_lease_is_due_again_a_third_of_its_ttl_after_the_response(requested):
    assert requested.answered(1, TTL, 0.5)
    assert requested.request(0.5 + THIRD - AHEAD - TICK) == []
    assert requested.request(0.5 + THIRD) == [1]


def test_a_lease_expires_one_ttl_after_the_last_answered_request_was_sent(requested):
    requested.answered(1, TTL, 2.0)
    assert requested.expired(TTL - 0.1) == []
    assert requested.expired(TTL) == [1]


def test_a_request_without_a_response_does_not_extend_a_lease(requested):
    requested.answered(1, TTL, 0.0)
    requested.request(THIRD)
    assert requested.expired(TTL) == [1]


def test_a_late_response_counts_from_its_request(requested):
    requested.answered(1, TTL, 0.0)
    requested.request(THIRD)
    assert requested.answered(1, TTL, TTL + 1)
    assert requested.expired(TTL + 1) == []
    assert requested.expired(THIRD + TTL) == [1]


def test_the_ttl_in_the_response_counts(requested):
    requested.answered(1, 30, 0.0)
    assert requested.request(THIRD) == []
    assert requested.request(10.0) == [1]
    assert requested.expired(29.9) == []


@pytest.mark.parametrize("ttl", [0, -1])
def test_a_response_without_a_ttl_means_that_the_lease_is_gone(requested, ttl):
    assert not requested.answered(1, ttl, 0.0)


def test_a_lease_expires_once_and_is_then_not_requested(schedule):
    assert schedule.expired(TTL) == [1]
    assert schedule.expired(TTL + 1) == []
    assert schedule.request(TTL + 1) == []
    assert (len(schedule), schedule.next(connected=True)) == (0, None)


def test_a_dropped_lease_is_neither_requested_nor_expired(schedule):
    schedule.drop(1)
    assert (schedule.due(), schedule.request(THIRD), schedule.expired(TTL)) == (None, [], [])


def test_a_response_for_a_dropped_lease_is_ignored(requested):
    requested.drop(1)
    assert requested.answered(1, 0, 0.0)
    assert requested.renewed(1, 0, 0.0, 0.0)


def test_when_the_stream_breaks_requested_leases_are_due_again(requested):
    requested.add(Renewal(2, TTL, 0.0), 5.0)
    requested.disconnected(1.0)
    assert requested.request(1.0) == [1]


def test_when_a_stream_without_requests_breaks_the_lease_due_first_is_due_at_once(requested):
    requested.answered(1, TTL, 0.0)
    requested.add(Renewal(2, TTL, 0.0), 5.0)
    requested.disconnected(1.0)
    assert requested.request(1.0) == [1]


def test_a_broken_stream_does_not_extend_a_lease(requested):
    requested.answered(1, TTL, 0.0)
    requested.disconnected(TTL - 1)
    assert requested.request(TTL - 1) == [1]
    assert requested.expired(TTL - TICK) == []
    assert requested.expired(TTL) == [1]


def test_a_response_on_a_broken_stream_does_not_count(requested):
    requested.disconnected(1.0)
    requested.answered(1, TTL, 2.0)
    assert requested.expired(TTL - THIRD) == [1]


def test_a_response_may_take_a_third_of_the_ttl(requested):
    assert not requested.is_unresponsive(THIRD - 0.1)
    assert requested.is_unresponsive(THIRD)


def test_a_response_may_take_a_second_however_short_the_ttl():
    short = granted(Renewal(1, 1, -0.5))
    assert short.request(0.0) == [1]
    assert not short.is_unresponsive(LEAST_PATIENCE - 0.1)
    assert short.is_unresponsive(LEAST_PATIENCE)


def test_after_a_response_or_a_broken_stream_no_response_is_late(requested):
    requested.disconnected(THIRD)
    assert not requested.is_unresponsive(THIRD)
    requested.request(THIRD)
    requested.answered(1, TTL, THIRD)
    assert not requested.is_unresponsive(2 * THIRD)


def test_a_due_lease_is_no_reason_to_wake_up_while_there_is_no_stream(schedule):
    assert schedule.next(connected=False) == TTL


def test_a_renewal_made_elsewhere_counts(schedule):
    assert schedule.renewed(1, TTL, 2.0, 2.5)
    assert schedule.request(THIRD) == []
    assert schedule.due() == 2.5 + THIRD
    assert schedule.expired(TTL) == []
    assert schedule.expired(TTL + 2.0) == [1]


def test_an_older_renewal_made_elsewhere_does_not_shorten_a_lease(requested):
    requested.answered(1, TTL, 0.0)
    requested.request(THIRD)
    requested.answered(1, TTL, THIRD)
    requested.renewed(1, TTL, 1.0, THIRD)
    assert requested.expired(TTL + 1.0) == []


# --- leases whose renewal is refused


def test_a_refused_lease_is_asked_for_apart_a_third_of_its_ttl_later(requested):
    requested.refused(1, 1.0)
    assert (requested.due(), requested.request(TTL)) == (None, [])
    assert requested.apart(1.0 + THIRD - TICK) == []
    assert requested.apart(1.0 + THIRD) == [1]
    assert requested.apart(TTL) == []  # once


def test_a_refused_lease_is_a_reason_to_wake_up(requested):
    requested.refused(1, 1.0)
    for connected in (True, False):
        assert requested.next(connected=connected) == 1.0 + THIRD


def test_a_refused_lease_is_not_late_and_expires_by_its_ttl(requested):
    requested.refused(1, 1.0)
    assert not requested.is_unresponsive(TTL)
    assert requested.expired(TTL - THIRD) == [1]
    assert (requested.apart(2 * TTL), len(requested)) == ([], 0)


def test_a_broken_stream_does_not_put_a_refused_lease_back_on_it(requested):
    requested.add(Renewal(2, TTL, 0.0), 0.0)
    requested.request(THIRD)
    requested.refused(1, THIRD)
    requested.disconnected(THIRD)
    assert requested.request(THIRD) == [2]


def test_a_refused_lease_that_is_renewed_apart_is_due_on_the_stream_again(requested):
    requested.refused(1, 1.0)
    assert requested.apart(1.0 + THIRD) == [1]
    assert requested.renewed(1, TTL, 4.0, 5.0)
    assert requested.due() == 5.0 + THIRD
    assert requested.request(5.0 + THIRD) == [1]


def test_a_refused_lease_that_was_dropped_is_not_asked_for(requested):
    requested.refused(1, 1.0)
    requested.drop(1)
    requested.refused(1, 2.0)
    assert (requested.apart(TTL), requested.next(connected=True)) == ([], None)


# --- numbers of a server that is not etcd


@pytest.mark.parametrize("ttl", [1 << 62, (1 << 63) - 1])
def test_a_ttl_that_no_clock_holds_is_the_longest(requested, ttl):
    assert requested.answered(1, ttl, 0.0)
    assert requested.due() == LONGEST / 3
    assert requested.next(connected=False) == LONGEST


def test_each_of_many_leases_has_its_own_time():
    many = granted(*(Renewal(ttl, ttl, 0.0) for ttl in (30, 3, 9)))
    assert [many.request(now) for now in (1.0, 3.0, 10.0)] == [[3], [9], [30]]
    assert [many.expired(now) for now in (3.0, 9.0, 30.0)] == [[3], [9], [30]]


WHAT = st.sampled_from(["request", "respond", "break", "drop", "add"])
STEPS = st.lists(st.tuples(st.integers(0, 4), WHAT), max_size=60)


@given(STEPS)
def test_a_lease_never_expires_later_here_than_at_the_server(steps):
    schedule, now, server, sent = RenewalSchedule(), 0.0, None, None
    for wait, step in steps:
        now += wait
        if server is not None and now >= server:
            assert schedule.expired(now) == [1]
            server = sent = None
        elif step == "add" and server is None:
            schedule.add(Renewal(1, TTL, now), now)
            server = now + TTL
        elif step == "request":
            sent = now if schedule.request(now) else sent
        elif step == "respond" and sent is not None:
            schedule.answered(1, TTL, now)
            server, sent = sent + TTL, None
        elif step == "break":
            schedule.disconnected(now)
            sent = None
        elif step == "drop":
            schedule.drop(1)
            server = sent = None
        assert schedule.expired(now) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20))), st.sets(st.integers(0, 5)))
def test_a_timetable_returns_each_lease_once_at_its_last_time_in_order(set_times, dropped):
    timetable, times = Timetable(), {}
    for lease, time in set_times:
        timetable.set(lease, time)
        times[lease] = time
    for lease in dropped:
        timetable.drop(lease)
        times.pop(lease, None)
    taken = timetable.take(20)
    assert sorted(taken) == sorted(times)
    assert [times[lease] for lease in taken] == sorted(times.values())
    assert timetable.take(20) == []
