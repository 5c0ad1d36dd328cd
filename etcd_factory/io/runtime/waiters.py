"""Waiting in a thread so that an interrupt (Ctrl-C) leaves nothing behind.

An interrupt is raised after any call of the main thread. In ``threading.Condition``, and so in events and futures, one
that comes just after its lock was taken leaves that held, and every other thread waits for ever. Here no lock is held.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol


class Seat(Protocol):
    """Waits in its own way."""

    is_filled: bool

    def put(self, item: None) -> None:
        """Wake it."""

    def get(self, timeout: float | None = None) -> None:
        """Wait until it is woken or filled. Raises ``queue.Empty`` after ``timeout`` seconds."""


class Waiters:
    """The threads that wait for a change of something."""

    __slots__ = ("_queues",)

    def __init__(self) -> None:
        self._queues: set[SimpleQueue[None] | Seat] = set()

    def wake(self) -> None:
        """Let all look again."""
        for queue in self._queues.copy():  # at once: others come and go meanwhile
            queue.put(None)

    def wait(self, is_done: Callable[[], object], timeout: float | None = None, seat: Seat | None = None) -> bool:
        """Return whether ``is_done()`` became true in time; it is called again after each ``wake()``.

        A ``seat`` waits in its own way.
        """
        if is_done():
            return True
        if timeout is not None and timeout <= 0:
            return False
        end = None if timeout is None else time.monotonic() + timeout
        queue: SimpleQueue[None] | Seat = seat or SimpleQueue()
        self._queues.add(queue)
        try:
            while not is_done():
                queue.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
        except Empty:
            return bool(is_done())
        finally:
            self._queues.discard(queue)
        return True


class Bell:
    """Rung once, heard by all who wait and who come later: a byte that nobody reads, in a pipe that all look at.

    The kernel wakes them all in one call; an interrupt takes nothing from the others. It needs ``select.poll``.
    """

    __slots__ = ("_read", "_write")

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write

    def ring(self) -> None:
        """Wake all."""
        os.write(self._write, b"!")

    def wait(self) -> bool:
        """Return True once it was rung."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        return bool(poll.poll())

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self._read)
        close(self._write)
