"""Zones and subsets: which instances a client prefers."""

from __future__ import annotations

import socket
from collections import Counter

import pytest

from etcd_factory.registry.instance import ServiceInstance
from etcd_factory.registry.preference import Preference, Subset, preference
from tests.support.balancing import zoned
from tests.support.registering import ids


def named(*numbers):
    return tuple(ServiceInstance("user", f"i{number:03}") for number in numbers)


# --- zones


def test_without_a_zone_all_are_near():
    instances = zoned("xy")
    assert Preference().split(instances) == (instances, ())


def test_those_of_the_zone_are_near_and_the_others_far():
    near, far = Preference("x").split((*zoned("xyx"), ServiceInstance("user", "d")))
    assert (ids(near), ids(far)) == ("ac", "bd")


def test_a_subset_is_taken_of_both():
    near, far = Preference("x", Subset(2, "me")).split(zoned("xyxxyyx"))
    assert (len(near), len(far)) == (2, 2)
    assert {one.metadata["zone"] for one in near} == {"x"}


# --- subsets


def test_a_subset_has_its_size_in_the_order_of_the_list():
    chosen = Subset(5, "me").of(named(*range(50)))
    assert len(chosen) == 5
    assert ids(chosen) == ids(sorted(chosen, key=lambda one: one.id))


@pytest.mark.parametrize("size", [3, 4, 100])
def test_a_list_that_is_not_longer_is_taken_as_it_is(size):
    instances = named(1, 2, 3)
    assert Subset(size, "me").of(instances) is instances


def test_a_client_has_the_same_subset_each_time_and_others_have_other_ones():
    instances = named(*range(50))
    assert Subset(5, "me").of(instances) == Subset(5, "me").of(tuple(instances))
    assert Subset(5, "me").of(instances) != Subset(5, "you").of(instances)


def test_the_subset_of_a_client_is_the_same_in_every_process():
    assert ids(Subset(3, "me").of(named(*range(9)))) == "i003i006i007"


def test_an_instance_that_goes_is_replaced_by_one():
    instances = named(*range(50))
    before = Subset(5, "me").of(instances)
    after = Subset(5, "me").of(tuple(one for one in instances if one is not before[2]))
    assert len(set(before) & set(after)) == 4


def test_an_instance_that_is_not_in_the_subset_may_come_and_go():
    instances = named(*range(50))
    chosen = Subset(5, "me").of(instances)
    other = next(one for one in instances if one not in chosen)
    assert Subset(5, "me").of(tuple(one for one in instances if one is not other)) == chosen


def test_many_clients_use_all_instances_about_equally():
    instances = named(*range(20))
    found = Counter(one.id for client in range(1_000) for one in Subset(5, f"client {client}").of(instances))
    assert len(found) == 20
    assert all(200 < times < 300 for times in found.values())


# --- as they are given


def test_a_subset_is_a_number_or_names_its_client():
    assert preference("x", 5) == Preference("x", Subset(5, socket.gethostname()))
    assert preference(None, {"size": 5, "client": "me"}) == Preference(None, Subset(5, "me"))
    assert preference(None, None) == Preference()


@pytest.mark.parametrize(
    ("zone", "subset", "error", "text"),
    [
        (5, None, TypeError, "a zone must be a str, not int"),
        (None, 0, ValueError, "subset must be a number of instances, at least 1, not 0"),
        (None, True, ValueError, "subset must be a number of instances"),
        (None, "5", ValueError, "subset must be a number of instances"),
        (None, {"client": "me"}, ValueError, "subset must be a number of instances, at least 1, not None"),
        (None, {"size": 5, "client": 7}, TypeError, "the client of a subset must be a str, not int"),
        (None, {"seize": 5}, ValueError, "subset: expected one of size, client, got 'seize'; did you mean 'size'"),
    ],
)
def test_what_is_no_preference_is_refused(zone, subset, error, text):
    with pytest.raises(error, match=text):
        preference(zone, subset)
