"""Which instance is used next. A balancer's state belongs to one view, and so to one service."""

from __future__ import annotations

import random
import struct
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import accumulate, count

from etcd_factory.errors import suggestion

from .instance import ServiceInstance

Key = str | bytes | None
Instances = Sequence[ServiceInstance]
Choose = Callable[[Instances, Key], ServiceInstance]

chance = random.random

POINTS, HEAVIEST = 100, 100  # on the ring: those of an instance of weight 1, and the weight that counts at most
MOMENT = 1.0  # seconds that weights are kept while an instance warms up


class Balancer(ABC):
    """Chooses one of a service's instances, of which there is at least one."""

    def __init__(self, warmup: float = 0.0) -> None:
        self._warmup = warmup

    @abstractmethod
    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """The one to use."""

    def used(self, instance: ServiceInstance, by: int) -> None:  # noqa: B027  # most do not count
        """It is used by one more (1), or by one less (-1)."""


class RoundRobin(Balancer):
    """One after another."""

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        self._turns = count()

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """The next one."""
        return instances[next(self._turns) % len(instances)]


class Random(Balancer):
    """Any of them, each as likely."""

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Any."""
        return instances[int(chance() * len(instances))]


class Weighted(Balancer):
    """Any of them, as likely as it weighs.

    One that was registered less than ``warmup`` seconds ago weighs less, in proportion.
    """

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        self._sums: tuple[Instances, list[float], float] = ((), [], 0.0)  # for whom, their running sums, until when

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Any, by weight; if none weighs anything, any."""
        whose, sums, until = self._sums
        if whose is not instances or (until and time.time() > until):
            sums = self._weigh(instances)
        at = bisect(sums, chance() * sums[-1])
        return instances[at if at < len(instances) else int(chance() * len(instances))]

    def _weigh(self, instances: Instances) -> list[float]:
        now = time.time()
        sums = list(accumulate(warmed(one, self._warmup, now) for one in instances))
        warming = self._warmup > 0 and any(now - one.started < self._warmup for one in instances)
        self._sums = instances, sums, now + MOMENT if warming else 0.0
        return sums


def warmed(instance: ServiceInstance, warmup: float, now: float) -> float:
    """What an instance weighs while it warms up: at first a hundredth, then more from second to second."""
    age = now - instance.started
    return instance.weight * max(0.01, age / warmup) if warmup > 0 and age < warmup else instance.weight


class LeastConnections(Balancer):
    """The one that is used least at the moment, as ``view.use()`` counts; of several the next one in turn."""

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        self._turns, self._guard = count(), threading.Lock()
        self._uses: dict[str, int] = {}

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """The one with the fewest uses."""
        start, uses = next(self._turns) % len(instances), self._uses.get
        return min((*instances[start:], *instances[:start]), key=lambda one: uses(one.id, 0))

    def used(self, instance: ServiceInstance, by: int) -> None:
        """Count."""
        with self._guard:
            uses = self._uses.pop(instance.id, 0) + by
            if uses:
                self._uses[instance.id] = uses


class ConsistentHash(Balancer):
    """For the same key the same one; of n instances one that comes or goes moves about a share of 1/n of the keys.

    An instance has keys as it weighs; what is above a hundred counts as that.
    """

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)
        self._ring: tuple[Instances, list[int], list[ServiceInstance]] = ((), [], [])
        self._points: dict[tuple[str, int], tuple[int, ...]] = {}

    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """The one whose point on the ring follows the key's; ``TypeError`` without a key."""
        if key is None:
            raise TypeError("a consistent hash needs a key: pick(key)")
        whose, points, owners = self._ring
        if whose is not instances:
            points, owners = self._build(instances)
        return owners[bisect(points, point(key)) % len(owners)]

    def _build(self, instances: Instances) -> tuple[list[int], list[ServiceInstance]]:
        sizes = {(one.id, size(one)): one for one in instances if one.weight} or {(one.id, 1): one for one in instances}
        known = self._points = {key: self._points.get(key) or spread(*key) for key in sizes}
        ring = sorted([(at, key) for key, points in known.items() for at in points])
        points, owners = [at for at, _ in ring], [sizes[key] for _, key in ring]
        self._ring = instances, points, owners
        return points, owners


def size(instance: ServiceInstance) -> int:
    """How many points of the ring an instance has."""
    return max(1, round(POINTS * min(instance.weight, HEAVIEST)))


def spread(id: str, count: int) -> tuple[int, ...]:  # noqa: A002
    """So many points of an instance, eight from each digest."""
    digests = b"".join(blake2b(f"{id}#{number}".encode()).digest() for number in range((count + 7) // 8))
    return struct.unpack_from(f">{count}Q", digests)


def point(key: str | bytes) -> int:
    """Where a key lies on the ring."""
    data = key.encode() if isinstance(key, str) else key
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


class Custom(Balancer):
    """A function of the user's own."""

    def __init__(self, choose: Choose) -> None:
        super().__init__()
        self._choose = choose

    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """What the function chooses."""
        return self._choose(instances, key)


BALANCERS: dict[str, Callable[[float], Balancer]] = {
    "round_robin": RoundRobin,
    "random": Random,
    "weighted": Weighted,
    "least_connections": LeastConnections,
    "consistent_hash": ConsistentHash,
}


def balancer(given: str | Choose, warmup: float = 0.0) -> Balancer:
    """A new balancer, by its name or from a function ``(instances, key) -> instance``."""
    if not isinstance(given, str) and callable(given):
        return Custom(given)
    if given not in BALANCERS:
        near = suggestion(str(given), BALANCERS)
        raise ValueError(f"the balancer {given!r} is none of {', '.join(BALANCERS)}{near}, and no function")
    return BALANCERS[given](warmup)
