"""Balancers by name, and what holds for each of them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory.options.services import BALANCERS as OPTIONS
from etcd_factory.registry.balancers import BALANCERS, balancer
from tests.support.balancing import weighing

HUGE = 2**53
PATIENT = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on busy machines
NAMES = ["round_robin", "random", "weighted", "least_connections", "consistent_hash", "p2c"]


def test_an_unknown_name_is_reported_with_the_nearest():
    with pytest.raises(ValueError, match=r"load_balancer: expected one of round_robin, .*did you mean 'round_robin'"):
        balancer("roundrobin")


def test_the_names_are_those_of_the_api_and_of_the_options():
    assert [*BALANCERS] == NAMES
    assert [*BALANCERS] == [*OPTIONS]


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


@pytest.mark.parametrize("name", BALANCERS)
@PATIENT
@given(st.lists(st.sampled_from([0, 1, 7]), min_size=1, max_size=6), st.sets(st.sampled_from("abcdef")))
def test_another_one_is_none_of_those_tried(name, weights, tried):
    chooser, instances = balancer(name), weighing(*weights)
    chooser.pick(instances, "key")
    found, rest = chooser.another(instances, tried, "key"), {one.id for one in instances} - tried
    assert (found.id in rest) if rest else (found is None)
    assert chooser.pick(instances, "key") in instances


@pytest.mark.parametrize("name", BALANCERS)
def test_a_use_of_an_instance_that_has_left_ends_like_any_other(name):
    chooser, instances = balancer(name), weighing(1, 1, 1)
    one = chooser.pick(instances, "key")
    chooser.begin(one)
    rest = tuple(other for other in instances if other is not one)
    chooser.pick(rest, "key")
    chooser.end(one, 0.1, failed=True)
    assert chooser.pick(rest, "key") in rest


async def later(instances, key):
    raise AssertionError


def test_a_function_that_chooses_does_not_wait():
    with pytest.raises(TypeError, match="is async"):
        balancer(later)
