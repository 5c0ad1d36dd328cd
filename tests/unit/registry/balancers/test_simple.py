"""Turns, chance, and a user's function."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from etcd_factory.registry.balancers import balancer
from etcd_factory.registry.balancers.simple import Random
from tests.support.balancing import STEPS, evenly, picks, weighing


def test_a_function_chooses():
    instances = weighing(1, 1, 1)
    assert balancer(lambda found, key: found[int(key)]).pick(instances, "2").id == "c"


def test_a_function_chooses_another_one_too():
    assert balancer(lambda found, key: found[-1]).another(weighing(1, 1, 1), {"c"}).id == "b"


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


def test_random_picks_all_equally_often():
    chooser = Random(chance=evenly())
    assert Counter(picks(chooser, weighing(1, 9, 0, 1), STEPS)) == dict.fromkeys("abcd", STEPS // 4)
