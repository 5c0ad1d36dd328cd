"""A registered instance, kept in the registry until it is deregistered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from etcd_factory.compat import Self
from etcd_factory.core.bound import Guarded, Scoped, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.handlers import checked
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.errors import EtcdFactoryError, choice

from .availability import Availability
from .instance import DOWN, LONGEST, PAUSED, UP, ServiceInstance, as_tags, is_number, log
from .reconciler import LEAVING, Reconciler, RegistrationEvent

EVENTS: tuple[RegistrationEvent, ...] = get_args(RegistrationEvent)
LIMIT = 1_000  # events that may wait for a handler


class Registration(Guarded, Scoped[F]):
    """An instance that is registered until ``deregister()``, the end of its block, or the end of its client.

    It heals itself: if its lease is lost, its key deleted or the store emptied, it is registered again as soon as etcd
    answers, within one ttl. If another process registers the same id, that one replaces it, and it is lost for good. In
    a forked child it is the parent's: not ``alive``, every use raises ``ClientClosedError``, and leaving its block
    changes nothing.
    """

    _run: View

    def __init__(
        self, view: View, reconciler: Reconciler, availability: Availability, drop: Callable[[], None]
    ) -> None:
        self._run, self._reconciler, self._drop = view, reconciler, drop
        self._availability = availability
        # One for both events, so that no handler of an earlier one runs after a handler of a later one.
        self._events: ChangeNotifier[tuple[RegistrationEvent]] = ChangeNotifier(
            view.client.background, "a registration", list, log, LIMIT
        )
        reconciler.listen(lambda event: self._events.add([(event,)]))

    @property
    def instance(self) -> ServiceInstance:
        """What is registered, or will be as soon as etcd answers."""
        return self._reconciler.goal

    @property
    def alive(self) -> bool:
        """Whether it is certainly registered: written, its lease not lost, its key not known to be gone."""
        return self._reconciler.alive

    @operation
    async def update(
        self,
        metadata: Mapping[str, Any] | None = None,
        *,
        weight: float | None = None,
        tags: Iterable[str] | None = None,
    ) -> None:
        """Change the given fields in place, under the same lease.

        Raises what etcd answers if it fails; the change is then retried in the background until it is made. Raises
        ``ClientClosedError`` if the registration has ended.
        """
        changes = {"metadata": metadata, "weight": weight, "tags": None if tags is None else as_tags(tags)}
        await self._reconciler.update(**{name: value for name, value in changes.items() if value is not None})

    @operation
    async def pause(self) -> None:
        """Keep it registered with the status ``paused``, so that views do not show it by default.

        In a format that has no status the key is removed until ``resume``, and it is not ``alive`` meanwhile.
        """
        await self._availability.want(PAUSED)

    @operation
    async def resume(self) -> None:
        """Return to the status ``up`` after ``pause``; while its health check fails it stays ``down``."""
        await self._availability.want(UP)

    @operation
    async def deregister(self, drain: float = 0) -> None:
        """Mark it as ``down``, then revoke its lease. Deletes only its own key; idempotent.

        Whoever calls it while another does returns when it is gone, too, and gets the same error if that fails.

        ``drain``: seconds between both, in which views do not show it any more, and what it does can end. Whatever ends
        the wait (a cancellation, an interrupt, another ``deregister()``, the end of the client) removes it at once.
        """
        if not is_number(drain, LONGEST):
            raise ValueError(f"drain must be a number of seconds, not {drain!r}")
        self._reconciler.check_owner()
        if drain and not self._availability.ended:
            await self._drain(drain)
        await self._leave()

    async def _drain(self, seconds: float) -> None:
        try:
            await self._mark_down()
            if not self._availability.ended:
                await self._availability.over.wait(seconds)
        except (Exception, GeneratorExit):
            raise
        except BaseException:
            self._run.client.background.spawn(self._leave, LEAVING)
            raise

    async def _mark_down(self) -> None:
        try:
            await self._availability.want(DOWN)
        except EtcdFactoryError as error:  # retried in the background, and again at the end
            log.info("%r could not be marked as leaving: %s", self, error)

    async def _leave(self) -> None:
        self._reconciler.check_owner()
        try:
            await self._reconciler.leave()
        finally:
            self._drop()
            self._events.close()

    def on(self, event: RegistrationEvent, handler: Callable[[Registration[F]], object]) -> Self:
        """Call ``handler(registration)`` when it is ``lost``, or ``restored`` after that; returns the registration.

        Handlers are called in the order of events, one after another. What one raises is logged; in asyncio it may be
        ``async``.
        """
        self._reconciler.check_owner()
        wanted = choice(event, EVENTS, "event of a registration")
        checked(handler, self._run.face)

        def call(occurred: RegistrationEvent) -> object:
            return handler(self) if occurred == wanted else None

        self._events.on(call)
        return self

    async def _exit(self, error: BaseException | None) -> None:
        """Deregister. A failure is logged, not raised: the block's own error counts, and the key expires by its ttl."""
        if self._reconciler.inherited:
            return
        try:
            await self._leave()
        except EtcdFactoryError as error:
            log.warning("%r could not be deregistered and expires by its ttl: %s", self, error)

    def __repr__(self) -> str:
        one = self.instance
        return f"<{type(self).__name__} {one.service}/{one.id} {'alive' if self.alive else 'not alive'}>"
