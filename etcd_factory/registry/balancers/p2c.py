"""The better of two random instances, by latency and load: the power of two choices with a peak-sensitive average.

As in Finagle (``PeakEwma``), go-zero (``p2c_ewma``) and kratos (``p2c``). Of two random instances the better one is
enough: all that choose the best one at the same time would overload it.
"""

from __future__ import annotations

import threading
import time
from math import exp

from attrs import define

from etcd_factory.registry.instance import ServiceInstance

from .base import Balancer, Instances, Key, warmed

DECAY = 10.0  # seconds in which what was measured loses two thirds of its weight (Finagle's and go-zero's)
UNMEASURED = 1e-6  # seconds, the latency of an instance that was never used: it is tried at once
FIRST = 1e6  # seconds, the same while its first use has not ended: it gets no second one until then
MAX_FAILURES = 20  # that count; each in a row doubles the cost, or one that fails at once would look fast


@define(eq=False)
class Load:
    """What is known of an instance: its latency (0.0: nothing) as of ``seen``, its uses, its last failures in a row."""

    latency: float = 0.0
    seen: float = 0.0
    uses: int = 0
    failures: int = 0

    def cost(self, now: float) -> float:
        """Return the seconds that one more use may take."""
        latency = self.latency * exp((self.seen - now) / DECAY)  # so that one that was slow is tried again
        if not self.latency and self.uses:
            latency = FIRST
        return max(latency, UNMEASURED) * (self.uses + 1) * 2.0 ** min(self.failures, MAX_FAILURES)

    def learn(self, seconds: float, now: float, failed: bool | None) -> None:
        """Average the latency: more counts at once, less by and by."""
        kept = exp((self.seen - now) / DECAY)
        lower = self.latency * kept + seconds * (1 - kept)
        self.latency, self.seen = max(seconds, UNMEASURED) if seconds >= self.latency else lower, now
        if failed is not None:
            self.failures = self.failures + 1 if failed else 0


class P2C(Balancer):
    """The better of two random instances: the one whose latency, times its uses under way, is less for its weight.

    It learns from ``view.use()`` and ``view.call()``; from ``pick()`` alone it learns nothing, and is random.
    An instance registered less than ``warmup`` seconds ago weighs less, in proportion to its age.
    """

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._loads: dict[str, Load] = {}
        self._chosen: tuple[Instances, Instances] = ((), ())  # a list, and those of it that may be picked

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return the better one of two."""
        known, usable = self._chosen
        if known is not instances:
            usable = self._arrange(instances)
        return self._better(usable)

    def _pick_of(self, rest: Instances, key: Key) -> ServiceInstance:
        del key
        return self._better(weighing(rest))

    def _arrange(self, instances: Instances) -> Instances:
        """Begin with a new list; those that have left are forgotten once they are not in use any more."""
        usable, ids = weighing(instances), {one.id for one in instances}
        with self._lock:
            self._chosen = instances, usable
            self._loads = {id: load for id, load in self._loads.items() if load.uses or id in ids}  # noqa: A001
        return usable

    def _better(self, usable: Instances) -> ServiceInstance:
        count = len(usable)
        if count == 1:
            return usable[0]
        first, second = int(self._chance() * count), int(self._chance() * (count - 1))
        one, other = usable[first], usable[second + (second >= first)]
        now = self._clock()
        return one if self._cost(one, now) <= self._cost(other, now) else other

    def _cost(self, instance: ServiceInstance, now: float) -> float:
        load = self._loads.get(instance.id)
        cost = UNMEASURED if load is None else load.cost(now)
        weight = warmed(instance, self._warmup, time.time()) if self._warmup else instance.weight
        return cost / (weight or 1)  # 0 only where all have it

    def begin(self, instance: ServiceInstance) -> None:
        """Count its uses under way."""
        with self._lock:
            self._loads.setdefault(instance.id, Load()).uses += 1

    def end(self, instance: ServiceInstance, seconds: float, failed: bool | None) -> None:
        """Learn from how long it took, and whether it failed."""
        with self._lock:
            load = self._loads.get(instance.id)
            if load is not None:
                load.uses = max(0, load.uses - 1)
                load.learn(seconds, self._clock(), failed)

    def forget(self) -> object:
        """Learn anew in a forked child: most uses of now are those of threads that only the parent has."""
        left = self._lock
        self._reset()
        return left


def weighing(instances: Instances) -> Instances:
    """Return those of a weight above 0; all if there are none."""
    return tuple(one for one in instances if one.weight) or instances
