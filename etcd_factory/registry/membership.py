"""Which instances of a service are shown. Pure state: the clock is handed in."""

from __future__ import annotations

from attrs import define, field

from .instance import DOWN, ServiceInstance

Known = dict[str, ServiceInstance]  # by id


@define(eq=False)
class Membership:
    """The last good list of instances, protected against sudden mass loss (a panic threshold).

    A loss is sudden if it was not announced: leases that expired, keys deleted by hand, a store that was emptied. An
    instance that deregisters is marked ``down`` first and removed at once. If a sudden loss would shrink the list to
    less than ``threshold`` of its size, or to nothing, the missing instances stay in it until all are back, for at most
    ``hold`` seconds, by default their longest ttl. The same holds for whatever is missing after a resync. With
    ``threshold`` None nothing is held back.
    """

    threshold: float | None = 0.0
    hold: float | None = None
    shown: tuple[ServiceInstance, ...] = ()
    _present: Known = field(factory=dict[str, ServiceInstance], init=False)
    _good: Known = field(factory=dict[str, ServiceInstance], init=False)
    _until: float | None = field(default=None, init=False)

    def put(self, instance: ServiceInstance) -> None:
        """Add an instance, or replace it."""
        self._present[instance.id] = instance
        if instance.status == DOWN:
            self._good.pop(instance.id, None)

    def drop(self, id: str) -> None:  # noqa: A002
        """Remove an instance."""
        self._present.pop(id, None)

    def settle(self, now: float, *, resync: bool = False) -> float | None:
        """Update ``shown``; returns the time to settle again if instances are held back."""
        fresh = {id: one for id, one in self._present.items() if one.status != DOWN}  # noqa: A001
        missing = [one for id, one in self._good.items() if id not in fresh]  # noqa: A001
        if self._until is None and missing and self._is_sudden(fresh, resync):
            self._until = now + (max(one.ttl for one in missing) if self.hold is None else self.hold)
        if self._until is None or not missing or now >= self._until:
            self._until, self._good = None, fresh
        else:
            self._good.update(fresh)
        self.shown = tuple(one for _, one in sorted(self._good.items()))
        return self._until

    def _is_sudden(self, fresh: Known, resync: bool) -> bool:
        if self.threshold is None:
            return False
        return resync or not fresh or len(fresh) < self.threshold * len(self._good)
