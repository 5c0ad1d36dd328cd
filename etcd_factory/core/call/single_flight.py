"""Single flight: one of several callers does the work, the others wait for its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from attrs import define

from etcd_factory.core.face import Completed
from etcd_factory.core.ports import Promise, Runtime

T = TypeVar("T")


@define(eq=False)
class Flight:
    """One that is under way; it has a promise once somebody waits for it.

    It ends with a value, an error, or neither where its caller was cancelled.
    """

    landed: Promise[Flight] | None = None
    done: bool = False
    value: Any = None
    error: Exception | None = None


class SingleFlight:
    """Flights by key: whoever asks while one is under way gets its result, or its error."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = runtime.lock()
        self._flights: dict[Hashable, Flight] = {}

    def forget(self) -> object:
        """Start without flights in a forked child, where nobody is left to land them."""
        left = self._lock, self._flights
        self._lock, self._flights = self._runtime.lock(), {}
        return left

    async def run(self, key: Hashable, body: Callable[[], Awaitable[T]], timeout: float | None = None) -> T:
        """Return what ``body`` returns, run by one caller for all. A caller that is cancelled hands over to another.

        Raises ``DeadlineExceededError`` in a caller that has waited ``timeout`` seconds.
        """
        while True:
            mine = Flight()
            try:
                landed = self._board(key, mine)
                if landed is None:
                    mine.value = value = await body()
                    mine.done = True
                    return value
            except Exception as error:
                mine.error = error
                raise
            finally:
                self._land(key, mine)
            other = await landed.wait(timeout)
            if other.error is not None:
                raise other.error
            if other.done:
                found: T = other.value
                return found

    async def join(self, key: Hashable, timeout: float | None = None) -> None:
        """Wait until no flight of this key is under way; raises what it raised."""
        await self.run(key, Completed, timeout)

    def _board(self, key: Hashable, mine: Flight) -> Promise[Flight] | None:
        """Return what to wait for; None if the caller's own flight begins."""
        with self._lock:
            flight = self._flights.setdefault(key, mine)
            if flight is mine:
                return None
            flight.landed = flight.landed or self._runtime.promise()
            return flight.landed

    def _land(self, key: Hashable, mine: Flight) -> None:
        """End the caller's own flight, if it has begun: also where an interrupt came just before its body."""
        if self._flights.get(key) is mine:
            with self._lock:
                self._flights.pop(key, None)
            landed, mine.landed = mine.landed, None  # no cycle: its memory is free at once
            if landed is not None:
                landed.set(mine)
