"""Load balancers: turns, chances, uses and hashes, each balancer with its own state."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory.options.services import BALANCERS as OPTIONS
from etcd_factory.registry import balancers
from etcd_factory.registry.balancers import BALANCERS, ConsistentHash, balancer
from etcd_factory.registry.hash_ring import HashRing
from etcd_factory.registry.instance import ServiceInstance

STEPS = 1_000  # chances tried, evenly
HUGE = 2**53
PATIENT = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on busy machines


def weighing(*weights, started=0.0):
    """Instances a, b, c ... of these weights."""
    return tuple(
        ServiceInstance("user", chr(ord("a") + number), weight=weight, started=started)
        for number, weight in enumerate(weights)
    )


def picks(chooser, instances, count):
    """The ids of the next picks as one text."""
    return "".join(chooser.pick(instances).id for _ in range(count))


@pytest.fixture
def even(monkeypatch):
    """Random numbers from 0 to 1, one after another."""
    numbers = iter(range(10**9))
    monkeypatch.setattr(balancers, "chance", lambda: (next(numbers) % STEPS) / STEPS)


# --- by name


def test_an_unknown_name_is_reported_with_the_nearest():
    with pytest.raises(ValueError, match=r"load_balancer: expected one of round_robin, .*did you mean 'round_robin'"):
        balancer("roundrobin")


def test_the_names_are_those_of_the_api_and_of_the_options():
    assert [*BALANCERS] == ["round_robin", "random", "weighted", "least_connections", "consistent_hash"]
    assert [*BALANCERS] == [*OPTIONS]


def test_a_function_chooses():
    instances = weighing(1, 1, 1)
    assert balancer(lambda found, key: found[int(key)]).pick(instances, "2").id == "c"


@pytest.mark.parametrize("name", BALANCERS)
def test_the_only_instance_is_picked(name):
    (only,) = instances = weighing(1)
    assert balancer(name).pick(instances, "key") is only


@pytest.mark.parametrize("name", BALANCERS)
@PATIENT
@given(st.lists(st.sampled_from([0, 0.5, 1, 7, HUGE]), min_size=1, max_size=6), st.text())
def test_one_of_the_instances_is_picked_whatever_they_weigh(name, weights, key):
    instances = weighing(*weights)
    assert balancer(name).pick(instances, key) in instances


# --- round robin


def test_round_robin_picks_one_after_another():
    assert picks(balancer("round_robin"), weighing(1, 1, 1), 7) == "abcabca"


@pytest.mark.anchor("registry-p6", "registry-d13")
def test_round_robin_continues_after_the_list_has_shrunk():
    """Midway's index stays beyond the end of the list, and the pick is ``undefined``."""
    chooser = balancer("round_robin")
    picks(chooser, weighing(1, 1, 1, 1, 1), 4)
    assert Counter(picks(chooser, weighing(1, 1), 4)) == {"a": 2, "b": 2}


@pytest.mark.anchor("registry-d13")
def test_each_balancer_counts_for_itself():
    one, two = balancer("round_robin"), balancer("round_robin")
    assert picks(one, weighing(1, 1, 1), 2) + picks(two, weighing(1, 1), 2) == "abab"


@pytest.mark.parametrize("name", ["round_robin", "least_connections"])
def test_threads_share_the_turns_evenly(name):
    chooser, instances, gate = balancer(name), weighing(1, 1, 1, 1), Barrier(8)

    def work(_):
        gate.wait()
        return picks(chooser, instances, 500)

    with ThreadPoolExecutor(8) as pool:
        found = Counter("".join(pool.map(work, range(8))))
    assert found == dict.fromkeys("abcd", 1_000)


# --- random and weighted


