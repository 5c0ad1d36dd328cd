"""Waiting until something holds that others bring about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from etcd_factory.core.call.client import Client
from etcd_factory.errors import DeadlineExceededError

Met = Callable[[], bool]


class ConditionWaiters:
    """Those who wait, each for a condition of its own; ``wake`` is called whenever one may have come true."""

    def __init__(self, client: Client) -> None:
        self._io, self._guard = client.io, client.guard()
        self._waiting: dict[Any, Met] = {}
        self._error: Exception | None = None

    async def until(self, met: Met, timeout: float) -> bool:
        """Whether the condition was met in time; raises what ended all waiting."""
        with self._guard:
            if self._error is None and met():
                return True
            promise = self._io.promise()
            self._waiting[promise] = met
        try:
            error = self._error or await promise.wait(timeout)
        except DeadlineExceededError:
            return False
        finally:
            with self._guard:
                self._waiting.pop(promise, None)
        if error is not None:
            raise error
        return True

    def wake(self) -> None:
        """Let those go on whose condition is met."""
        with self._guard:
            done = [promise for promise, met in self._waiting.items() if met()]
            for promise in done:
                del self._waiting[promise]
        for promise in done:
            promise.set(None)

    def end(self, error: Exception) -> None:
        """Nothing will come true any more."""
        with self._guard:
            self._error = error
            waiting, self._waiting = list(self._waiting), {}
        for promise in waiting:
            promise.set(error)
