"""What is to be written, in order, and of which streams nothing was written yet."""

from __future__ import annotations

from .stream import Stream

PARTS = 4  # of a new stream: heads and payloads of HEADERS and DATA


class Outbox:
    """Bytes for the peer. A stream that ends before they are written can be withdrawn: the peer never hears of it."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)
        self.unwritten: dict[Stream, int] = {}  # and where its parts are; -1 if they are not PARTS in a row

    def add(self, part: bytes) -> None:
        """Add a frame."""
        self.parts.append(part)

    def take(self) -> bytes:
        """Return the bytes to write now; they count as written."""
        if self.unwritten:
            for stream in self.unwritten:
                stream.is_written = True
            self.unwritten.clear()
        data = b"".join(self.parts)
        self.parts.clear()
        return data

    def withdraw(self, stream: Stream) -> int | None:
        """Take a stream back that was not written; returns the bytes of its data, None if it will be written."""
        at = self.unwritten.pop(stream, -1)
        if at < 0:
            stream.is_written = True
            return None
        size = len(self.parts[at + PARTS - 1])
        self.parts[at : at + PARTS] = [b""] * PARTS
        return size

    def split(self, stream: Stream) -> None:
        """Note that more of a stream was added, so that it cannot be withdrawn."""
        if stream in self.unwritten:
            self.unwritten[stream] = -1

    def clear(self) -> None:
        """Write nothing of all that."""
        self.parts.clear()
        self.unwritten.clear()
