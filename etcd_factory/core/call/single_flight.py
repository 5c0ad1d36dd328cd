"""One of several callers does a thing, the others wait for what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any

from etcd_factory.core.ports import Promise

Guard = AbstractContextManager[Any]  # a lock held only over code that does not wait serves threads and tasks alike


class SingleFlight:
    """Single flight by key: all who ask while one runs get its result, or its error."""

    def __init__(self, promise: Callable[[], Promise[Any]], guard: Callable[[], Guard]) -> None:
        self._promise, self._new_guard = promise, guard
        self._guard = guard()
        self._running: dict[Hashable, Promise[Any]] = {}

    def forget(self) -> Any:
        """Start afresh in a forked child, where nobody is left to end what runs."""
        left = self._guard, self._running
        self._guard, self._running = self._new_guard(), {}
        return left

    async def once(self, key: Hashable, body: Callable[[], Awaitable[Any]], timeout: float | None = None) -> Any:
        """What ``body`` gives, run by one caller for all. One that is cancelled hands over to another.

        Raises ``DeadlineExceededError`` for one who has waited ``timeout`` seconds.
        """
        while True:
            with self._guard:
                running = self._running.get(key)
                mine = self._running[key] = running or self._promise()
            if running is None:
                return await self._lead(key, mine, body)
            done, value, error = await running.wait(timeout)
            if error is not None:
                raise error
            if done:
                return value

    async def _lead(self, key: Hashable, promise: Promise[Any], body: Callable[[], Awaitable[Any]]) -> Any:
        outcome: tuple[bool, Any, Exception | None] = (False, None, None)
        try:
            value = await body()
            outcome = (True, value, None)
            return value
        except Exception as error:
            outcome = (True, None, error)
            raise
        finally:
            with self._guard:
                self._running.pop(key, None)
            promise.set(outcome)
