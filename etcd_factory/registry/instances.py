"""The instances of a service, followed by one watch for all views of it in a process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple

from attrs import define, evolve

from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.core.mirror.store import Change
from etcd_factory.core.watch.stream import WatchStream
from etcd_factory.errors import EtcdFactoryError
from etcd_factory.model import KeyValue

from .instance import log
from .layout import Layout
from .membership import Membership

if TYPE_CHECKING:
    from etcd_factory.wire.messages import RangeResponse

Listener = Callable[[], None]
Leave = Callable[[], Awaitable[None]]


class ServiceInstances(Mirror[F]):
    """The mirror of a service's keys, read as instances; while etcd is away it stays as it was."""

    def __init__(self, view: View, layout: Layout, service: str, membership: Membership) -> None:
        super().__init__(view, layout.below(service))
        self.service, self._layout = service, layout
        self._membership, self._list_lock = membership, view.client.runtime.lock()
        self._listeners: list[Listener] = []
        self._timer_runs, self._stop = False, self._runtime.signal()
        self._resyncing = False
        self.instances = membership.shown

    def listen(self, listener: Listener) -> None:
        """Call it now and whenever the list changes; it must not wait."""
        with self._list_lock:
            self._listeners.append(listener)
            listener()

    def ignore(self, listener: Listener) -> None:
        """Do not call it any more."""
        with self._list_lock:
            self._listeners.remove(listener)

    def wants_changes(self) -> bool:
        """Return True: every difference counts."""
        return True

    def on_resync(self, reply: RangeResponse) -> None:
        """Note that the changes come from reading the range again."""
        self._resyncing = True
        try:
            super().on_resync(reply)
        finally:
            self._resyncing = False

    def on_changes(self, changes: list[Change]) -> None:
        """Update the membership."""
        with self._list_lock:
            for old, new in changes:
                self._update(old, new)
            self._settle(resync=self._resyncing)
        super().on_changes(changes)

    def _update(self, old: KeyValue | None, new: KeyValue | None) -> None:
        instance = self._layout.decode(new) if new else None
        if instance is not None:
            self._membership.put(instance)
        elif (kv := new or old) is not None:  # deleted, or overwritten with something else
            self._membership.drop(kv.key[len(self._prefix) :].decode(errors="replace"))

    def forget(self) -> object:
        """In a forked child keep the last list, but nothing that a new one is compared with."""
        left = self._list_lock, self._stop
        self._list_lock, self._membership = self._runtime.lock(), evolve(self._membership)
        self._timer_runs, self._stop = False, self._runtime.signal()
        self._found = {}
        return left, super().forget()

    def renew(self) -> None:
        """Begin again in a forked child; while etcd is away the last list stays, and that is retried."""
        try:
            super().renew()
        except EtcdFactoryError as error:
            log.warning("keeping the instances of %r known before the fork: %s", self.service, error)
            self.renew_later()

    def _settle(self, *, resync: bool = False) -> None:
        again = self._membership.settle(self._runtime.now(), resync=resync)
        if self._membership.shown != self.instances:
            self.instances = self._membership.shown
            for listener in self._listeners.copy():
                listener()
        if again is not None and not self._timer_runs:
            self._timer_runs = True
            self._runtime.spawn(self._settle_at(again), "etcd_factory instances")

    async def _settle_at(self, time: float) -> None:
        """Check again when instances that were held back may have to be dropped."""
        await self._stop.wait(max(0.0, time - self._runtime.now()))
        if not self._stop.is_set():
            with self._list_lock:
                self._timer_runs = False
                self._settle()

    def on_end(self, error: Exception | None) -> None:
        """Stop the timer too."""
        self._stop.set()
        super().on_end(error)


class Key(NamedTuple):
    """What views share: the watch stream of their event loop, the service, and when its instances are held back."""

    stream: WatchStream
    service: str
    threshold: float | None
    hold: float | None


@define(eq=False)
class Shared(Generic[F]):
    """A service's instances, and how many views use them."""

    instances: ServiceInstances[F]
    views: int = 0


class InstancesPool(Generic[F]):
    """The followed services of a layout: opened for their first view, closed after the last one."""

    def __init__(self, view: View, layout: Layout) -> None:
        self._view, self._layout, self._client = view, layout, view.client
        self._lock = view.client.runtime.lock()
        self._shared: dict[Key, Shared[F]] = {}

    def forget(self) -> object:
        """Drop the lock in a forked child; new views there do not share what its parent opened."""
        left, self._lock = self._lock, self._client.runtime.lock()
        return left

    async def enter(
        self, service: str, threshold: float | None, hold: float | None
    ) -> tuple[ServiceInstances[F], Leave]:
        """Return the service's instances for one more view, and what that view calls when it is closed."""
        self._client.background.register(self)
        key = Key(self._client.background.get(WatchStream), service, threshold, hold)
        while True:
            with self._lock:
                if (shared := self._shared.get(key)) is not None:
                    shared.views += 1
                    return shared.instances, partial(self._leave, key)
            await self._client.single_flight.run((self, key), partial(self._open, key), self._view.timeout)

    async def _open(self, key: Key) -> None:
        if key not in self._shared:
            membership = Membership(key.threshold, key.hold)
            instances: ServiceInstances[F] = ServiceInstances(self._view, self._layout, key.service, membership)
            await instances.load()
            self._shared[key] = Shared(instances)

    async def _leave(self, key: Key) -> None:
        with self._lock:
            shared = self._shared[key]
            shared.views -= 1
            if not shared.views:
                del self._shared[key]
        if not shared.views:
            await shared.instances.end()
