"""The same instance for the same key."""

from __future__ import annotations

import pytest

from etcd_factory.registry.balancers.consistent_hash import ConsistentHash
from etcd_factory.registry.hash_ring import HashRing
from tests.support.balancing import weighing


@pytest.fixture
def chooser():
    return ConsistentHash()


def test_a_consistent_hash_needs_a_key(chooser):
    with pytest.raises(TypeError, match="needs a key"):
        chooser.pick(weighing(1, 1))


@pytest.mark.parametrize("key", ["k", b"k", ""])
def test_a_consistent_hash_picks_the_owner_on_the_ring(chooser, key):
    for instances in (weighing(1, 1, 1), weighing(1, 1), weighing(1, 1, 1, 1)):
        assert chooser.pick(instances, key) is HashRing.build(instances, {}).owner(key)


@pytest.mark.parametrize("key", ["k", "x", "y"])
def test_another_one_is_who_owns_the_key_without_those_tried(chooser, key):
    instances = weighing(1, 1, 1, 1)
    first = chooser.pick(instances, key)
    rest = tuple(one for one in instances if one is not first)
    assert chooser.another(instances, [first.id], key) is HashRing.build(rest, {}).owner(key)


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
