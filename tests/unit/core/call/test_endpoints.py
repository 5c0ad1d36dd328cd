"""Which host is asked next, by a clock that is handed in."""

import pytest

from etcd_factory.core.call.endpoints import LONGEST, Endpoints

A, B, C = "http://a:1", "http://b:1", "http://c:1"


@pytest.fixture
def hosts():
    return Endpoints([A, B, C], first=1.0)


def test_a_host_that_answers_is_stayed_with(hosts):
    picked = [hosts.pick(now) for now in range(10)]
    assert picked == [A] * 10


def test_a_dead_host_is_passed_over_for_the_next(hosts):
    hosts.failed(A, now=0)
    assert hosts.pick(0) == B


def test_the_next_host_is_stayed_with_when_the_dead_one_may_be_back(hosts):
    hosts.failed(A, now=0)
    hosts.pick(0)
    hosts.answered(B)
    assert hosts.pick(100) == B


def test_hosts_are_asked_in_a_ring(hosts):
    order = []
    for _ in range(3):
        order.append(hosts.pick(0))
        hosts.failed(order[-1], now=0)
    assert order == [A, B, C]


def test_if_all_are_dead_the_one_that_is_due_first_is_asked(hosts):
    for url, now in ((A, 0.3), (B, 0.1), (C, 0.2)):
        hosts.failed(url, now)
    assert hosts.pick(0.4) == B


def test_a_dead_host_is_passed_over_for_a_while_that_doubles(hosts):
    hosts.failed(A, now=0)
    hosts.failed(A, now=0)
    hosts.failed(B, now=0)
    hosts.failed(C, now=0)
    assert not hosts.all_failed(1.5)  # B and C may be tried after 1 s, A after 2 s
    assert hosts.pick(1.5) in (B, C)


def test_no_host_is_ever_banned_for_long():
    hosts = Endpoints([A], first=1.0)
    for _ in range(100):
        hosts.failed(A, now=0)
    assert hosts.all_failed(LONGEST - 0.1)
    assert not hosts.all_failed(LONGEST)


def test_an_answer_clears_what_was_held_against_a_host(hosts):
    for url in (A, B, C):
        hosts.failed(url, now=0)
    assert hosts.all_failed(0)
    hosts.answered(B)
    assert not hosts.all_failed(0)
    assert hosts.pick(0) == B


def test_one_host_is_always_picked():
    hosts = Endpoints([A])
    hosts.failed(A, now=0)
    assert hosts.pick(0) == A


def test_the_current_host_is_the_one_picked_last(hosts):
    hosts.failed(A, now=0)
    hosts.pick(0)
    assert (hosts.current, len(hosts)) == (B, 3)


def test_an_attempt_at_a_read_leaves_time_for_the_hosts_not_tried_yet():
    hosts = Endpoints(("a", "b", "c"))
    assert [hosts.share(6.0, True, tried) for tried in range(4)] == [2.0, 3.0, 6.0, 6.0]


def test_a_write_takes_all_the_time_there_is():
    assert Endpoints(("a", "b", "c")).share(6.0, False) == 6.0
