"""Picks from the instances of a view: by zone and subset, without those that failed too often, by a balancer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from hashlib import blake2b

from attrs import define

from etcd_factory.core.ports import Runtime

from .balancers import Balancer, Key
from .instance import ServiceInstance, log
from .outliers import Outlier, Outliers
from .preference import Instances, Preference

OVERPROVISIONED = 1.4  # times what a zone needs: with 72 % of its instances it still takes all uses (Envoy's default)


Picked = tuple[ServiceInstance, Balancer]  # an instance, and the balancer that is told of its use


@define(eq=False)
class Tier:
    """Instances that are equally near, those of them that are not ejected, and their own balancer."""

    balancer: Balancer
    every: Instances = ()
    usable: Instances = ()

    def pick(self, key: Key, tried: Collection[str]) -> Picked | None:
        """Return one whose id is not one of those tried, if there is one."""
        usable = self.usable
        if not usable:
            return None
        found = self.balancer.another(usable, tried, key) if tried else self.balancer.pick(usable, key)
        return None if found is None else (found, self.balancer)


class Picker:
    """Picks instances of a view, and learns from their uses."""

    def __init__(
        self,
        make: Callable[[], Balancer],
        runtime: Runtime,
        preference: Preference | None = None,
        outlier: Outlier | None = None,
    ) -> None:
        self._runtime, self.now = runtime, runtime.now
        self._preference = preference or Preference()
        self._outliers = None if outlier is None else Outliers(outlier)
        self._near, self._far = Tier(make()), Tier(make())
        self._staying = 1.0  # the share of uses that stay near
        self._lock = runtime.lock()

    def show(self, instances: Instances) -> None:
        """Pick from this list from now on."""
        with self._lock:
            self._near.every, self._far.every = self._preference.split(instances)
            if self._outliers is not None:
                self._outliers.keep({one.id for one in self._every()})
            self._sort_out()

    def _every(self) -> Instances:
        return self._near.every + self._far.every

    def _sort_out(self) -> None:
        """Leave out those that are ejected, unless that are all."""
        ejected: frozenset[str] = self._outliers.ejected if self._outliers else frozenset()
        if all(one.id in ejected for one in self._every()):
            ejected = frozenset()
        for tier in (self._near, self._far):
            tier.usable = tuple(one for one in tier.every if one.id not in ejected) if ejected else tier.every
        near = self._near
        self._staying = OVERPROVISIONED * len(near.usable) / len(near.every) if near.every else 0.0

    def pick(self, key: Key = None, tried: Collection[str] = ()) -> Picked | None:
        """Return an instance whose id is not one of those tried; None if there is none."""
        if self._outliers is not None and self._outliers.due <= self.now():
            self._settle()
        first, then = self._near, self._far
        if self._staying < 1 and fraction(key, self._runtime) >= self._staying:
            first, then = then, first
        return first.pick(key, tried) or then.pick(key, tried)

    @property
    def ejected(self) -> Instances:
        """The instances that are left out, since they failed too often."""
        if self._outliers is None:
            return ()
        self._settle()
        return tuple(one for one in self._every() if one.id in self._outliers.ejected)

    def _settle(self) -> None:
        with self._lock:
            assert self._outliers is not None
            back = self._outliers.settle(self.now())
            if back:
                self._sort_out()
        for id in sorted(back):  # noqa: A001
            log.info("instance %r is used again", id)

    # --- what a use tells

    def end(self, picked: Picked, seconds: float, failed: bool | None) -> None:
        """Learn from a use that took so long; ``failed`` is None for one that was broken off."""
        instance, balancer = picked
        balancer.end(instance, seconds, failed)
        if self._outliers is None or failed is None:
            return
        with self._lock:
            ejected = self._outliers.report(instance.id, failed, len(self._every()), self.now())
            if ejected is not None:
                self._sort_out()
        if ejected is not None:
            times, name = self._outliers.rules.failures, f"{instance.service}/{instance.id}"
            log.warning("%s failed %d times in a row, and is not used for %g s", name, times, ejected)

    def forget(self) -> object:
        """Renew in a forked child what its other threads may have held."""
        left = self._lock, self._near.balancer.forget(), self._far.balancer.forget()
        self._lock = self._runtime.lock()
        return left


def fraction(key: Key, runtime: Runtime) -> float:
    """Return a number from 0 to 1: the same one for the same key, otherwise a random one."""
    if key is None:
        return runtime.random()
    data = key.encode() if isinstance(key, str) else key
    # Not the hash of the ring: whoever stays would be on one part of the ring alone.
    return int.from_bytes(blake2b(data, digest_size=8, person=b"zone").digest(), "big") / 2**64
