"""The same instance for the same key."""

from __future__ import annotations

from collections.abc import Collection

from etcd_factory.registry.hash_ring import HashRing
from etcd_factory.registry.instance import ServiceInstance

from .base import Balancer, Instances, Key


class ConsistentHash(Balancer):
    """The same instance for the same key; one of n instances that comes or goes moves about 1/n of the keys.

    Instances own keys in proportion to their weights, of which at most 100 counts.
    """

    def _reset(self) -> None:
        self._ring: tuple[Instances, HashRing] = ((), HashRing([], [], {}))

    def pick(self, instances: Instances, key: Key = None, /) -> ServiceInstance:
        """Return the key's owner; raises ``TypeError`` without a key."""
        if key is None:
            raise TypeError("consistent_hash needs a key: pick(key)")
        return self._ring_of(instances).owner(key)

    def another(self, instances: Instances, tried: Collection[str], key: Key = None, /) -> ServiceInstance | None:
        """Return who owns the key once those ``tried`` are gone: the same one in every process."""
        assert key is not None  # without one nothing was picked before
        owner = self._ring_of(instances).next_owner(key, tried)
        return owner or super().another(instances, tried, key)  # those of weight 0 are on no ring but their own

    def _ring_of(self, instances: Instances) -> HashRing:
        known, ring = self._ring
        if known is not instances:
            ring = HashRing.build(instances, ring.known)
            self._ring = instances, ring
        return ring
