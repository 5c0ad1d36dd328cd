"""Checks the health of a registered instance again and again: failing, it is down; healthy again, it is back."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from etcd_factory.core.face import Sync, finish
from etcd_factory.core.ports import Runtime
from etcd_factory.errors import EtcdFactoryError

from .availability import Availability
from .checks import TIMEOUT, Check
from .instance import log


class HealthCheck:
    """The check of one instance, made until it is deregistered; the first one at once."""

    def __init__(self, runtime: Runtime, name: str, check: Check, availability: Availability) -> None:
        self._runtime, self._name = runtime, name
        self._check, self._availability = check, availability
        self._failures, self._is_healthy = 0, True

    def start(self) -> None:
        """Begin in the background."""
        self._runtime.spawn(self._run(), "etcd_factory health check")

    async def _run(self) -> None:
        while not self._availability.ended:
            await self._judge(await self._failure())
            await self._availability.over.wait(self._check.interval)

    async def _failure(self) -> BaseException | None:
        """Return what the check raises, None if the instance is healthy."""
        is_blocking = self._runtime.face is Sync
        try:
            await self._runtime.within(TIMEOUT, self._finish if is_blocking else self._probe)
        except Exception as error:
            return error
        except BaseException as error:  # a user's ``SystemExit`` ends nothing but a thread
            if not is_blocking:
                raise
            return error
        return None

    def _probe(self) -> Coroutine[Any, Any, object]:
        return self._check.probe(self._runtime)

    def _finish(self) -> object:
        return finish(self._probe())

    async def _judge(self, error: BaseException | None) -> None:
        self._failures = self._failures + 1 if error else 0
        if error is not None:
            log.debug("the health check of %s failed: %r", self._name, error)
        is_healthy = error is None or (self._is_healthy and self._failures < self._check.failures)
        if is_healthy != self._is_healthy:
            self._is_healthy = is_healthy
            self._report(error)
            await self._tell()

    def _report(self, error: BaseException | None) -> None:
        if error is None:
            log.info("the health check of %s succeeds again, it is back", self._name)
        else:
            log.warning("the health check of %s failed %d times, it is down: %r", self._name, self._failures, error)

    async def _tell(self) -> None:
        try:
            await self._availability.found(is_healthy=self._is_healthy)
        except EtcdFactoryError as error:
            log.debug("the status of %s could not be written, which is retried: %s", self._name, error)
