"""Which instance is used next: turns, chances, uses and rings, each of one view's own."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory.registry import balancers
from etcd_factory.registry.balancers import BALANCERS, ConsistentHash, balancer
from etcd_factory.registry.instance import ServiceInstance

KEYS = [f"key {number}" for number in range(2_000)]
STEPS = 1_000  # chances tried, evenly
HUGE = 2**53
PATIENT = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on busy machines


def some(*weights, started=0.0):
    """Instances a, b, c ... of these weights."""
    return tuple(
        ServiceInstance("user", chr(ord("a") + number), weight=weight, started=started)
        for number, weight in enumerate(weights)
    )


def named(count):
    return tuple(ServiceInstance("user", f"i{number}") for number in range(count))


def picks(chooser, instances, count):
    return "".join(chooser.pick(instances).id for _ in range(count))


@pytest.fixture
def even(monkeypatch):
    """Chances from 0 to 1, one after another."""
    numbers = iter(range(10**9))
    monkeypatch.setattr(balancers, "chance", lambda: (next(numbers) % STEPS) / STEPS)


# --- by name


def test_wrong_names_are_told_with_the_right_ones():
    with pytest.raises(ValueError, match=r"'roundrobin' is none of .*did you mean.*round_robin"):
        balancer("roundrobin")


def test_the_api_names_are_there():
    assert [*BALANCERS] == ["round_robin", "random", "weighted", "least_connections", "consistent_hash"]


def test_a_function_chooses():
    instances = named(3)
    assert balancer(lambda found, key: found[int(key)]).pick(instances, "2").id == "i2"


@pytest.mark.parametrize("name", BALANCERS)
def test_the_only_one_is_chosen(name):
    (only,) = instances = some(1)
    assert balancer(name).pick(instances, "key") is only


@pytest.mark.parametrize("name", BALANCERS)
@PATIENT
@given(st.lists(st.sampled_from([0, 0.5, 1, 7, HUGE]), min_size=1, max_size=6), st.text())
def test_one_of_those_given_is_chosen_whatever_they_weigh(name, weights, key):
    instances = some(*weights)
    assert balancer(name).pick(instances, key) in instances


# --- round robin


def test_round_robin_gives_one_after_another():
    assert picks(balancer("round_robin"), some(1, 1, 1), 7) == "abcabca"


def test_p6_d13_round_robin_goes_on_when_the_list_has_shrunk():
    """Midway's index stays where it was, and gives ``undefined``."""
    chooser = balancer("round_robin")
    picks(chooser, some(1, 1, 1, 1, 1), 4)
    assert Counter(picks(chooser, some(1, 1), 4)) == {"a": 2, "b": 2}


def test_d13_each_balancer_counts_for_itself():
    one, two = balancer("round_robin"), balancer("round_robin")
    assert picks(one, some(1, 1, 1), 2) + picks(two, some(1, 1), 2) == "abab"


@pytest.mark.parametrize("name", ["round_robin", "least_connections"])
def test_threads_share_the_turns_evenly(name):
    chooser, instances, gate = balancer(name), some(1, 1, 1, 1), Barrier(8)

    def work(_):
        gate.wait()
        return picks(chooser, instances, 500)

    with ThreadPoolExecutor(8) as pool:
        found = Counter("".join(pool.map(work, range(8))))
    assert found == dict.fromkeys("abcd", 1_000)


# --- random and weighted


