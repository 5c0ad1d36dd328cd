"""A random instance, as likely as its weight."""

from __future__ import annotations

import time
from bisect import bisect
from itertools import accumulate

from etcd_factory.registry.instance import ServiceInstance

from .base import Balancer, Instances, Key, warmed

REFRESH = 1.0  # seconds that weights are kept while an instance warms up


class Weighted(Balancer):
    """A random instance, as likely as its weight.

    An instance registered less than ``warmup`` seconds ago weighs less, in proportion to its age.
    """

    def _reset(self) -> None:
        # The instances, their running sums of weights, and until when these hold (0.0: as long as the instances do).
        self._sums: tuple[Instances, list[float], float] = ((), [], 0.0)

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return a random instance by weight; if all weigh 0, all are equally likely."""
        known, sums, until = self._sums
        if known is not instances or (until and time.time() > until):
            sums = self._weigh(instances)
        index = bisect(sums, self._chance() * sums[-1])
        return instances[index if index < len(instances) else int(self._chance() * len(instances))]

    def _weigh(self, instances: Instances) -> list[float]:
        now = time.time()
        sums = list(accumulate(warmed(one, self._warmup, now) for one in instances))
        is_warming = self._warmup > 0 and any(now - one.started < self._warmup for one in instances)
        self._sums = instances, sums, now + REFRESH if is_warming else 0.0
        return sums
