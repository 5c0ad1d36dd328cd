"""Which host is called next; the clock is passed in."""

import pytest

from etcd_factory.core.call.endpoints import LONGEST, Endpoints

A, B, C, D = "http://a:1", "http://b:1", "http://c:1", "http://d:1"


@pytest.fixture
def endpoints():
    return Endpoints([A, B, C], first=1.0)


def test_a_host_that_answers_is_kept(endpoints):
    picked = [endpoints.pick(now) for now in range(10)]
    assert picked == [A] * 10


def test_a_failed_host_is_avoided_for_the_next_one(endpoints):
    endpoints.failed(A, now=0)
    assert endpoints.pick(0) == B


def test_the_next_host_is_kept_when_the_failed_one_may_be_back(endpoints):
    endpoints.failed(A, now=0)
    endpoints.pick(0)
    endpoints.answered(B)
    assert endpoints.pick(100) == B


def test_hosts_are_called_in_turn(endpoints):
    order = []
    for _ in range(3):
        order.append(endpoints.pick(0))
        endpoints.failed(order[-1], now=0)
    assert order == [A, B, C]


def test_a_failed_host_is_not_preferred_to_one_that_has_not_failed_when_its_time_is_over(endpoints):
    endpoints.failed(A, now=0)  # for 1 s, and whoever retries may come later: a busy machine, a long back-off
    assert endpoints.pick(1.1) == B


def test_the_host_with_the_fewest_failures_is_called(endpoints):
    for url in (A, B, C, B, A):
        endpoints.failed(url, now=0)
    assert endpoints.pick(100) == C


def test_if_all_hosts_failed_the_one_due_first_is_called(endpoints):
    for url, now in ((A, 0.3), (B, 0.1), (C, 0.2)):
        endpoints.failed(url, now)
    assert endpoints.pick(0.4) == B


def test_a_failed_host_is_avoided_for_a_time_that_doubles(endpoints):
    endpoints.failed(A, now=0)
    endpoints.failed(A, now=0)
    endpoints.failed(B, now=0)
    endpoints.failed(C, now=0)
    assert not endpoints.all_failed(1.5)  # B and C may be tried after 1 s, A after 2 s
    assert endpoints.pick(1.5) in (B, C)


def test_no_host_is_avoided_for_longer_than_the_maximum():
    endpoints = Endpoints([A], first=1.0)
    for _ in range(100):
        endpoints.failed(A, now=0)
    assert endpoints.all_failed(LONGEST - 0.1)
    assert not endpoints.all_failed(LONGEST)


def test_a_reply_clears_the_failures_of_a_host(endpoints):
    for url in (A, B, C):
        endpoints.failed(url, now=0)
    assert endpoints.all_failed(0)
    endpoints.answered(B)
    assert not endpoints.all_failed(0)
    assert endpoints.pick(0) == B


def test_the_back_off_of_a_host_starts_again_after_a_reply():
    endpoints = Endpoints([A], first=1.0)
    endpoints.failed(A, now=0)
    endpoints.failed(A, now=0)
    endpoints.answered(A)
    endpoints.failed(A, now=0)
    assert not endpoints.all_failed(1.0)


def test_a_single_host_is_always_called():
    endpoints = Endpoints([A])
    endpoints.failed(A, now=0)
    assert endpoints.pick(0) == A


def test_the_current_host_is_the_one_picked_last(endpoints):
    endpoints.failed(A, now=0)
    endpoints.pick(0)
    assert (endpoints.current, len(endpoints)) == (B, 3)


def test_it_is_failing_until_each_failed_host_has_answered(endpoints):
    assert not endpoints.failing
    endpoints.failed(A, now=0)
    endpoints.answered(B)
    assert endpoints.failing
    endpoints.answered(A)
    assert not endpoints.failing


# --- time


def test_an_attempt_to_read_leaves_time_for_the_hosts_not_tried_yet():
    endpoints = Endpoints(("a", "b", "c"))
    assert [endpoints.attempt_timeout(6.0, True, tried) for tried in range(4)] == [2.0, 3.0, 6.0, 6.0]


def test_a_write_may_take_all_the_time_left():
    assert Endpoints(("a", "b", "c")).attempt_timeout(6.0, False) == 6.0


# --- other hosts


def test_the_current_host_is_kept_if_it_is_among_the_new_ones(endpoints):
    endpoints.failed(A, now=0)
    endpoints.pick(0)
    endpoints.replace([C, B])
    assert (endpoints.current, endpoints.urls) == (B, (C, B))


def test_the_first_new_host_is_current_if_the_old_one_is_gone(endpoints):
    endpoints.replace([D, C])
    assert endpoints.pick(0) == D


def test_new_hosts_are_kept_once_and_in_order(endpoints):
    endpoints.replace([C, A, C, A])
    assert endpoints.urls == (C, A)


def test_the_failures_of_a_host_that_is_gone_are_forgotten(endpoints):
    endpoints.failed(A, now=0)
    endpoints.failed(B, now=0)
    endpoints.replace([B, C])
    assert endpoints.failing
    endpoints.answered(B)
    assert not endpoints.failing


def test_the_failure_of_a_host_that_was_replaced_meanwhile_is_ignored(endpoints):
    endpoints.replace([B])
    endpoints.failed(A, now=0)
    assert not endpoints.failing


def test_hosts_to_be_discovered_are_unknown_until_they_are_replaced():
    endpoints = Endpoints(["srv://x"], discovered=True)
    assert (endpoints.known, endpoints.failing) == (False, True)
    endpoints.replace([A])
    assert (endpoints.known, endpoints.failing) == (True, False)


@pytest.mark.parametrize("discovered", [True, False])
def test_discovered_hosts_are_looked_up_again_once_all_have_failed(discovered):
    endpoints = Endpoints([A, B], first=1.0, discovered=discovered)
    endpoints.replace([A, B])
    endpoints.failed(A, now=0)
    assert endpoints.known
    endpoints.failed(B, now=0.5)
    assert endpoints.known is not discovered
