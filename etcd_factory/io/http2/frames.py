"""HTTP/2 frames as bytes, and the numbers of the protocol (RFC 9113)."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# length and kind, flags, stream; the length is the upper 24 bits of the first number
HEAD = Struct(">IBI")
HEAD_SIZE = 9
U32 = Struct(">I")
U16_U32 = Struct(">HI")
U32_U32 = Struct(">II")

# kinds of frames; plain numbers, since each one that arrives is compared with them
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

# flags
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20

FRAME_SIZE = 1 << 14  # bytes of a frame's payload that every peer accepts, and what we announce
LARGEST_FRAME_SIZE = (1 << 24) - 1
WINDOW = (1 << 16) - 1  # bytes of a window to begin with
LARGEST_WINDOW = (1 << 31) - 1
LAST_STREAM = (1 << 31) - 1


class Setting(IntEnum):
    """What a SETTINGS frame sets (RFC 9113, 6.5.2)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ErrorCode(IntEnum):
    """Why a stream or a connection ends (RFC 9113, 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class ProtocolError(Exception):
    """The peer broke a rule; the whole connection ends, and the peer is told the code."""

    def __init__(self, message: str, code: ErrorCode = ErrorCode.PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class StreamError(Exception):
    """The peer broke a rule of one stream, which ends; the connection goes on."""

    def __init__(self, message: str, code: ErrorCode = ErrorCode.PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def headers(stream: int, block: bytes) -> list[bytes]:
    """Return the frames of a header block of any size, which is sent without END_STREAM."""
    parts = [block[at : at + FRAME_SIZE] for at in range(0, len(block), FRAME_SIZE)]
    kinds = [HEADERS, *[CONTINUATION] * (len(parts) - 1)]
    flags = [*[0] * (len(parts) - 1), END_HEADERS]
    return [frame(kind, flag, stream, part) for kind, flag, part in zip(kinds, flags, parts, strict=True)]


def settings(values: dict[int, int]) -> bytes:
    """Return a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join([U16_U32.pack(*pair) for pair in values.items()]))


def window_update(stream: int, size: int) -> bytes:
    """Return a WINDOW_UPDATE frame."""
    return frame(WINDOW_UPDATE, 0, stream, U32.pack(size))


def reset(stream: int, code: int) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, U32.pack(code))


def goaway(code: int, message: bytes = b"") -> bytes:
    """Return a GOAWAY frame; a client has no streams of the peer's to name."""
    return frame(GOAWAY, 0, 0, U32_U32.pack(0, code) + message)


SETTINGS_ACK = frame(SETTINGS, ACK, 0)


def code_name(code: int) -> str:
    """Return the name of an error code, as errors show it."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"error code {code}"
