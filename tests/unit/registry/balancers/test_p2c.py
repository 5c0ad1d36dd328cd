"""The better of two: latency, uses, failures and weights, in virtual time."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from etcd_factory.registry.balancers.p2c import DECAY, P2C, Load
from etcd_factory.registry.instance import ServiceInstance
from tests.support.balancing import Clock, picks, weighing

FAST, SLOW = 0.01, 0.1
MANY = 1_000


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def chooser(clock):
    return P2C(0.0, clock, Random(1).random)


def use(chooser, clock, one, seconds=FAST, failed=False):
    """Use an instance for so long."""
    chooser.begin(one)
    clock.time += seconds
    chooser.end(one, seconds, failed)


def test_of_two_the_faster_one_is_picked(chooser, clock):
    a, b = instances = weighing(1, 1)
    use(chooser, clock, a, SLOW)
    use(chooser, clock, b, FAST)
    assert picks(chooser, instances, MANY) == "b" * MANY


def test_of_two_equally_fast_ones_the_one_with_fewer_uses_is_picked(chooser, clock):
    instances = weighing(1, 1)
    for one in instances:
        use(chooser, clock, one)
    chooser.begin(instances[0])
    assert picks(chooser, instances, MANY) == "b" * MANY


def test_the_load_of_a_fast_one_outweighs_its_latency_at_last(chooser, clock):
    a, b = instances = weighing(1, 1)
    use(chooser, clock, a, SLOW)
    use(chooser, clock, b, FAST)
    for _ in range(20):
        chooser.begin(b)
    assert picks(chooser, instances, 1) == "a"


def test_two_of_many_are_compared_so_that_not_all_uses_go_to_the_best(chooser, clock):
    instances = weighing(1, 1, 1, 1)
    for number, one in enumerate(instances, 1):
        use(chooser, clock, one, FAST * number)
    found = Counter(picks(chooser, instances, MANY))
    assert found.keys() == {"a", "b", "c"}  # the worst one never wins
    assert found["a"] == pytest.approx(MANY / 2, rel=0.1)  # it takes part in every second pair


def test_who_was_never_used_is_tried_at_once_but_only_once_at_a_time(chooser, clock):
    a, b = instances = weighing(1, 1)
    use(chooser, clock, a)
    assert picks(chooser, instances, MANY) == "b" * MANY
    chooser.begin(b)
    assert picks(chooser, instances, MANY) == "a" * MANY


def test_a_slow_one_is_tried_again_after_a_while(chooser, clock):
    a, b = instances = weighing(1, 1)
    use(chooser, clock, a, SLOW)
    for _ in range(10):
        clock.time += DECAY / 2
        use(chooser, clock, b)
    assert picks(chooser, instances, 1) == "a"


def test_a_peak_counts_at_once_and_is_forgotten_slowly():
    load = Load()
    load.learn(FAST, 0.0, failed=False)
    load.learn(SLOW, 1.0, failed=False)
    assert load.cost(1.0) == SLOW
    load.learn(FAST, 2.0, failed=False)
    assert SLOW / 2 < load.cost(2.0) < SLOW
    load.learn(FAST, 2.0 + 10 * DECAY, failed=False)
    assert load.cost(2.0 + 10 * DECAY) == pytest.approx(FAST, rel=0.01)


def test_one_that_fails_at_once_does_not_look_fast(chooser, clock):
    """Else an instance whose port is closed would get all uses."""
    a, b = instances = weighing(1, 1)
    use(chooser, clock, b, SLOW)
    for _ in range(12):
        use(chooser, clock, a, FAST / 100, failed=True)
    assert picks(chooser, instances, MANY) == "b" * MANY
    use(chooser, clock, a, FAST / 100)
    assert picks(chooser, instances, 1) == "a"


def test_a_use_that_was_broken_off_is_neither_a_success_nor_fast(chooser, clock):
    a, b = instances = weighing(1, 1)
    use(chooser, clock, a, SLOW)
    use(chooser, clock, b, SLOW / 2)
    use(chooser, clock, a, FAST / 100, failed=None)
    assert picks(chooser, instances, MANY) == "b" * MANY


def test_an_instance_of_twice_the_weight_may_be_twice_as_slow(chooser, clock):
    a, b = instances = weighing(3, 1)
    use(chooser, clock, a, 2 * FAST)
    use(chooser, clock, b, FAST)
    assert picks(chooser, instances, MANY) == "a" * MANY


def test_weight_0_is_not_picked_unless_all_have_it(chooser):
    assert set(picks(chooser, weighing(0, 0, 1), MANY)) == {"c"}
    assert set(picks(chooser, weighing(0, 0, 0), MANY)) == {"a", "b", "c"}


def test_an_instance_that_warms_up_weighs_less(clock, monkeypatch):
    monkeypatch.setattr(time, "time", clock)
    chooser = P2C(100, clock, Random(1).random)
    (a,), new = weighing(1), ServiceInstance("user", "new", started=clock.time)
    for one in (a, new):
        use(chooser, clock, one)
    assert {chooser.pick((a, new)).id for _ in range(MANY)} == {"a"}
    clock.time += 100
    assert {chooser.pick((a, new)).id for _ in range(MANY)} == {"a", "new"}


def test_another_one_is_the_better_one_of_the_rest(chooser, clock):
    a, b, c = instances = weighing(1, 1, 1)
    for one, seconds in ((a, FAST), (b, SLOW), (c, FAST)):
        use(chooser, clock, one, seconds)
    assert {chooser.another(instances, {"a"}).id for _ in range(100)} == {"c"}


def test_instances_that_have_left_are_forgotten_once_they_are_not_in_use(chooser, clock):
    a, b, c = weighing(1, 1, 1)
    for one in (a, b, c):
        use(chooser, clock, one)
    chooser.begin(b)
    picks(chooser, (a,), 1)
    assert chooser._loads.keys() == {"a", "b"}


def test_a_forked_child_learns_anew(chooser, clock):
    a, b = instances = weighing(1, 1)
    use(chooser, clock, b)
    for _ in range(3):
        chooser.begin(a)
    chooser.forget()
    chooser.end(a, FAST, failed=False)
    assert set(picks(chooser, instances, 100)) == {"a", "b"}


def test_uses_of_many_threads_are_all_counted(chooser):
    instances = weighing(1, 1)

    def work(_):
        for _ in range(500):
            chooser.begin(instances[0])
            chooser.end(instances[0], FAST, failed=False)

    with ThreadPoolExecutor(8) as pool:
        [*pool.map(work, range(8))]
    assert chooser._loads["a"].uses == 0
