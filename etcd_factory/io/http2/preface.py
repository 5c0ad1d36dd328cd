"""How a connection begins: what we send first, and how a peer is recognized that speaks another protocol."""

from __future__ import annotations

from . import frames
from .flow import CONNECTION_WINDOW, STREAM_WINDOW
from .frames import ProtocolError, Setting
from .headers import LIST_SIZE
from .payloads import SHOWN

# Without a header table blocks are stateless; nothing is pushed.
OPENING = (
    frames.PREFACE
    + frames.settings(
        {
            Setting.HEADER_TABLE_SIZE: 0,
            Setting.ENABLE_PUSH: 0,
            Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            Setting.MAX_HEADER_LIST_SIZE: LIST_SIZE,
        }
    )
    + frames.window_update(0, CONNECTION_WINDOW - frames.WINDOW)
)


def is_cut(data: bytes) -> bool:
    """Return whether more of a peer's first bytes are needed. Raises ``ProtocolError`` for another protocol."""
    if data.startswith(b"\x15\x03"):  # an alert
        raise ProtocolError("it answers in TLS; write https://")
    if not data.startswith(b"HTTP/"):
        return False
    line, end, _ = data[:SHOWN].partition(b"\r\n")
    if not end and len(data) < SHOWN:
        return True
    raise ProtocolError(f"it answers in HTTP/1: {line.decode('latin-1')}")
