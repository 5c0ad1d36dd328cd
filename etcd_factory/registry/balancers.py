"""Load balancers: which instance to use next. Each view has its own, and so its own state."""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate, count

from etcd_factory.core.face import Sync
from etcd_factory.core.handlers import checked
from etcd_factory.errors import choice
from etcd_factory.options.mappings import BalancerName

from .hash_ring import HashRing
from .instance import ServiceInstance

Key = str | bytes | None
Instances = Sequence[ServiceInstance]
Choose = Callable[[Instances, Key], ServiceInstance]
LoadBalancer = BalancerName | Choose

MIN_SHARE = 0.01  # of its weight, when an instance has just been registered
REFRESH = 1.0  # seconds that weights are kept while an instance warms up

chance = random.random


class Balancer(ABC):
    """Picks one of a service's instances, of which there is at least one. Safe to share between threads."""

    def __init__(self, warmup: float = 0.0) -> None:
        self._warmup = warmup

    @abstractmethod
    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """Return the instance to use next."""

    def used(self, instance: ServiceInstance, change: int) -> None:  # noqa: B027  # most do not count
        """Count one more use of an instance (1), or one less (-1)."""

    def forget(self) -> object:
        """Drop in a forked child what other threads may have held."""
        return None


class RoundRobin(Balancer):
    """One instance after another."""

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        self._turns = count()

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return the next instance."""
        return instances[next(self._turns) % len(instances)]


class Random(Balancer):
    """A random instance, all equally likely."""

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return a random instance."""
        return instances[int(chance() * len(instances))]


class Weighted(Balancer):
    """A random instance, as likely as its weight.

    An instance registered less than ``warmup`` seconds ago weighs less, in proportion to its age.
    """

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        # The instances, their running sums of weights, and until when these hold (0.0: as long as the instances do).
        self._sums: tuple[Instances, list[float], float] = ((), [], 0.0)

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return a random instance by weight; if all weigh 0, all are equally likely."""
        known, sums, until = self._sums
        if known is not instances or (until and time.time() > until):
            sums = self._weigh(instances)
        index = bisect(sums, chance() * sums[-1])
        return instances[index if index < len(instances) else int(chance() * len(instances))]

    def _weigh(self, instances: Instances) -> list[float]:
        now = time.time()
        sums = list(accumulate(warmed(one, self._warmup, now) for one in instances))
        is_warming = self._warmup > 0 and any(now - one.started < self._warmup for one in instances)
        self._sums = instances, sums, now + REFRESH if is_warming else 0.0
        return sums


def warmed(instance: ServiceInstance, warmup: float, now: float) -> float:
    """Return an instance's weight while it warms up, a share that grows with its age."""
    age = now - instance.started
    return instance.weight * max(MIN_SHARE, age / warmup) if warmup > 0 and age < warmup else instance.weight


class LeastConnections(Balancer):
    """The instance with the fewest uses at the moment, as ``view.use()`` counts; equal ones take turns."""

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        self._turns, self._lock = count(), threading.Lock()
        self._uses: dict[str, int] = {}

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return the instance with the fewest uses."""
        start, uses = next(self._turns) % len(instances), self._uses.get
        return min((*instances[start:], *instances[:start]), key=lambda one: uses(one.id, 0))

    def used(self, instance: ServiceInstance, change: int) -> None:
        """Count uses by id; an instance without uses is forgotten."""
        with self._lock:
            uses = self._uses.pop(instance.id, 0) + change
            if uses > 0:
                self._uses[instance.id] = uses

    def forget(self) -> object:
        """Count from 0 in a forked child: most uses of now are those of threads that only the parent has."""
        left = self._lock
        self._lock, self._uses = threading.Lock(), {}
        return left


class ConsistentHash(Balancer):
    """The same instance for the same key; one of n instances that comes or goes moves about 1/n of the keys.

    Instances own keys in proportion to their weights, of which at most 100 counts.
    """

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        self._ring: tuple[Instances, HashRing] = ((), HashRing([], [], {}))

    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """Return the key's owner; raises ``TypeError`` without a key."""
        if key is None:
            raise TypeError("consistent_hash needs a key: pick(key)")
        known, ring = self._ring
        if known is not instances:
            ring = HashRing.build(instances, ring.known)
            self._ring = instances, ring
        return ring.owner(key)


class Custom(Balancer):
    """A user's function."""

    def __init__(self, choose: Choose) -> None:
        super().__init__()
        self._choose = choose

    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """Return what the function chooses."""
        return self._choose(instances, key)


BALANCERS: dict[BalancerName, Callable[[float], Balancer]] = {
    "round_robin": RoundRobin,
    "random": Random,
    "weighted": Weighted,
    "least_connections": LeastConnections,
    "consistent_hash": ConsistentHash,
}


def balancer(load_balancer: LoadBalancer, warmup: float = 0.0) -> Balancer:
    """Return a new balancer by its name, or from a function ``(instances, key) -> instance``."""
    if not isinstance(load_balancer, str) and callable(load_balancer):
        return Custom(checked(load_balancer, Sync, "load_balancer"))
    return BALANCERS[choice(load_balancer, BALANCERS, "load_balancer")](warmup)
