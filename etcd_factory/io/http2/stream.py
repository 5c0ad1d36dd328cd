"""One stream of a connection: what the protocol knows of it."""

from __future__ import annotations

from .frames import WINDOW
from .headers import Fields


class Stream:
    """A request and its response. Subclasses take what arrives.

    The hooks return whether there is something for whoever waits; they must not wait themselves.
    """

    __slots__ = ("id", "is_open", "is_written", "outbox", "read_window", "refill", "sent_end", "unread", "window")

    def __init__(self) -> None:
        self.id = 0  # until it is opened
        self.is_open = self.is_written = self.sent_end = False
        self.window = WINDOW  # bytes that the peer accepts
        self.outbox = bytearray()  # what it does not accept yet
        self.read_window = 0  # bytes that it may send
        self.unread = 0  # bytes that it has sent, and that are not given back to the window yet
        self.refill = True  # at once; else by ``Connection.taken``

    def on_headers(self, fields: Fields, end: bool) -> bool:
        """Take headers or trailers; with ``end`` nothing follows."""
        raise NotImplementedError

    def on_data(self, data: bytes, end: bool) -> bool:
        """Take bytes; with ``end`` nothing follows."""
        raise NotImplementedError

    def on_reset(self, code: int) -> bool:
        """Take the peer's end of the stream."""
        raise NotImplementedError

    def on_lost(self, reason: str, refused: bool) -> bool:
        """Take the end of the connection, or ``refused``: the peer has certainly not processed it."""
        raise NotImplementedError
