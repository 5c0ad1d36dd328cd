"""Flow control (RFC 9113, 5.2): windows of the connection and of each stream, which bound the bytes under way."""

from __future__ import annotations

from collections.abc import Iterable

from . import frames
from .frames import (
    DATA,
    END_STREAM,
    FRAME_SIZE,
    HEAD,
    LARGEST_WINDOW,
    WINDOW,
    ErrorCode,
    ProtocolError,
    StreamError,
)
from .outbox import Outbox
from .stream import Stream

STREAM_WINDOW = 4 << 20  # bytes that wait unread in one stream at most
CONNECTION_WINDOW = 16 << 20  # more than a stream's, so that one that is not read does not stop the others
HALF_STREAM, HALF_CONNECTION = STREAM_WINDOW // 2, CONNECTION_WINDOW // 2  # when windows are opened again


class Outflow:
    """Sends what the peer's windows allow, and keeps the rest in the outboxes of the streams."""

    def __init__(self, out: Outbox) -> None:
        self._out = out
        self.window, self.initial, self.frame_size = WINDOW, WINDOW, FRAME_SIZE
        self._blocked: dict[int, Stream] = {}  # streams with an outbox, in turn

    def send(self, stream: Stream, data: bytes, end: bool) -> None:
        """Send bytes of a stream; ``end`` after the last ones."""
        stream.sent_end = end
        if not (data or stream.outbox):  # an empty frame needs no window
            self._out.add(frames.frame(DATA, END_STREAM if end else 0, stream.id))
            return
        stream.outbox = stream.outbox or bytearray()
        stream.outbox += data
        self._blocked[stream.id] = stream
        self.pump()

    def drop(self, stream: Stream) -> None:
        """Send no more of a stream."""
        stream.outbox = b""
        self._blocked.pop(stream.id, None)

    def pump(self) -> bool:
        """Send what the windows allow, a frame of each stream in turn; returns whether that was something."""
        before = self.window
        while self.window > 0:
            turn = [stream for stream in self._blocked.values() if stream.window > 0]
            if not turn:
                break
            for stream in turn:
                self._send_frame(stream)
        return self.window < before

    def _send_frame(self, stream: Stream) -> None:
        """Send one frame. What is left of the stream waits behind the others."""
        size = min(len(stream.outbox), stream.window, self.window, self.frame_size)
        if not size:
            return
        del self._blocked[stream.id]
        last = size == len(stream.outbox)
        self._out.parts += HEAD.pack(size << 8 | DATA, last and stream.sent_end, stream.id), bytes(stream.outbox[:size])
        stream.window -= size
        self.window -= size
        if last:
            stream.outbox = b""
        else:
            del stream.outbox[:size]  # type: ignore[union-attr]
            self._blocked[stream.id] = stream

    def opened(self, size: int, stream: Stream | None) -> bool:
        """Accept a larger window, of a stream or of the connection; returns whether it let something out."""
        where = stream or self
        where.window += size
        if where.window > LARGEST_WINDOW:
            error = ProtocolError if stream is None else StreamError
            raise error("a window is opened too far", ErrorCode.FLOW_CONTROL_ERROR)
        return self.pump()

    def regain(self, size: int) -> None:
        """Have bytes of the connection's window back that were not written."""
        self.window += size
        self.pump()

    def set_initial(self, size: int, streams: Iterable[Stream]) -> None:
        """Accept another window for streams to begin with; those of open ones change too, and may become negative."""
        change, self.initial = size - self.initial, size
        for stream in streams:
            stream.window += change
            if stream.window > LARGEST_WINDOW:
                raise ProtocolError("a window is opened too far", ErrorCode.FLOW_CONTROL_ERROR)
        self.pump()


class Inflow:
    """Opens our windows for the peer again: the connection's at once, a stream's by what was taken from it."""

    def __init__(self, out: Outbox) -> None:
        self._out = out
        self.unread = 0  # bytes of the connection that are not given back yet

    def reopen(self) -> None:
        """Give the connection's window back."""
        self._out.add(frames.window_update(0, self.unread))
        self.unread = 0

    def refill(self, stream: Stream) -> None:
        """Open a stream's window that is less than half open.

        The message under way may be larger than the window, and nobody can take a part of it: it gets its bytes in
        advance, else it would never be complete.
        """
        if stream.refill:
            self._open(stream, STREAM_WINDOW - stream.read_window)
        elif stream.read_window < min(stream.wanted, HALF_STREAM):
            self.give_back(stream, min(stream.wanted, STREAM_WINDOW) - stream.read_window)

    def taken(self, stream: Stream, size: int) -> None:
        """Count what was taken from a stream, and give it back together."""
        stream.unread += size
        if stream.is_open and stream.unread >= HALF_STREAM:
            self.give_back(stream, stream.unread)

    def give_back(self, stream: Stream, size: int) -> None:
        """Let the peer send so much more of a stream."""
        stream.unread -= size
        self._open(stream, size)

    def _open(self, stream: Stream, size: int) -> None:
        stream.read_window += size
        self._out.add(frames.window_update(stream.id, size))
