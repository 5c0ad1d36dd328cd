"""Which instances of a service are shown. Pure state: the clock is handed in."""

from __future__ import annotations

from attrs import define, field

from .instance import DOWN, ServiceInstance

Known = dict[str, ServiceInstance]  # by id


@define(eq=False)
class Membership:
    """The last good list. What goes suddenly, and with many others, is held back: it may be about to come back.

    Sudden is what nobody announced: leases that end, keys deleted by hand, a store that was emptied. An instance that
    deregisters says so first, and goes at once. If the list would shrink so to less than ``threshold`` of it, or to
    nothing, those missing stay in it until all are back, but for ``hold`` seconds at most, by default their own ttl.
    The same holds for what is missing where all was read afresh. With no ``threshold`` nothing is held back.
    """

    threshold: float | None = 0.0
    hold: float | None = None
    shown: tuple[ServiceInstance, ...] = ()
    _here: Known = field(factory=dict[str, ServiceInstance], init=False)
    _good: Known = field(factory=dict[str, ServiceInstance], init=False)
    _until: float | None = field(default=None, init=False)

    def put(self, instance: ServiceInstance) -> None:
        """It stands in etcd so."""
        self._here[instance.id] = instance
        if instance.status == DOWN:
            self._good.pop(instance.id, None)

    def drop(self, id: str) -> None:  # noqa: A002
        """It stands in etcd no more."""
        self._here.pop(id, None)

    def settle(self, now: float, *, resync: bool = False) -> float | None:
        """Show what is to be shown; if something is held back, the time to come again."""
        fresh = {id: one for id, one in self._here.items() if one.status != DOWN}  # noqa: A001
        missing = [one for id, one in self._good.items() if id not in fresh]  # noqa: A001
        if self._until is None and missing and self._sudden(fresh, resync):
            self._until = now + (max(one.ttl for one in missing) if self.hold is None else self.hold)
        if self._until is None or not missing or now >= self._until:
            self._until, self._good = None, fresh
        else:
            self._good.update(fresh)
        self.shown = tuple(one for _, one in sorted(self._good.items()))
        return self._until

    def _sudden(self, fresh: Known, resync: bool) -> bool:
        if self.threshold is None:
            return False
        return resync or not fresh or len(fresh) < self.threshold * len(self._good)
