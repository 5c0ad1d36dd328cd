"""Balancers that learn nothing: turns, chance, and a user's function."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import count

from etcd_factory.registry.instance import ServiceInstance

from .base import Balancer, Instances, Key

Choose = Callable[[Instances, Key], ServiceInstance]


class RoundRobin(Balancer):
    """One instance after another."""

    def _reset(self) -> None:
        self._turns = count()

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return the next instance."""
        return instances[next(self._turns) % len(instances)]

    def another(self, instances: Instances, tried: Collection[str], key: Key = None, /) -> ServiceInstance | None:
        """Return the next one that was not tried."""
        turns = (self.pick(instances) for _ in instances)
        found = next((one for one in turns if one.id not in tried), None)
        return found or super().another(instances, tried, key)  # other threads may have taken its turn


class Random(Balancer):
    """A random instance, all equally likely."""

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return a random instance."""
        return instances[int(self._chance() * len(instances))]


class Custom(Balancer):
    """A user's function."""

    def __init__(self, choose: Choose) -> None:
        super().__init__()
        self._choose = choose

    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """Return what the function chooses."""
        return self._choose(instances, key)
