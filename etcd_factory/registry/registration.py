"""One's own instance in the registry, kept there until it is taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from typing_extensions import Self

from etcd_factory.core.bound import Scoped, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.errors import EtcdFactoryError, suggestion

from .instance import PAUSED, UP, ServiceInstance, log, several
from .reconciler import Reconciler

EVENTS = ("lost", "restored")


class Registration(Scoped[F]):
    """An instance that is registered until ``deregister()``, or the end of its block, or the end of its client.

    It heals itself: where its lease is lost, its key deleted or the store emptied, it is registered again as soon as
    etcd answers, within one ttl. Where somebody registers the same id anew, that one replaces it: it is lost for good.
    """

    _run: View

    def __init__(self, view: View, reconciler: Reconciler, drop: Callable[[], None]) -> None:
        self._run, self._reconciler, self._drop = view, reconciler, drop
        self._handlers: dict[str, ChangeNotifier[Any]] = {
            event: ChangeNotifier(view.client.background, f"{event!r} of a registration", list, log, 1_000)
            for event in EVENTS
        }
        reconciler.listen(lambda kind: self._handlers[kind].add([(self,)]))

    @property
    def instance(self) -> ServiceInstance:
        """What is registered, or will be as soon as etcd answers."""
        return self._reconciler.goal

    @property
    def alive(self) -> bool:
        """Whether it surely stands in etcd: written, its lease not lost, its key not known to be gone."""
        return self._reconciler.alive

    @operation
    async def update(
        self,
        metadata: Mapping[str, Any] | None = None,
        *,
        weight: float | None = None,
        tags: Iterable[str] | None = None,
    ) -> None:
        """Change what is given, in place. If etcd does not answer the error is raised, and it is done when it does."""
        given: dict[str, Any] = {
            "metadata": metadata,
            "weight": weight,
            "tags": None if tags is None else several(tags),
        }
        await self._reconciler.update(**{name: value for name, value in given.items() if value is not None})

    @operation
    async def pause(self) -> None:
        """Let nobody use it for a while; it stays registered."""
        await self._reconciler.update(status=PAUSED)

    @operation
    async def resume(self) -> None:
        """Let others use it again."""
        await self._reconciler.update(status=UP)

    @operation
    async def deregister(self) -> None:
        """Take it away: it is marked as leaving, then its lease is revoked. Only one's own key goes; twice is fine."""
        await self._leave()

    async def _leave(self) -> None:
        self._drop()
        try:
            await self._reconciler.leave()
        finally:
            for changes in self._handlers.values():
                changes.close()

    def on(self, event: str, handler: Callable[[Registration[F]], Any]) -> Self:
        """Call ``handler(registration)`` when it is ``lost``, and when it is ``restored``; gives the registration.

        What it raises is logged; in asyncio it may be ``async``.
        """
        if event not in EVENTS:
            near = suggestion(str(event), EVENTS)
            raise ValueError(f"a registration has no event {event!r}{near}; it has: {', '.join(EVENTS)}")
        self._handlers[event].on(handler)
        return self

    def __repr__(self) -> str:
        one = self.instance
        return f"<{type(self).__name__} {one.service}/{one.id} {'alive' if self.alive else 'not alive'}>"

    async def _exit(self, error: BaseException | None) -> None:
        """Leave; what went wrong in the block is more than that this fails: then the key dies by its ttl."""
        try:
            await self._leave()
        except EtcdFactoryError as error:
            log.warning("%r could not be taken away and dies by its ttl: %s", self, error)
