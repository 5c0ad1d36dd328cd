"""One stream of a connection: what the protocol knows of it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .frames import WINDOW
from .headers import Fields

FORGOTTEN = 1_000  # streams that ended here are remembered one by one, at most


class Stream(ABC):
    """A request and its response. Subclasses take what arrives.

    The hooks return whether there is something for whoever waits; they must not wait themselves. The values here are
    those of a new stream: setting them again for each one would cost more than the rest of its creation.
    """

    id = 0  # until it is opened
    is_open = is_written = sent_end = False
    window = WINDOW  # bytes that the peer accepts
    outbox: bytes | bytearray = b""  # what it does not accept yet
    read_window = 0  # bytes that it may send
    unread = 0  # bytes that were taken, and are not given back to that window yet; less than 0: it got them in advance
    wanted = 0  # bytes that the message under way lacks
    refill = True  # the window at once; else by ``Connection.taken``

    @abstractmethod
    def on_headers(self, fields: Fields, end: bool) -> bool:
        """Take headers or trailers; with ``end`` nothing follows."""

    @abstractmethod
    def on_data(self, data: bytes, end: bool) -> bool:
        """Take bytes; with ``end`` nothing follows."""

    @abstractmethod
    def on_reset(self, code: int) -> bool:
        """Take the peer's end of the stream."""

    @abstractmethod
    def on_broken(self, reason: str) -> bool:
        """Take the end of the stream after the peer broke one of its rules."""

    @abstractmethod
    def on_lost(self, reason: str, refused: bool) -> bool:
        """Take the end of the connection, or ``refused``: the peer has certainly not processed it."""


class Abandoned:
    """Streams that ended here. The peer may not know it yet: its frames for them are not errors."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._before = 0  # all up to this one: they are too many to tell which

    def add(self, id: int) -> None:  # noqa: A002
        """Remember one."""
        self._ids.add(id)
        if len(self._ids) > FORGOTTEN:
            self._before = max(self._ids)
            self._ids.clear()

    def __contains__(self, id: int) -> bool:  # noqa: A002
        return id in self._ids or id <= self._before
