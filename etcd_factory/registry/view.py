"""A live view of a service: its instances, and which one to use next."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Literal

from etcd_factory.compat import Self
from etcd_factory.core.bound import Guarded, Scoped, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.errors import NoInstanceError, choice

from .balancers import Balancer
from .instance import ServiceInstance, Status, log
from .instances import Leave
from .mixed import Source

EVENTS = ("change",)
LIMIT = 1_000  # lists that may wait for a handler

Instances = tuple[ServiceInstance, ...]
Waiting = tuple[Instances]  # the arguments of a handler


class ServiceView(Guarded, Scoped[F]):
    """The instances of one service, always current; while etcd is unreachable, the last good list.

    ``close()`` the view, or use it as a context manager.

    In a forked child it begins again when it is read there first, or ``on`` is called: in the blocking face before that
    returns, in asyncio in the background. From then on its handlers are called in the child too.
    """

    _run: View

    def __init__(
        self,
        view: View,
        source: Source[F],
        balancer: Balancer,
        tags: Iterable[str],
        status: Status | None,
        leave: Leave,
    ) -> None:
        self._run, self._balancer = view, balancer
        self._source: Source[F] = source
        self._tags, self._status = frozenset(tags), status
        self._leave: Leave | None = leave
        self._changes: ChangeNotifier[Waiting] = ChangeNotifier(
            view.client.background, "'change' of a service", latest, log, LIMIT
        )
        self._instances: Instances = ()
        source.listen(self._refresh)
        view.client.background.register(self)

    @property
    def instances(self) -> Instances:
        """The instances, sorted by id."""
        if self._source.inherited:
            self._source.renew()
        return self._instances

    def forget(self) -> object:
        """Renew in a forked child what its other threads may have held."""
        return self._balancer.forget()

    def _refresh(self) -> None:
        found = self._source.instances
        chosen = tuple(one for one in found if self._status in (None, one.status) and one.has(self._tags))
        if chosen != self._instances:
            self._instances = chosen
            self._changes.add([(chosen,)])

    def pick(self, key: str | bytes | None = None) -> ServiceInstance:
        """Return the instance to use next; ``key`` is for ``consistent_hash``. ``NoInstanceError`` if there is none."""
        instances = self.instances
        if not instances:
            raise NoInstanceError(self._source.service, self._status, self._tags)
        return self._balancer.pick(instances, key)

    @contextmanager
    def use(self, key: str | bytes | None = None) -> Generator[ServiceInstance, None, None]:
        """Pick an instance, and count it as used until the end of the block, for ``least_connections``."""
        instance = self.pick(key)
        self._balancer.used(instance, 1)
        try:
            yield instance
        finally:
            self._balancer.used(instance, -1)

    def on(self, event: Literal["change"], handler: Callable[[Instances], object]) -> Self:
        """Call ``handler(instances)`` with the complete list at each ``change`` from now on; returns the view.

        One call after another; if lists come faster than the handler returns, it may get only the last one. What it
        raises is logged; in asyncio it may be ``async``.
        """
        choice(event, EVENTS, "event of a view")
        if self._source.inherited:
            self._source.renew()
        self._changes.on(handler)
        self._source.keep()
        return self

    def notify(self) -> None:
        """Call the handlers with the present list, unless it is empty."""
        if self._instances:
            self._changes.add([(self._instances,)])

    @operation
    async def close(self) -> None:
        """Stop following the service; the last list stays. Idempotent."""
        await self._close()

    async def _close(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            self._changes.close()
            self._source.ignore(self._refresh)
            await leave()

    async def _exit(self, error: BaseException | None) -> None:
        del error
        await self._close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._source.service!r}, instances: {len(self._instances)}>"


def latest(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Return only the last list."""
    return [*waiting][-1:]