@pytest.mark.usefixtures("even")
def test_random_gives_all_as_often():
    assert Counter(picks(balancer("random"), some(1, 9, 0, 1), STEPS)) == dict.fromkeys("abcd", STEPS // 4)


@pytest.mark.usefixtures("even")
def test_weighted_gives_each_as_often_as_it_weighs():
    assert Counter(picks(balancer("weighted"), some(1, 0, 3, 6), STEPS)) == {"a": 100, "c": 300, "d": 600}


@pytest.mark.usefixtures("even")
def test_weighted_gives_any_where_none_weighs_anything():
    assert Counter(picks(balancer("weighted"), some(0, 0), STEPS)) == {"a": STEPS // 2, "b": STEPS // 2}


@pytest.fixture
def clock(monkeypatch):
    """Set ``clock[0]`` to the time."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


@pytest.mark.usefixtures("even")
def test_weights_grow_while_an_instance_warms_up(clock):
    chooser, instances = balancer("weighted", 100), (*some(1), ServiceInstance("user", "new", started=clock[0]))
    shares = []
    for age in (0, 25, 50, 101):
        clock[0] = 1_000_000.0 + age
        shares.append(sum(chooser.pick(instances).id == "new" for _ in range(STEPS)))
    assert shares == [pytest.approx(STEPS * weight / (1 + weight), abs=1) for weight in (0.01, 0.25, 0.5, 1)]


@pytest.mark.usefixtures("even")
def test_one_whose_clock_is_ahead_weighs_as_one_that_is_new(clock):
    chooser = balancer("weighted", 100)
    ahead = ServiceInstance("user", "ahead", started=clock[0] + 5)
    assert sum(chooser.pick((*some(1), ahead)).id == "ahead" for _ in range(STEPS)) == pytest.approx(10, abs=1)


@pytest.mark.usefixtures("even")
def test_without_warmup_a_clock_that_is_ahead_is_of_no_matter(clock):
    instances = some(1, 1, started=clock[0] + 5)
    assert Counter(picks(balancer("weighted"), instances, STEPS)) == {"a": STEPS // 2, "b": STEPS // 2}


# --- least connections


def test_least_connections_gives_the_one_that_is_used_least():
    chooser, (a, b, c) = balancer("least_connections"), some(1, 1, 1)
    for used in (a, a, b, c, c):
        chooser.used(used, 1)
    assert picks(chooser, (a, b, c), 3) == "bbb"
    chooser.used(a, -1)
    chooser.used(a, -1)
    assert picks(chooser, (a, b, c), 3) == "aaa"


def test_least_connections_gives_those_used_alike_in_turn():
    assert picks(balancer("least_connections"), some(1, 1, 1), 6) == "abcabc"


def test_uses_are_counted_by_id_whatever_else_changes_and_forgotten_at_their_end():
    chooser, (a, b), (heavier, _) = balancer("least_connections"), some(1, 1), some(5, 1)
    chooser.used(a, 1)
    assert picks(chooser, (heavier, b), 2) == "bb"
    chooser.used(heavier, -1)
    assert chooser._uses == {}


def test_uses_of_many_threads_are_all_counted():
    chooser, instances = balancer("least_connections"), some(1, 1)

    def work(_):
        for _ in range(500):
            chooser.used(instances[0], 1)
            chooser.used(instances[0], -1)

    with ThreadPoolExecutor(8) as pool:
        [*pool.map(work, range(8))]
    assert chooser._uses == {}


# --- consistent hash


def owners(chooser, instances):
    return {key: chooser.pick(instances, key).id for key in KEYS}


def test_a_consistent_hash_needs_a_key():
    with pytest.raises(TypeError, match="needs a key"):
        balancer("consistent_hash").pick(named(2))


def test_the_same_key_gives_the_same_one_in_every_process():
    instances = named(5)
    assert owners(balancer("consistent_hash"), instances) == owners(balancer("consistent_hash"), instances[::-1])
    assert [balancer("consistent_hash").pick(instances, key).id for key in ("k", b"k", "x")] == ["i1", "i1", "i2"]


@pytest.mark.parametrize("count", [2, 3, 5, 10, 20])
def test_one_that_goes_moves_only_its_own_keys_about_1_of_n(count):
    chooser, instances = balancer("consistent_hash"), named(count)
    before = owners(chooser, instances)
    for gone in instances:
        after = owners(chooser, tuple(one for one in instances if one is not gone))
        moved = {key for key in KEYS if after[key] != before[key]}
        assert moved == {key for key in KEYS if before[key] == gone.id}
        assert len(moved) * count / len(KEYS) == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize("count", [2, 3, 5, 10, 20])
def test_one_that_comes_takes_about_1_of_n_of_the_keys_and_no_others_move(count):
    chooser, instances = balancer("consistent_hash"), named(count)
    before, after = owners(chooser, instances[1:]), owners(chooser, instances)
    moved = {key for key in KEYS if after[key] != before[key]}
    assert {after[key] for key in moved} == {instances[0].id}
    assert len(moved) * count / len(KEYS) == pytest.approx(1, abs=0.5)


def test_keys_go_by_weight_and_none_to_what_weighs_nothing():
    shares = Counter(owners(balancer("consistent_hash"), some(1, 3, 0)).values())
    assert shares.keys() == {"a", "b"}
    assert shares["b"] / shares["a"] == pytest.approx(3, rel=0.4)


def test_if_none_weighs_anything_all_have_keys():
    assert {*owners(balancer("consistent_hash"), some(0, 0, 0)).values()} == {*"abc"}


def test_weights_beyond_a_hundred_count_as_that():
    """A ring of a huge weight would take all memory."""
    heavy, limit = some(HUGE, 1), some(100, 1)
    assert owners(balancer("consistent_hash"), heavy) == owners(balancer("consistent_hash"), limit)


class Interrupted(ConsistentHash):
    """Another thread's pick, of another list, comes between the steps of building a ring."""

    other, done = some(1), False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_points" and value and not self.done:
            self.done = True
            self.pick(self.other, "key")


def test_threads_that_have_other_lists_do_not_disturb_each_other():
    instances = named(2)
    assert Interrupted().pick(instances, "key") in instances


@PATIENT
@given(st.sets(st.integers(0, 50), min_size=2, max_size=8), st.integers(0, 50), st.text())
def test_a_key_stays_or_moves_to_the_one_that_came(numbers, other, key):
    few = tuple(ServiceInstance("user", f"i{number}") for number in sorted(numbers - {other}) or [51])
    comer, chooser = ServiceInstance("user", f"i{other}"), balancer("consistent_hash")
    assert chooser.pick((*few, comer), key) in (chooser.pick(few, key), comer)
