"""Flow control of what is sent: windows of the connection and of each stream, which bound the bytes under way."""

from __future__ import annotations

from .frames import (
    DATA,
    END_STREAM,
    FRAME_SIZE,
    HEAD,
    LARGEST_FRAME_SIZE,
    LARGEST_WINDOW,
    WINDOW,
    ErrorCode,
    ProtocolError,
    StreamError,
)
from .stream import Stream


class Outflow:
    """Sends what the windows allow, and keeps the rest in the outboxes of the streams."""

    def __init__(self, out: list[bytes]) -> None:
        self._out = out
        self.window, self.initial, self.frame_size = WINDOW, WINDOW, FRAME_SIZE
        self._blocked: dict[int, Stream] = {}  # streams with an outbox, in turn

    def send(self, stream: Stream, data: bytes, end: bool) -> None:
        """Send bytes of a stream; ``end`` after the last ones."""
        stream.sent_end = end
        stream.outbox += data
        self._blocked[stream.id] = stream
        self.pump()

    def drop(self, stream: Stream) -> None:
        """Send no more of a stream."""
        stream.outbox.clear()
        self._blocked.pop(stream.id, None)

    def pump(self) -> None:
        """Send what the windows allow, a frame of each stream in turn."""
        turn = list(self._blocked.values())
        while turn and self.window > 0:
            turn = [stream for stream in turn if self._send_frame(stream)]

    def _send_frame(self, stream: Stream) -> bool:
        """Send one frame; returns whether there may be more."""
        size = max(0, min(len(stream.outbox), stream.window, self.window, self.frame_size))
        last = size == len(stream.outbox)
        if not (size or last):
            return False
        flags = END_STREAM if last and stream.sent_end else 0
        self._out += HEAD.pack(size << 8 | DATA, flags, stream.id), bytes(stream.outbox[:size])
        del stream.outbox[:size]
        stream.window -= size
        self.window -= size
        if last:
            del self._blocked[stream.id]
        return not last

    def opened(self, size: int, stream: Stream | None) -> None:
        """The peer accepts more bytes, of a stream or of the connection."""
        where = stream or self
        where.window += size
        if where.window > LARGEST_WINDOW:
            error = ProtocolError if stream is None else StreamError
            raise error("a window is opened too far", ErrorCode.FLOW_CONTROL_ERROR)
        self.pump()

    def set_initial(self, size: int, streams: dict[int, Stream]) -> None:
        """The peer has changed the window that streams begin with; those of open ones may become negative."""
        if size > LARGEST_WINDOW:
            raise ProtocolError("an initial window is too large", ErrorCode.FLOW_CONTROL_ERROR)
        change, self.initial = size - self.initial, size
        for stream in streams.values():
            stream.window += change
            if stream.window > LARGEST_WINDOW:
                raise ProtocolError("a window is opened too far", ErrorCode.FLOW_CONTROL_ERROR)
        self.pump()

    def set_frame_size(self, size: int) -> None:
        """The peer has changed the size of the frames that it accepts."""
        if not FRAME_SIZE <= size <= LARGEST_FRAME_SIZE:
            raise ProtocolError(f"a frame size of {size} is not allowed")
        self.frame_size = size
