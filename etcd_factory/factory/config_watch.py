"""Watching the sources of a factory's configuration, so that it is reloaded when they change."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from weakref import WeakMethod

from etcd_factory.core.handlers import Handler, call_handler
from etcd_factory.core.ports import Runtime, Task
from etcd_factory.errors import ClientClosedError

from .recipe import Recipe
from .reloaded import Reloaded

log = logging.getLogger("etcd_factory.factory")

SETTLE = 0.5  # seconds that the sources must not have changed before they are read: one may be half written
CLOSE = 5.0  # seconds that ending it may take

Reload = Callable[[], Awaitable[Reloaded]]


class ConfigWatch:
    """Looks at the sources every ``interval`` seconds, and reloads at the start and whenever they have changed.

    Looking is ``stat`` only. What cannot be loaded is logged once, and tried again at the next change. A factory that
    is dropped without being closed ends it.
    """

    def __init__(
        self, runtime: Runtime, recipe: Recipe, reload: Reload, interval: float, handler: Handler | None
    ) -> None:
        self._runtime, self._recipe, self._reload = runtime, recipe, WeakMethod(reload)
        self.interval, self.handler = interval, handler
        self._over = runtime.signal()
        self._problem = ""
        self._task: Task | None = None

    def begin(self) -> None:
        """Begin to look."""
        self._task = self._runtime.spawn(self._run(), "etcd_factory configuration files")

    def stop(self) -> None:
        """Look no more; a reload that has begun is completed."""
        self._over.set()

    async def end(self) -> None:
        """Look no more, and wait until that is so."""
        self.stop()
        if self._task is not None:
            await self._task.join(CLOSE)

    async def _run(self) -> None:
        seen: list[object] | None = None
        while not self._over.is_set() and self._reload() is not None:
            now = await self._look()
            if now == seen:
                await self._over.wait(self.interval)
            elif seen is None or await self._is_settled(now):
                seen = now
                await self._take()

    async def _look(self) -> list[object]:
        try:
            return await self._runtime.aside(self._recipe.stamps)
        except Exception as error:  # of a layer that a user's object has
            return [repr(error)]

    async def _is_settled(self, seen: list[object]) -> bool:
        return not await self._over.wait(min(self.interval, SETTLE)) and await self._look() == seen

    async def _take(self) -> None:
        """Reload; nothing that a source has ends the task."""
        reload = self._reload()
        if reload is None:
            return
        try:
            reloaded = await reload()
        except ClientClosedError:
            self.stop()
        except Exception as error:
            self._report(error)
        else:
            self._problem = ""
            await self._notify(reloaded)

    def _report(self, error: Exception) -> None:
        if str(error) != self._problem:
            log.error("keeping the configuration of the clients, the new one cannot be used: %s", error)
        self._problem = str(error)

    async def _notify(self, reloaded: Reloaded) -> None:
        if reloaded and self.handler is not None:
            await call_handler(self._runtime.face, log, "a reload of the configuration", self.handler, reloaded)
