"""The instances of a service that are registered in several formats, as one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Generic

from etcd_factory.core.call.view import View
from etcd_factory.core.face import F

from .instance import ServiceInstance
from .instances import InstancesPool, Leave, Listener, ServiceInstances
from .layout import Layout, merged


class MixedInstances(Generic[F]):
    """The instances of several layouts; each holds back its own losses."""

    def __init__(self, view: View, sources: Sequence[ServiceInstances[F]]) -> None:
        self.service = sources[0].service
        self._sources: Sequence[ServiceInstances[F]] = sources
        self._runtime = view.client.runtime
        self._lock = self._runtime.lock()
        self._listeners: list[Listener] = []
        self.instances: tuple[ServiceInstance, ...] = ()
        view.client.background.register(self)
        for one in sources:
            one.listen(self._refresh)

    def _refresh(self) -> None:
        with self._lock:  # a list that was read earlier must not replace a later one
            found = tuple(merged(one.instances for one in self._sources))
            if found != self.instances:
                self.instances = found
                for listener in self._listeners.copy():
                    listener()

    def listen(self, listener: Listener) -> None:
        """Call it now and whenever the list changes; it must not wait."""
        with self._lock:
            self._listeners.append(listener)
            listener()

    def ignore(self, listener: Listener) -> None:
        """Do not call it any more."""
        with self._lock:
            self._listeners.remove(listener)

    @property
    def inherited(self) -> bool:
        """Whether a part of it was not read in this process yet."""
        return any(one.inherited for one in self._sources)

    def renew(self) -> None:
        """Begin again in a forked child."""
        for one in self._sources:
            if one.inherited:
                one.renew()

    def keep(self) -> None:
        """Keep it open while its handlers are wanted."""
        for one in self._sources:
            one.keep()

    def forget(self) -> object:
        """Drop the lock in a forked child."""
        left, self._lock = self._lock, self._runtime.lock()
        return left

    def detach(self) -> None:
        """Stop following the layouts, which others may use."""
        for one in self._sources:
            one.ignore(self._refresh)


Source = ServiceInstances[F] | MixedInstances[F]


class MixedPool(Generic[F]):
    """The followed services of a registry, in all its layouts."""

    def __init__(self, view: View, layouts: Iterable[Layout]) -> None:
        self._view = view
        self._pools: list[InstancesPool[F]] = [InstancesPool(view, one) for one in layouts]

    async def enter(self, service: str, threshold: float | None, hold: float | None) -> tuple[Source[F], Leave]:
        """Return the service's instances for one more view, and what that view calls when it is closed."""
        sources: list[ServiceInstances[F]] = []
        leaves: list[Leave] = []
        try:
            for pool in self._pools:
                source, leave = await pool.enter(service, threshold, hold)
                sources.append(source)
                leaves.append(leave)
        except BaseException:
            await leave_all(leaves)
            raise
        if len(sources) == 1:
            return sources[0], leaves[0]
        mixed: MixedInstances[F] = MixedInstances(self._view, sources)
        return mixed, partial(leave_mixed, mixed, leaves)


async def leave_all(leaves: Iterable[Leave]) -> None:
    """Leave each of them."""
    for leave in leaves:
        await leave()


async def leave_mixed(mixed: MixedInstances[F], leaves: Iterable[Leave]) -> None:
    """Leave what a mixed list was made of."""
    mixed.detach()
    await leave_all(leaves)
