"""Waiting until a condition holds that others bring about."""

from __future__ import annotations

from collections.abc import Callable

from etcd_factory.core.ports import Promise, Runtime
from etcd_factory.errors import DeadlineExceededError, copied

Condition = Callable[[], bool]
Outcome = Promise[Exception | None]


class ConditionWaiters:
    """Callers that wait, each for a condition of its own; ``wake`` is called whenever one may have become true."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._lock = runtime, runtime.lock()
        self._waiting: dict[Outcome, Condition] = {}
        self._error: Exception | None = None

    def forget(self) -> None:
        """Start without callers in a forked child."""
        self._lock, self._waiting = self._runtime.lock(), {}

    async def until(self, condition: Condition, timeout: float) -> bool:
        """Return whether the condition became true in time; raises the error that ended all waiting."""
        with self._lock:
            if self._error is None and condition():
                return True
            outcome: Outcome = self._runtime.promise()
            self._waiting[outcome] = condition
        try:
            error = self._error or await outcome.wait(timeout)
        except DeadlineExceededError:
            return False
        finally:
            with self._lock:
                self._waiting.pop(outcome, None)
        if error is not None:
            raise copied(error)  # others raise it too
        return True

    def wake(self) -> None:
        """Let those continue whose condition holds."""
        with self._lock:
            done = [outcome for outcome, condition in self._waiting.items() if condition()]
            for outcome in done:
                del self._waiting[outcome]
        for outcome in done:
            outcome.set(None)

    def end(self, error: Exception) -> None:
        """Raise the error in all who wait, now and later."""
        with self._lock:
            self._error = error
            waiting, self._waiting = list(self._waiting), {}
        for outcome in waiting:
            outcome.set(error)
