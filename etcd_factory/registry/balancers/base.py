"""What all balancers have in common."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence

from etcd_factory.registry.instance import ServiceInstance

Key = str | bytes | None
Instances = Sequence[ServiceInstance]

MIN_SHARE = 0.01  # of its weight, when an instance has just been registered


class Balancer(ABC):
    """Picks one of a service's instances, of which there is at least one. Safe to share between threads.

    It may keep what it derived from a list for as long as it gets the same object. ``clock`` counts seconds and never
    goes back, ``chance`` returns random numbers from 0 to below 1.
    """

    def __init__(
        self,
        warmup: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._warmup, self._clock, self._chance = warmup, clock, chance
        self._reset()

    def _reset(self) -> None:  # noqa: B027  # most have no state
        """Begin without having learnt anything."""

    @abstractmethod
    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """Return the instance to use next."""

    def another(self, instances: Instances, tried: Collection[str], key: Key = None, /) -> ServiceInstance | None:
        """Return an instance whose id is not one of those ``tried``, None if there is none."""
        rest = [one for one in instances if one.id not in tried]
        return self._pick_of(rest, key) if rest else None

    def _pick_of(self, rest: Instances, key: Key) -> ServiceInstance:
        """Return the best of a list that is used once."""
        return self.pick(rest, key)

    def begin(self, instance: ServiceInstance) -> None:  # noqa: B027  # most do not learn
        """Count one more use of an instance."""

    def end(self, instance: ServiceInstance, seconds: float, failed: bool | None) -> None:  # noqa: B027
        """Count one use less, which took so long; ``failed`` is None for one that was broken off."""

    def forget(self) -> object:
        """Drop in a forked child what other threads may have held."""
        return None


def warmed(instance: ServiceInstance, warmup: float, now: float) -> float:
    """Return an instance's weight while it warms up, a share that grows with its age."""
    age = now - instance.started
    return instance.weight * max(MIN_SHARE, age / warmup) if warmup > 0 and age < warmup else instance.weight