@pytest.mark.usefixtures("even")
def test_random_picks_all_equally_often():
    assert Counter(picks(balancer("random"), weighing(1, 9, 0, 1), STEPS)) == dict.fromkeys("abcd", STEPS // 4)


@pytest.mark.usefixtures("even")
def test_weighted_picks_in_proportion_to_the_weights():
    assert Counter(picks(balancer("weighted"), weighing(1, 0, 3, 6), STEPS)) == {"a": 100, "c": 300, "d": 600}


@pytest.mark.usefixtures("even")
def test_weighted_picks_all_equally_often_if_all_weigh_0():
    assert Counter(picks(balancer("weighted"), weighing(0, 0), STEPS)) == {"a": STEPS // 2, "b": STEPS // 2}


@pytest.fixture
def clock(monkeypatch):
    """Set ``clock[0]`` to the time."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


@pytest.mark.usefixtures("even")
def test_the_weight_grows_while_an_instance_warms_up(clock):
    chooser, instances = balancer("weighted", 100), (*weighing(1), ServiceInstance("user", "new", started=clock[0]))
    shares = []
    for age in (0, 25, 50, 101):
        clock[0] = 1_000_000.0 + age
        shares.append(sum(chooser.pick(instances).id == "new" for _ in range(STEPS)))
    assert shares == [pytest.approx(STEPS * weight / (1 + weight), abs=1) for weight in (0.01, 0.25, 0.5, 1)]


@pytest.mark.usefixtures("even")
def test_an_instance_whose_clock_is_ahead_counts_as_new(clock):
    chooser = balancer("weighted", 100)
    ahead = ServiceInstance("user", "ahead", started=clock[0] + 5)
    assert sum(chooser.pick((*weighing(1), ahead)).id == "ahead" for _ in range(STEPS)) == pytest.approx(10, abs=1)


@pytest.mark.usefixtures("even")
def test_without_warmup_a_clock_that_is_ahead_does_not_matter(clock):
    instances = weighing(1, 1, started=clock[0] + 5)
    assert Counter(picks(balancer("weighted"), instances, STEPS)) == {"a": STEPS // 2, "b": STEPS // 2}


# --- least connections


def test_least_connections_picks_the_instance_with_the_fewest_uses():
    chooser, (a, b, c) = balancer("least_connections"), weighing(1, 1, 1)
    for used in (a, a, b, c, c):
        chooser.used(used, 1)
    assert picks(chooser, (a, b, c), 3) == "bbb"
    chooser.used(a, -1)
    chooser.used(a, -1)
    assert picks(chooser, (a, b, c), 3) == "aaa"


def test_least_connections_takes_turns_between_equally_used_instances():
    assert picks(balancer("least_connections"), weighing(1, 1, 1), 6) == "abcabc"


def test_uses_are_counted_by_id_whatever_else_changes_and_forgotten_at_their_end():
    chooser, (a, b), (heavier, _) = balancer("least_connections"), weighing(1, 1), weighing(5, 1)
    chooser.used(a, 1)
    assert picks(chooser, (heavier, b), 2) == "bb"
    chooser.used(heavier, -1)
    assert chooser._uses == {}


def test_uses_of_many_threads_are_all_counted():
    chooser, instances = balancer("least_connections"), weighing(1, 1)

    def work(_):
        for _ in range(500):
            chooser.used(instances[0], 1)
            chooser.used(instances[0], -1)

    with ThreadPoolExecutor(8) as pool:
        [*pool.map(work, range(8))]
    assert chooser._uses == {}


# --- consistent hash


def test_a_consistent_hash_needs_a_key():
    with pytest.raises(TypeError, match="needs a key"):
        balancer("consistent_hash").pick(weighing(1, 1))


@pytest.mark.parametrize("key", ["k", b"k", ""])
def test_a_consistent_hash_picks_the_owner_on_the_ring(key):
    chooser = balancer("consistent_hash")
    for instances in (weighing(1, 1, 1), weighing(1, 1), weighing(1, 1, 1, 1)):
        assert chooser.pick(instances, key) is HashRing.build(instances, {}).owner(key)


class Interrupted(ConsistentHash):
    """Another thread picks from another list between building a ring and using it."""

    other, done = weighing(1), False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_ring" and value[0] and not self.done:
            self.done = True
            self.pick(self.other, "key")


def test_threads_with_different_lists_do_not_disturb_each_other():
    instances = weighing(1, 1)[1:]
    assert Interrupted().pick(instances, "key") in instances


async def later(instances, key):
    raise AssertionError


def test_a_function_that_chooses_does_not_wait():
    with pytest.raises(TypeError, match="is async"):
        balancer(later)
