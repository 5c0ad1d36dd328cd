"""A live view of a service: who its instances are, and which one to use next."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

from typing_extensions import Self

from etcd_factory.core.bound import Scoped, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.errors import NoInstanceError, suggestion

from .balancers import Balancer
from .instance import ServiceInstance, log
from .instances import Leave, ServiceInstances

MOST = 1_000  # lists that wait to be told


class ServiceView(Scoped[F]):
    """The instances of one service, always current; while etcd is away, the last good list.

    ``close()`` it, or use it as a context manager.
    """

    _run: View

    def __init__(
        self,
        view: View,
        source: ServiceInstances[F],
        balancer: Balancer,
        tags: Iterable[str],
        status: str | None,
        leave: Leave,
    ) -> None:
        self._run, self._balancer = view, balancer
        self._source: ServiceInstances[F] = source
        self._tags, self._status = frozenset(tags), status
        self._leave: Leave | None = leave
        self._changes = ChangeNotifier(view.client.background, "'change' of a service", latest, log, MOST)
        self.instances: tuple[ServiceInstance, ...] = ()
        source.listen(self._refresh)

    def _refresh(self) -> None:
        found = self._source.instances
        chosen = tuple(one for one in found if self._status in (None, one.status) and one.has(self._tags))
        if chosen != self.instances:
            self.instances = chosen
            self._changes.add([(chosen,)])

    def pick(self, key: str | bytes | None = None) -> ServiceInstance:
        """The instance to use next; ``consistent_hash`` goes by ``key``. ``NoInstanceError`` if there is none."""
        instances = self.instances
        if not instances:
            raise NoInstanceError(self._source.service, self._status, self._tags)
        return self._balancer.pick(instances, key)

    @contextmanager
    def use(self, key: str | bytes | None = None) -> Generator[ServiceInstance, None, None]:
        """The same, counted as in use until the end of the block: ``least_connections`` goes by that."""
        instance = self.pick(key)
        self._balancer.used(instance, 1)
        try:
            yield instance
        finally:
            self._balancer.used(instance, -1)

    def on(self, event: str, handler: Callable[[tuple[ServiceInstance, ...]], Any]) -> Self:
        """Call ``handler(instances)`` with the whole new list at each ``change`` from now on; gives the view.

        One call after another; where lists come faster than a function takes them, it gets the last one. What it raises
        is logged; in asyncio it may be ``async``.
        """
        if event != "change":
            raise ValueError(f"a view has no event {event!r}{suggestion(str(event), ['change'])}; it has: change")
        self._changes.on(handler)
        return self

    def tell(self) -> None:
        """Tell the list as it is now, if there are any."""
        if self.instances:
            self._changes.add([(self.instances,)])

    @operation
    async def close(self) -> None:
        """Follow no more; the last list stays. Twice is fine."""
        await self._close()

    async def _close(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            self._changes.close()
            self._source.ignore(self._refresh)
            await leave()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._source.service!r}, instances: {len(self.instances)}>"

    async def _exit(self, error: BaseException | None) -> None:
        del error
        await self._close()


def latest(waiting: Iterable[tuple[Any]]) -> list[tuple[Any]]:
    """Only the last list."""
    return [*waiting][-1:]
