"""The instance with the fewest uses at the moment."""

from __future__ import annotations

import threading
from collections import OrderedDict

from etcd_factory.registry.instance import ServiceInstance

from .base import Balancer, Instances, Key

Turns = OrderedDict[str, ServiceInstance]  # by id; whoever has waited longest comes first


class LeastConnections(Balancer):
    """The instance with the fewest uses at the moment, as ``view.use()`` counts; equal ones take turns.

    Instances stand in one queue for each number of uses. A use moves one to the queue next to its own, so that the
    shortest way to the fewest uses is always known: picks take the same time for any number of instances.
    """

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._uses: dict[str, int] = {}  # by id, of instances in use, also of those that have left the list
        self._known: Instances = ()
        self._queues: dict[int, Turns] = {}  # by the number of uses, none of them empty
        self._fewest = 0

    def pick(self, instances: Instances, _: Key = None, /) -> ServiceInstance:
        """Return the instance with the fewest uses."""
        with self._lock:
            if self._known is not instances:
                self._arrange(instances)
            queue = self._queues[self._fewest]
            id, instance = next(iter(queue.items()))  # noqa: A001
            queue.move_to_end(id)
            return instance

    def _pick_of(self, rest: Instances, key: Key) -> ServiceInstance:
        del key
        return min(rest, key=lambda one: self._uses.get(one.id, 0))

    def _arrange(self, instances: Instances) -> None:
        """Queue the instances of a new list: those known before keep their turns, new ones come after them."""
        given = {one.id: one for one in instances}
        before = [id for queue in self._queues.values() for id in queue if id in given]  # noqa: A001
        self._known, self._queues = instances, {}
        for id in dict.fromkeys([*before, *given]):  # noqa: A001
            self._queues.setdefault(self._uses.get(id, 0), OrderedDict())[id] = given[id]
        self._fewest = min(self._queues)

    def begin(self, instance: ServiceInstance) -> None:
        """Count uses by id."""
        with self._lock:
            self._count(instance.id, 1)

    def end(self, instance: ServiceInstance, seconds: float, failed: bool | None) -> None:
        """Count one use less; an instance without uses is forgotten."""
        del seconds, failed
        with self._lock:
            self._count(instance.id, -1)

    def _count(self, id: str, change: int) -> None:  # noqa: A002
        before = self._uses.pop(id, 0)
        after = max(0, before + change)
        if after:
            self._uses[id] = after
        queue = self._queues.get(before)
        if not queue or id not in queue:
            return
        if after not in self._queues:
            self._queues[after] = OrderedDict()
        self._queues[after][id] = queue.pop(id)
        if not queue:
            del self._queues[before]
        if after < self._fewest or self._fewest not in self._queues:
            self._fewest = after

    def forget(self) -> object:
        """Count from 0 in a forked child: most uses of now are those of threads that only the parent has."""
        left = self._lock
        self._reset()
        return left
