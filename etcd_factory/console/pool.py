"""Views of services that picks are made from: kept, so that a balancer goes on where it was."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field

from etcd_factory.core.face import Async
from etcd_factory.registry import AsyncServiceRegistry, ServiceView

MOST = 16

Key = tuple[AsyncServiceRegistry, str, str | None]


@define(eq=False)
class Pool:
    """Views by registry, service and balancer; the one that was not used for the longest time is closed for another."""

    _views: OrderedDict[Key, ServiceView[Async]] = field(factory=OrderedDict[Key, "ServiceView[Async]"], init=False)

    async def view(self, key: Key) -> ServiceView[Async]:
        """Return the view, subscribed at its first use."""
        found = self._views.pop(key, None)
        registry, service, balancer = key
        view = await registry.subscribe(service, balancer=balancer) if found is None else found  # type: ignore[arg-type]
        self._views[key] = view
        while len(self._views) > MOST:
            _, oldest = self._views.popitem(last=False)
            await oldest.close()
        return view
