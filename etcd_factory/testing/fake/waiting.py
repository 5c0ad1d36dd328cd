"""How a caller of either face waits until another thread or task changes something."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from etcd_factory.core.face import Async, Face
from etcd_factory.io.runtime import threads
from etcd_factory.io.runtime.asyncio import Signal


class ThreadWaiter:
    """Lets one thread wait."""

    def __init__(self) -> None:
        self._signal = threads.Signal()

    def wake(self) -> None:
        """End the wait; from any thread."""
        self._signal.set()

    async def wait(self, timeout: float | None = None) -> bool:
        """Return whether it was woken in time."""
        return await self._signal.wait(timeout)


class TaskWaiter:
    """Lets one task of the running event loop wait."""

    def __init__(self) -> None:
        self._loop, self._signal = asyncio.get_running_loop(), Signal()

    def wake(self) -> None:
        """End the wait; from any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._signal.set)

    async def wait(self, timeout: float | None = None) -> bool:
        """Return whether it was woken in time."""
        return await self._signal.wait(timeout)


Waiter = ThreadWaiter | TaskWaiter


def waiter(face: Face) -> Waiter:
    """Return what a caller of this face waits with."""
    return TaskWaiter() if face is Async else ThreadWaiter()


async def yield_to_others(face: Face) -> None:
    """Let other tasks run, as a call over a network does: a loop of calls must not hold up the event loop."""
    if face is Async:
        await asyncio.sleep(0)
