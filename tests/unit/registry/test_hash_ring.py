"""The ring of hashes: owners are the same in every process, keys are shared by weight, few of them move."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory.registry.hash_ring import MAX_WEIGHT, POINTS, HashRing, spread
from etcd_factory.registry.instance import ServiceInstance

KEYS = [f"key {number}" for number in range(2_000)]
HUGE = 2**53
PATIENT = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on busy machines


def weighing(*weights):
    """Instances a, b, c ... of these weights."""
    return tuple(ServiceInstance("user", chr(ord("a") + n), weight=weight) for n, weight in enumerate(weights))


def named(*numbers):
    return tuple(ServiceInstance("user", f"i{number}") for number in numbers)


def ring_of(instances):
    return HashRing.build(instances, {})


def owners(instances):
    ring = ring_of(instances)
    return {key: ring.owner(key).id for key in KEYS}


def test_a_key_has_the_same_owner_in_every_process():
    ring = ring_of(named(*range(5)))
    assert [ring.owner(key).id for key in ("k", b"k", "x")] == ["i1", "i1", "i2"]


def test_the_order_of_the_instances_does_not_matter():
    instances = named(*range(5))
    assert owners(instances) == owners(instances[::-1])


@pytest.mark.parametrize("count", [2, 3, 5, 10, 20])
def test_removing_an_instance_moves_only_its_own_keys_about_one_nth(count):
    instances = named(*range(count))
    before = owners(instances)
    for removed in instances:
        after = owners([one for one in instances if one is not removed])
        moved = {key for key in KEYS if after[key] != before[key]}
        assert moved == {key for key in KEYS if before[key] == removed.id}
        assert len(moved) * count / len(KEYS) == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize("count", [2, 3, 5, 10, 20])
def test_adding_an_instance_moves_about_one_nth_of_the_keys_to_it_and_no_others(count):
    instances = named(*range(count))
    before, after = owners(instances[1:]), owners(instances)
    moved = {key for key in KEYS if after[key] != before[key]}
    assert {after[key] for key in moved} == {instances[0].id}
    assert len(moved) * count / len(KEYS) == pytest.approx(1, abs=0.5)


@PATIENT
@given(st.sets(st.integers(0, 50), min_size=2, max_size=8), st.integers(0, 50), st.text())
def test_a_key_stays_or_moves_to_the_instance_that_was_added(numbers, added, key):
    before = named(*sorted(numbers - {added}) or [51])
    (new,) = named(added)
    assert ring_of((*before, new)).owner(key) in (ring_of(before).owner(key), new)


def test_keys_are_shared_by_weight_and_weight_0_has_none():
    shares = Counter(owners(weighing(1, 3, 0)).values())
    assert shares.keys() == {"a", "b"}
    assert shares["b"] / shares["a"] == pytest.approx(3, rel=0.4)


def test_if_all_have_weight_0_all_have_keys():
    assert {*owners(weighing(0, 0, 0)).values()} == {*"abc"}


def test_a_huge_weight_counts_as_the_maximum():
    """A ring of a huge weight would take all memory."""
    assert owners(weighing(HUGE, 1)) == owners(weighing(MAX_WEIGHT, 1))


@pytest.mark.parametrize("count", [1, 7, 8, 9, POINTS])
def test_an_instance_has_that_many_points_and_fewer_are_the_first_of_them(count):
    points = spread("a", count)
    assert len(set(points)) == count
    assert spread("a", count + 8)[:count] == points


def test_known_points_are_used_and_those_of_removed_instances_forgotten():
    first = ring_of(weighing(1, 2))
    second = HashRing.build(weighing(1), first.known)
    assert second.known == {("a", POINTS): first.known["a", POINTS]}
    assert second.known["a", POINTS] is first.known["a", POINTS]


@pytest.mark.parametrize("key", ["k", "x", b"y"])
def test_the_next_owner_is_that_of_the_ring_without_those_left_out(key):
    instances = named(*range(5))
    ring, left_out = ring_of(instances), []
    while (found := ring.next_owner(key, left_out)) is not None:
        rest = [one for one in instances if one.id not in left_out]
        assert found is ring_of(rest).owner(key)
        left_out.append(found.id)
    assert len(left_out) == 5
