"""A live view of a service: its instances, and which one to use next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Literal, TypeVar, overload

from etcd_factory.compat import Self
from etcd_factory.core.arguments import count
from etcd_factory.core.bound import Guarded, Scoped, operation, untyped
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync
from etcd_factory.core.handlers import called, checked
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.errors import NoInstanceError, choice

from .balancers import Key
from .instance import ServiceInstance, Status, log
from .instances import Leave
from .mixed import Source
from .picker import Picked, Picker
from .use import Use

T = TypeVar("T")

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
        picker: Picker,
        tags: Iterable[str],
        status: Status | None,
        leave: Leave,
    ) -> None:
        self._run, self._picker = view, picker
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
        return self._picker.forget()

    def _refresh(self) -> None:
        found = self._source.instances
        chosen = tuple(one for one in found if self._status in (None, one.status) and one.has(self._tags))
        if chosen != self._instances:
            self._picker.show(chosen)
            self._instances = chosen
            self._changes.add([(chosen,)])

    @property
    def ejected(self) -> Instances:
        """The instances that are not picked now, since they failed too often (``outlier``)."""
        return self._picker.ejected

    def pick(self, key: Key = None) -> ServiceInstance:
        """Return the instance to use next; ``key`` is for ``consistent_hash``. ``NoInstanceError`` if there is none."""
        instance, _ = self._pick(key)
        return instance

    def _pick(self, key: Key) -> Picked:
        picked = self._picker.pick(key) if self.instances else None
        if picked is None:
            raise NoInstanceError(self._source.service, self._status, self._tags)
        return picked

    def use(self, key: Key = None) -> Use:
        """Pick an instance for a block: ``with view.use() as instance``, in both faces.

        It counts as used until the end of the block, from which the view learns its latency, and whether it failed: an
        ``Exception`` that leaves the block is a failure of the instance, so catch within what is not its fault.
        """
        return Use(self._picker, self._run.face, self._pick, key)

    @overload
    def call(self: ServiceView[Sync], fn: Callable[[ServiceInstance], T], attempts: int = ..., key: Key = ...) -> T: ...
    @overload
    def call(
        self: ServiceView[Async], fn: Callable[[ServiceInstance], Awaitable[T]], attempts: int = ..., key: Key = ...
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def call(
        self: ServiceView[Async], fn: Callable[[ServiceInstance], T], attempts: int = ..., key: Key = ...
    ) -> Coroutine[Any, Any, T]: ...
    @untyped
    @operation
    async def call(self, fn: Callable[[ServiceInstance], Any], attempts: int = 2, key: Key = None) -> Any:
        """Return what ``fn(instance)`` returns; in asyncio it may be ``async``.

        If it raises an ``Exception`` it is called with the next instance, never twice with the same one, until it has
        had so many ``attempts`` or no instance is left: then its last error is raised. So it must be safe to repeat.
        """
        face = self._run.face
        checked(fn, face, "what is called with an instance")
        most, tried = attempts_of(attempts), list[str]()
        picked = self._pick(key)
        while True:
            tried.append(picked[0].id)
            try:
                with Use(self._picker, face, partial(chosen, picked), key) as instance:
                    return await called(fn, face, instance)
            except Exception:
                other = self._picker.pick(key, tried) if len(tried) < most else None
                if other is None:
                    raise
                picked = other

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


def attempts_of(given: int) -> int:
    """Return a number of attempts, at least 1."""
    if count(given, "attempts"):
        return given
    raise ValueError("attempts must be at least 1")


def chosen(picked: Picked, key: Key) -> Picked:
    """Return what was picked before."""
    del key
    return picked


def latest(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Return only the last list."""
    return [*waiting][-1:]
