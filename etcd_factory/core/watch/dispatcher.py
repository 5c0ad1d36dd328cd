"""Calls the handlers of all watches of a blocking client on few threads.

One thread calls them for all. While a handler blocks and other watches wait, another thread begins every ``PATIENCE``
seconds in which none of them had its turn: a handler delays others by that time at most, and never for ever. The
handlers of one watch are called one after another.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Protocol

from etcd_factory.core.background import Closing
from etcd_factory.core.call.client import Client
from etcd_factory.core.ports import Mailbox

PATIENCE = 0.05  # seconds in which no watch had its turn, after which another thread begins
LINGER = 5.0  # seconds without a call after which a thread ends
ENOUGH = 1 << 30  # more than there are watches: each is queued once


class Turn(Enum):
    """Whether a watch has something to call its handlers for."""

    NONE = "none"
    QUEUED = "queued"
    TAKEN = "taken"
    AGAIN = "taken, and something came meanwhile"


class Dispatched(Protocol):
    """A watch with handlers."""

    turn: Turn

    async def dispatch(self) -> None:
        """Call the handlers for what waits; what they raise is logged."""


class Dispatcher:
    """The threads that call handlers, and the watches that wait for one."""

    closing: ClassVar = Closing.NOTIFIERS

    def __init__(self, client: Client) -> None:
        self._runtime = client.runtime
        self._lock = self._runtime.lock()
        self._queue: Mailbox[Dispatched] = self._runtime.mailbox(ENOUGH)
        self._waiting = self._threads = self._idle = 0
        self._taken = 0  # how many turns there were
        self._relieves = False

    def schedule(self, watch: Dispatched) -> None:
        """Let the watch have a turn: something waits for its handlers."""
        with self._lock:
            if watch.turn is Turn.NONE:
                self._put(watch)
            elif watch.turn is Turn.TAKEN:
                watch.turn = Turn.AGAIN

    def _put(self, watch: Dispatched) -> None:
        watch.turn = Turn.QUEUED
        if not self._queue.put(watch):  # closed: no handler is called any more
            return
        self._waiting += 1
        if not self._threads:
            self._begin()
        elif self._waiting > self._idle and not self._relieves:
            self._relieves = True
            self._runtime.spawn(self._relieve(), "etcd_factory handlers")

    def _begin(self) -> None:
        self._threads += 1
        self._runtime.spawn(self._run(), "etcd_factory handlers")

    async def _relieve(self) -> None:
        """Begin another thread whenever no watch had its turn for a while, until none waits."""
        while True:
            taken = self._taken
            await self._runtime.sleep(PATIENCE)
            with self._lock:
                if not self._waiting:
                    self._relieves = False
                    return
                if self._taken == taken:
                    self._begin()

    async def _run(self) -> None:
        while (watch := await self._take()) is not None:
            try:
                await watch.dispatch()
            finally:
                self._release(watch)

    async def _take(self) -> Dispatched | None:
        """Return the next watch that waits; None if this thread is to end."""
        while True:
            with self._lock:
                self._idle += 1
            watch = await self._queue.get(LINGER)
            with self._lock:
                self._idle -= 1
                if watch is not None:
                    self._waiting, self._taken, watch.turn = self._waiting - 1, self._taken + 1, Turn.TAKEN
                    return watch
                if not self._waiting:
                    self._threads -= 1
                    return None

    def _release(self, watch: Dispatched) -> None:
        with self._lock:
            again, watch.turn = watch.turn is Turn.AGAIN, Turn.NONE
            if again:
                self._put(watch)

    async def close(self) -> None:
        """Call the handlers for what waits now, and for nothing more; does not wait for it."""
        self._queue.close()
