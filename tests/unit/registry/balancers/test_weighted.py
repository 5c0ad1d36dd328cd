"""Chances by weight, which grows while an instance warms up."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from etcd_factory.registry.balancers.weighted import Weighted
from etcd_factory.registry.instance import ServiceInstance
from tests.support.balancing import STEPS, evenly, picks, weighing


def weighted(warmup=0.0):
    return Weighted(warmup, chance=evenly())


def test_weighted_picks_in_proportion_to_the_weights():
    assert Counter(picks(weighted(), weighing(1, 0, 3, 6), STEPS)) == {"a": 100, "c": 300, "d": 600}


def test_weighted_picks_all_equally_often_if_all_weigh_0():
    assert Counter(picks(weighted(), weighing(0, 0), STEPS)) == {"a": STEPS // 2, "b": STEPS // 2}


@pytest.fixture
def clock(monkeypatch):
    """Set ``clock[0]`` to the time."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_the_weight_grows_while_an_instance_warms_up(clock):
    chooser, instances = weighted(100), (*weighing(1), ServiceInstance("user", "new", started=clock[0]))
    shares = []
    for age in (0, 25, 50, 101):
        clock[0] = 1_000_000.0 + age
        shares.append(sum(chooser.pick(instances).id == "new" for _ in range(STEPS)))
    assert shares == [pytest.approx(STEPS * weight / (1 + weight), abs=1) for weight in (0.01, 0.25, 0.5, 1)]


def test_an_instance_whose_clock_is_ahead_counts_as_new(clock):
    chooser = weighted(100)
    ahead = ServiceInstance("user", "ahead", started=clock[0] + 5)
    assert sum(chooser.pick((*weighing(1), ahead)).id == "ahead" for _ in range(STEPS)) == pytest.approx(10, abs=1)


def test_without_warmup_a_clock_that_is_ahead_does_not_matter(clock):
    instances = weighing(1, 1, started=clock[0] + 5)
    assert Counter(picks(weighted(), instances, STEPS)) == {"a": STEPS // 2, "b": STEPS // 2}
