"""What all balancers have in common."""

from __future__ import annotations

import pytest

from etcd_factory.registry.balancers.base import MIN_SHARE, Balancer, warmed
from etcd_factory.registry.instance import ServiceInstance
from tests.support.balancing import weighing


class Last(Balancer):
    """Picks the last one."""

    def pick(self, instances, _=None, /):
        return instances[-1]


def test_another_one_is_picked_as_if_those_tried_were_not_there():
    chooser, instances = Last(), weighing(1, 1, 1)
    assert chooser.another(instances, ["c"]).id == "b"
    assert chooser.another(instances, ["a", "c", "b"]) is None


@pytest.mark.parametrize(
    ("age", "warmup", "share"), [(0, 100, MIN_SHARE), (50, 100, 0.5), (100, 100, 1), (-5, 100, MIN_SHARE), (0, 0, 1)]
)
def test_the_weight_grows_with_the_age_until_it_is_warm(age, warmup, share):
    assert warmed(ServiceInstance("user", "a", weight=4, started=1_000), warmup, 1_000 + age) == 4 * share
