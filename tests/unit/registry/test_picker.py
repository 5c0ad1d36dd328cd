"""Picking by zone and subset, without instances that were ejected."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from threading import Lock

import pytest

from etcd_factory.registry.balancers import balancer
from etcd_factory.registry.hash_ring import hash_of
from etcd_factory.registry.outliers import Outlier
from etcd_factory.registry.picker import Picker, fraction
from etcd_factory.registry.preference import Preference, Subset
from tests.support.balancing import STEPS, evenly, weighing, zoned
from tests.support.registering import ids


class World:
    """A runtime whose time the test sets, with even chances."""

    lock = Lock

    def __init__(self):
        self.time, self.random = 0.0, evenly()

    def now(self):
        return self.time


@pytest.fixture
def world():
    return World()


@pytest.fixture
def make(world):
    """A function that returns a picker from these instances."""

    def create(instances, name="round_robin", preference=None, outlier=None):
        picker = Picker(partial(balancer, name), world, preference, outlier)
        picker.show(tuple(instances))
        return picker

    return create


def picks(picker, count):
    return "".join(picker.pick()[0].id for _ in range(count))


def end(picker, name, failed=True, times=1):
    """Report uses of an instance."""
    (one,) = [one for one in picker._every() if one.id == name]
    for _ in range(times):
        picker.end((one, picker._near.balancer), 0.1, failed)


def test_it_picks_by_its_balancer_from_the_list_of_now(make):
    picker = make(weighing(1, 1))
    assert picks(picker, 4) == "abab"
    picker.show(weighing(1, 1, 1))
    assert set(picks(picker, 3)) == set("abc")


def test_without_an_instance_nothing_is_picked(make):
    assert make(()).pick() is None
    assert make((), preference=Preference("x")).pick() is None


def test_another_one_than_those_tried_is_picked_while_there_is_one(make):
    picker = make(weighing(1, 1, 1))
    assert {picker.pick(None, ["a", "c"])[0].id for _ in range(5)} == {"b"}
    assert picker.pick(None, ["a", "b", "c"]) is None


# --- zones


def test_those_of_the_zone_are_picked_alone(make):
    assert picks(make(zoned("xyxy"), preference=Preference("x")), 4) == "acac"


@pytest.mark.parametrize("zones", ["yyy", "yxx"], ids=["none in the zone", "tried"])
def test_others_are_picked_if_the_zone_has_none_or_all_of_it_were_tried(make, zones):
    picker = make(zoned(zones), preference=Preference("x"))
    assert {picker.pick(None, ["b", "c"])[0].id for _ in range(5)} == {"a"}


def test_a_zone_that_has_lost_some_of_its_instances_gives_a_share_away(make):
    """Of two instances one is left: 1.4 times a half, 70 %, stay."""
    picker = make(zoned("xxyy"), preference=Preference("x"), outlier=Outlier(failures=1))
    end(picker, "a")
    found = Counter(picks(picker, STEPS))
    assert found == {"b": 700, "c": 150, "d": 150}


def test_a_zone_that_still_has_three_quarters_keeps_all(make):
    picker = make(zoned("xxxxyy"), preference=Preference("x"), outlier=Outlier(failures=1))
    end(picker, "a")
    assert set(picks(picker, STEPS)) == set("bcd")


def test_a_zone_without_others_uses_what_is_left_of_it(make):
    picker = make(zoned("xx"), preference=Preference("x"), outlier=Outlier(failures=1))
    end(picker, "a")
    assert set(picks(picker, STEPS)) == {"b"}


def test_the_same_keys_stay_whoever_asks(make):
    picker = make(zoned("xxyy"), "consistent_hash", Preference("x"), Outlier(failures=1))
    end(picker, "a")
    found = {key: picker.pick(key)[0].id for key in map(str, range(STEPS))}
    assert found == {key: picker.pick(key)[0].id for key in found}
    counted = Counter(found.values())
    assert counted["b"] == pytest.approx(700, abs=60)
    assert counted.keys() == {"b", "c", "d"}


def test_the_number_of_a_key_is_the_same_as_text_and_as_bytes(world):
    assert fraction("k", world) == fraction(b"k", world) != fraction("x", world)


def test_the_number_of_a_key_is_not_its_place_on_the_ring(world):
    """Else those who stay would be on one part of the ring, and not all instances of a zone would be used."""
    assert fraction("k", world) != pytest.approx(hash_of("k") / 2**64, abs=1e-6)


def test_each_zone_has_a_balancer_of_its_own(make):
    picker = make(zoned("xy"), "least_connections", Preference("x"))
    (_, near), (_, far) = picker.pick(), picker.pick(None, ["a"])
    assert near is not far


# --- subsets


def test_a_subset_is_picked_from_and_kept_while_the_list_changes(make):
    instances = weighing(*[1] * 20)
    picker = make(instances, preference=Preference(None, Subset(3, "me")))
    chosen = set(picks(picker, 30))
    assert len(chosen) == 3
    picker.show(tuple(one for one in instances if one.id in chosen or one.id < "k"))
    assert set(picks(picker, 30)) == chosen


# --- ejecting


def test_an_instance_that_fails_in_a_row_is_not_picked_until_its_time_is_over(make, world, caplog):
    caplog.set_level(logging.INFO, "etcd_factory.registry")
    picker = make(weighing(1, 1, 1), outlier=Outlier())
    end(picker, "b", times=5)
    assert (set(picks(picker, 9)), ids(picker.ejected)) == ({"a", "c"}, "b")
    world.time = 29.9
    assert set(picks(picker, 9)) == {"a", "c"}
    world.time = 30
    assert set(picks(picker, 9)) == {"a", "b", "c"}
    assert picker.ejected == ()
    assert caplog.messages == [
        "user/b failed 5 times in a row, and is not used for 30 s",
        "instance 'b' is used again",
    ]


def test_it_is_back_without_a_pick_too(make, world):
    picker = make(weighing(1, 1), outlier=Outlier())
    end(picker, "a", times=5)
    world.time = 30
    assert picker.ejected == ()


def test_uses_that_succeed_or_were_broken_off_do_not_count(make):
    picker = make(weighing(1, 1), outlier=Outlier())
    for _ in range(3):
        end(picker, "a", times=4)
        end(picker, "a", failed=False)
    end(picker, "a", failed=None, times=9)
    assert picker.ejected == ()


def test_if_all_are_ejected_all_are_picked(make):
    picker = make(weighing(1, 1), outlier=Outlier(share=1))
    end(picker, "a", times=5)
    end(picker, "b", times=5)
    assert (set(picks(picker, 4)), ids(picker.ejected)) == ({"a", "b"}, "ab")


def test_a_new_list_keeps_what_is_ejected(make):
    picker = make(weighing(1, 1, 1), outlier=Outlier())
    end(picker, "b", times=5)
    picker.show(weighing(1, 1, 1, 1))
    assert set(picks(picker, 9)) == {"a", "c", "d"}


def test_without_rules_nothing_is_ejected(make):
    picker = make(weighing(1, 1))
    end(picker, "a", times=100)
    assert (set(picks(picker, 4)), picker.ejected) == ({"a", "b"}, ())


def test_lists_are_the_same_objects_as_long_as_nothing_changes(make):
    """Balancers keep what they derived from a list."""
    picker = make(weighing(1, 1), "p2c", outlier=Outlier())
    before = picker._near.usable
    end(picker, "a", failed=False)
    end(picker, "a", times=3)
    picker.pick()
    assert picker._near.usable is before
