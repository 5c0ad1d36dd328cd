"""Who of the threads that share a connection writes: the first that comes, for all who come meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep

from .channel import Channel
from .connection import Connection

PAUSE = 0.05  # seconds: whoever waits for the socket to accept bytes looks again after it
MOMENT = PAUSE / 50  # seconds: whoever waits for another thread to end its writing looks again after it


class Writer:
    """Writes what a connection has to send. Ends nothing: it raises, and its ``Line`` acts.

    It knows no line: the two would be a cycle, and a line that is dropped would wait for the garbage collector.
    """

    __slots__ = ("_channel", "_lock", "_machine", "_patience", "current")

    def __init__(self, channel: Channel, machine: Connection, lock: threading.Lock, patience: float) -> None:
        self._channel, self._machine = channel, machine
        self._lock = lock  # the line's: to be the writer and to take the bytes is one step
        self._patience = patience
        self.current: object | None = None  # what the thread that writes made for this, not the thread: see begin()

    def begin(self, writer: object) -> bytes | None:
        """Be the writer, and take the bytes to write; None if another one writes.

        An interrupt may come before this returns: the caller still has ``writer``, and ends what began or did not.
        """
        with self._lock:
            if self.current is not None:
                return None
            self.current = writer
            return self._machine.take()

    def end(self, writer: object) -> bool:
        """Be the writer no more; returns whether it was."""
        if self.current is not writer:
            return False
        self.current = None
        return True

    def write(self, data: bytes, drain: Callable[[], None]) -> None:
        """Send this whole; ``drain`` reads what arrives while the peer does not read."""
        sent = self._channel.send(data)
        start = monotonic()
        while not sent:  # the peer may be stuck in sending to us
            if self._channel.wait(PAUSE, write=True):
                drain()
            sent = self._channel.flush()
            if self._machine.is_closed or monotonic() - start > self._patience:
                raise TimeoutError("the server accepts no more bytes")

    def write_last(self, writer: object, data: bytes) -> None:
        """Send this as far as the socket takes it; another thread that writes is waited for. The caller ends it."""
        end = monotonic() + PAUSE
        while self.begin(writer) is None:
            if monotonic() > end:
                return
            sleep(MOMENT)
        self._channel.send(data)
