"""What the payloads of frames mean, and which are not allowed (RFC 9113, 6)."""

from __future__ import annotations

from .frames import (
    ACK,
    FRAME_SIZE,
    LARGEST_FRAME_SIZE,
    LARGEST_WINDOW,
    LAST_STREAM,
    PADDED,
    PRIORITIZED,
    U16_U32,
    U32,
    U32_U32,
    ErrorCode,
    ProtocolError,
    Setting,
    StreamError,
    code_name,
)
from .headers import LIST_SIZE

PRIORITY_SIZE = 5
BLOCK_FRAMES = 64  # of a header block
SHOWN = 128  # bytes of a peer's own words
QUESTION = b"etcdping"  # of our PINGs

# What the peer may set, and the error that says otherwise (RFC 9113, 6.5.2)
BOUNDS: dict[int, tuple[int, int, ErrorCode]] = {
    Setting.ENABLE_PUSH: (0, 0, ErrorCode.PROTOCOL_ERROR),
    Setting.INITIAL_WINDOW_SIZE: (0, LARGEST_WINDOW, ErrorCode.FLOW_CONTROL_ERROR),
    Setting.MAX_FRAME_SIZE: (FRAME_SIZE, LARGEST_FRAME_SIZE, ErrorCode.PROTOCOL_ERROR),
}


def check_size(what: str, fits: bool) -> None:
    """Raise if a frame has the wrong length."""
    if not fits:
        raise ProtocolError(f"a {what} frame of the wrong length", ErrorCode.FRAME_SIZE_ERROR)


def check_stream(what: str, wrong: bool) -> None:
    """Raise if a frame names a stream and must not, or the reverse."""
    if wrong:
        raise ProtocolError(f"a {what} frame of the wrong stream")


def unpadded(payload: bytes) -> bytes:
    """Return the content of a padded frame."""
    if not payload or payload[0] >= len(payload):
        raise ProtocolError("a frame has more padding than content")
    return payload[1 : len(payload) - payload[0]]


def settings(flags: int, stream: int, payload: bytes) -> dict[int, int] | None:
    """Return the last value of each setting; None for the acknowledgement of ours."""
    check_stream("SETTINGS", bool(stream))
    check_size("SETTINGS", not payload if flags & ACK else len(payload) % U16_U32.size == 0)
    if flags & ACK:
        return None
    for number, value in U16_U32.iter_unpack(payload):
        check_setting(number, value)
    return dict(U16_U32.iter_unpack(payload))


def check_setting(number: int, value: int) -> None:
    """Raise if a setting has a value that is not allowed; unknown ones may have any."""
    least, most, code = BOUNDS.get(number, (0, value, ErrorCode.NO_ERROR))
    if not least <= value <= most:
        raise ProtocolError(f"a setting {Setting(number).name} of {value}", code)


def ping(flags: int, stream: int, payload: bytes) -> bool:
    """Return whether to answer."""
    check_stream("PING", bool(stream))
    check_size("PING", len(payload) == len(QUESTION))
    return not flags & ACK


def goaway(stream: int, payload: bytes) -> tuple[int, str]:
    """Return the last stream that was processed, and why the connection ends."""
    check_stream("GOAWAY", bool(stream))
    check_size("GOAWAY", len(payload) >= U32_U32.size)
    last, code = U32_U32.unpack_from(payload)
    words = payload[U32_U32.size :][:SHOWN].decode(errors="replace")
    return last & LAST_STREAM, words or code_name(code)


def window_update(payload: bytes) -> int:
    """Return by how much a window is opened."""
    check_size("WINDOW_UPDATE", len(payload) == U32.size)
    return int(U32.unpack(payload)[0]) & LARGEST_WINDOW


def reset(payload: bytes) -> int:
    """Return why a stream ends."""
    check_size("RST_STREAM", len(payload) == U32.size)
    return int(U32.unpack(payload)[0])


def priority(stream: int, payload: bytes) -> None:
    """Check a frame that is ignored otherwise; a wrong length is an error of its stream only."""
    check_stream("PRIORITY", not stream)
    if len(payload) != PRIORITY_SIZE:
        raise StreamError("a PRIORITY frame of the wrong length", ErrorCode.FRAME_SIZE_ERROR)


def push(flags: int, stream: int, payload: bytes) -> None:
    """Refuse a push."""
    del flags, stream, payload
    raise ProtocolError("a push, which was not allowed")


class HeaderBlock:
    """A header block, which may be cut over several frames."""

    def __init__(self, flags: int, stream: int, payload: bytes) -> None:
        self.flags, self.stream = flags, stream
        content = unpadded(payload) if flags & PADDED else payload
        if flags & PRIORITIZED:
            check_size("HEADERS", len(content) >= PRIORITY_SIZE)
            content = content[PRIORITY_SIZE:]
        self._parts, self._size = [content], len(content)

    def add(self, part: bytes) -> None:
        """Add a CONTINUATION frame."""
        self._parts.append(part)
        self._size += len(part)
        if len(self._parts) > BLOCK_FRAMES or self._size > LIST_SIZE:
            raise ProtocolError("a header block is too large", ErrorCode.ENHANCE_YOUR_CALM)

    def join(self) -> bytes:
        """Return the whole."""
        return b"".join(self._parts)
