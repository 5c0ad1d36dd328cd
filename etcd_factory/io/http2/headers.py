"""Header blocks: HPACK (RFC 7541) without a dynamic table, in both directions.

What is sent repeats, so it is encoded once for each method and host. What arrives repeats too: a table of size 0 is
announced, which makes blocks stateless, so a block that was seen before has the same meaning as then. Only others are
decoded, by the ``hpack`` library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from attrs import Factory, field, frozen
from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError

from .frames import ErrorCode, ProtocolError, StreamError

LIST_SIZE = 1 << 16  # bytes of all headers of a message, as HTTP/2 counts them; announced to the peer
MOST = 256  # headers of a message
REMEMBERED = 256  # blocks
SMALL = 1 << 10  # bytes of a block that is remembered at most

# A peer may announce a table smaller than the usual one; whoever encodes must then say that it uses no more, at the
# beginning of a block (RFC 7541, 4.2). We say so always: a byte is less than a state.
TABLE_SIZE_0 = b"\x20"

# Indexes of the static table (RFC 7541, appendix A)
POST = b"\x83"
SCHEMES = {"http": b"\x86", "https": b"\x87"}
AUTHORITY, PATH, CONTENT_TYPE, USER_AGENT = 1, 4, 31, 58

NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")  # RFC 9113, 8.2.1
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


GRPC = re.compile(r"application/grpc(?![^+;])", re.IGNORECASE)  # but not application/grpc-web


def opens_messages(fields: Fields) -> bool:
    """Return whether messages follow these headers."""
    return fields.status == "200" and GRPC.match(fields.content_type) is not None


@frozen
class Fields:
    """The headers of a response or its trailers, as far as gRPC uses them; "" where one is not there."""

    status: str = ""  # of HTTP
    content_type: str = ""
    grpc_status: str = ""
    grpc_message: str = ""
    grpc_encoding: str = ""
    server: str = ""
    is_response: bool = field(init=False, default=Factory(opens_messages, takes_self=True))


NAMES = {
    ":status": "status",
    "content-type": "content_type",
    "grpc-status": "grpc_status",
    "grpc-message": "grpc_message",
    "grpc-encoding": "grpc_encoding",
    "server": "server",
}


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """Return a number with a prefix of so many bits, ``first`` above it (RFC 7541, 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    rest, encoded = value - most, bytearray([first | most])
    while rest >= 0x80:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def text(value: str) -> bytes:
    """Return a string, not compressed. Raises ``ValueError`` for one that no header can have."""
    if not value.isascii() or not value.isprintable():
        raise ValueError("a header holds only printable ASCII")
    return integer(len(value), 7) + value.encode()


def literal(name: int | str, value: str, *, secret: bool = False) -> bytes:
    """Return a header; its name is an index of the static table, or text. No proxy may index a ``secret`` one."""
    first = 0x10 if secret else 0
    head = integer(name, 4, first) if isinstance(name, int) else integer(0, 4, first) + text(name)
    return head + text(value)


def request_block(scheme: str, authority: str, path: str) -> bytes:
    """Return the beginning of a call's headers, which all calls of a method to a host have."""
    return b"".join(
        [TABLE_SIZE_0, POST, SCHEMES[scheme], literal(PATH, path), literal(AUTHORITY, authority)],
    )


def client_block(user_agent: str) -> bytes:
    """Return the headers that all calls have."""
    return b"".join(
        [literal(CONTENT_TYPE, "application/grpc"), literal("te", "trailers"), literal(USER_AGENT, user_agent)]
    )


class HeaderDecoder:
    """Decodes the header blocks of one connection."""

    def __init__(self) -> None:
        self._decoder: Any = Decoder(max_header_list_size=LIST_SIZE)
        self._decoder.max_allowed_table_size = self._decoder.header_table_size = 0
        self._known: dict[bytes, Fields] = {}
        self.known = self._known.get

    def decode(self, block: bytes) -> Fields:
        """Return the headers of a block. Raises ``ProtocolError`` or ``StreamError`` for ones that are not allowed."""
        found = self._known.get(block) or fields(self._decode(block))
        if len(block) <= SMALL:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[block] = found
        return found

    def _decode(self, block: bytes) -> list[tuple[str, str]]:
        try:
            headers = [(as_text(name), as_text(value)) for name, value in self._decoder.decode(block, raw=True)]
        except OversizedHeaderListError:
            raise ProtocolError(f"headers of more than {LIST_SIZE} bytes", ErrorCode.ENHANCE_YOUR_CALM) from None
        except HPACKError as error:  # its text holds the whole block
            raise ProtocolError("headers that cannot be decoded", ErrorCode.COMPRESSION_ERROR) from error
        if len(headers) > MOST:
            raise ProtocolError(f"{len(headers)} headers in one message", ErrorCode.ENHANCE_YOUR_CALM)
        return headers


def as_text(data: bytes) -> str:
    """Return a name or a value as text, whatever its bytes are."""
    return data.decode("latin-1")


def fields(headers: Iterable[tuple[str, str]]) -> Fields:
    """Return what gRPC uses. Raises ``StreamError`` for headers that no response may have (RFC 9113, 8.2 and 8.3)."""
    found: dict[str, str] = {}
    regular = False
    for name, value in headers:
        if name.startswith(":"):
            if name != ":status" or regular or "status" in found:
                raise StreamError(f"the header {name!r} is not allowed there")
        else:
            regular = True
            check(name, value)
        if name in NAMES:
            found[NAMES[name]] = value
    return Fields(**found)


def check(name: str, value: str) -> None:
    """Raise ``StreamError`` for a header that HTTP/2 does not allow."""
    if not NAME.fullmatch(name) or name in HOP_BY_HOP:
        raise StreamError(f"the header {name!r} is not allowed in HTTP/2")
    if any(char in value for char in "\0\r\n"):
        raise StreamError(f"the header {name!r} contains a line break or NUL")
