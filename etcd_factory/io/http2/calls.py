"""gRPC over a stream (grpc/doc/PROTOCOL-HTTP2.md): headers, messages in both directions, and how a call ends."""

from __future__ import annotations

from collections import deque
from math import ceil
from struct import Struct
from typing import Any
from urllib.parse import unquote_to_bytes

from etcd_factory.core.ports import Metadata
from etcd_factory.errors import (
    ClientClosedError,
    Code,
    ConnectionFailedError,
    EtcdError,
    error_of,
)
from etcd_factory.errors.status import no_response
from etcd_factory.wire.methods import Method

from .frames import ErrorCode, code_name
from .headers import GRPC, Fields, client_block, literal, request_block
from .stream import Stream

PREFIX = Struct(">BI")  # of a message: whether it is compressed, and its length
PREFIX_SIZE = 5
REFUSALS = 3  # times that a call which the server has certainly not processed is sent again at once
INFORMATIONAL = 100  # responses with a status of 1xx before the real one
BLOCKS = 1_000  # prepared header blocks
LONGEST_TIMEOUT = 10**8 - 1  # gRPC allows 8 digits

CODES = {str(number): code for number, code in enumerate(Code, 1)}  # by gRPC's numbers; 0 is OK

# What a proxy's status means (grpc/doc/http-grpc-status-mapping.md)
HTTP_CODES = {
    "400": Code.INTERNAL,
    "401": Code.UNAUTHENTICATED,
    "403": Code.PERMISSION_DENIED,
    "404": Code.UNIMPLEMENTED,
    "431": Code.INTERNAL,
    **dict.fromkeys(("429", "502", "503", "504"), Code.UNAVAILABLE),
}

# What the peer's end of a stream means (grpc/doc/PROTOCOL-HTTP2.md, "Errors"); a code of none of its rows is UNKNOWN
RESET_CODES: dict[int, Code] = {
    **dict.fromkeys(ErrorCode, Code.INTERNAL),
    ErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    ErrorCode.CANCEL: Code.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}


class Blocks:
    """The headers of calls to one host, prepared once for each method, timeout and metadata."""

    def __init__(self, scheme: str, authority: str, user_agent: str) -> None:
        self._host, self._client = (scheme, authority), client_block(user_agent)
        self._begun: dict[Method[Any, Any], bytes] = {}
        self._prepared: dict[tuple[Method[Any, Any], float | None, Metadata], bytes] = {}

    def get(self, method: Method[Any, Any], timeout: float | None, metadata: Metadata) -> bytes:
        """Return the headers of a call."""
        key = method, timeout, metadata
        block = self._prepared.get(key)
        if block is None:
            if len(self._prepared) >= BLOCKS:
                self._prepared.clear()
            block = self._prepared[key] = self._prepare(method, timeout, metadata)
        return block

    def _prepare(self, method: Method[Any, Any], timeout: float | None, metadata: Metadata) -> bytes:
        begun = self._begun.get(method)
        if begun is None:
            begun = self._begun[method] = request_block(*self._host, method.path)
        time = b"" if timeout is None else literal("grpc-timeout", timeout_text(timeout))
        return begun + time + self._client + b"".join([literal(*pair, secret=True) for pair in metadata])


def timeout_text(seconds: float) -> str:
    """Return a timeout as gRPC writes it."""
    milliseconds = max(1, ceil(min(seconds, LONGEST_TIMEOUT) * 1000))
    return f"{milliseconds}m" if milliseconds <= LONGEST_TIMEOUT else f"{ceil(min(seconds, LONGEST_TIMEOUT))}S"


def framed(message: bytes) -> bytes:
    """Return a message as it is sent."""
    return PREFIX.pack(0, len(message)) + message


class Call(Stream):
    """A call: ``messages`` that have arrived, and once it ``is_done`` its ``error``, None if it succeeded."""

    error: Exception | None = None
    is_done = False
    _response: Fields | None = None  # its headers
    _parts: list[bytes] | None = None  # of the message under way: what follows its prefix, or a part of that
    _have = _want = 0  # bytes of it; 0 as long as the prefix is not complete
    _informational = 0

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.messages: deque[bytes] = deque()

    # --- hooks of the stream

    def on_headers(self, fields: Fields, end: bool) -> bool:
        """Take headers or trailers."""
        if self._response is None:
            if fields.is_response and not end:
                self._response = fields
                return False
            return self._on_other(fields, end)
        if not end:
            return self._fail(Code.INTERNAL, "the server sent headers in the middle of the response")
        if fields.status or not fields.grpc_status:
            return self._fail(Code.INTERNAL, described(fields))
        return self._finish(fields)

    def _on_other(self, fields: Fields, end: bool) -> bool:
        """Take headers after which no messages follow: a status without a response, or none of gRPC's."""
        if not fields.status:
            return self._fail(Code.INTERNAL, "the server sent headers without an HTTP status")
        if fields.grpc_status and end:
            return self._finish(fields)
        if fields.status.startswith("1") and not end:
            self._informational += 1
            return self._informational > INFORMATIONAL and self._fail(Code.INTERNAL, "too many informational responses")
        return self._fail(http_code(fields), described(fields))

    def on_data(self, data: bytes, end: bool) -> bool:
        """Take a part of the messages; a call that refills its window has news only when it ends."""
        if self.is_done:
            return False
        if self._response is None:
            return self._fail(Code.INTERNAL, "the server sent data before headers")
        if self._parts is None:
            self._split(data)
        else:
            self._add(data)
        if end:
            self._fail(Code.INTERNAL, "the server ended the stream without a status")
        return self.is_done or (not self.refill and bool(self.messages))

    def on_reset(self, code: int) -> bool:
        """Take the peer's end of the stream."""
        message = f"the server reset the stream: {code_name(code)}"
        return self._fail(RESET_CODES.get(code, Code.UNKNOWN), message, refused=code == ErrorCode.REFUSED_STREAM)

    def on_broken(self, reason: str) -> bool:
        """Take the end of the stream after the peer broke one of its rules."""
        return self._fail(Code.INTERNAL, reason)

    def on_lost(self, reason: str, refused: bool) -> bool:
        """Take the end of the connection."""
        return self.fail(ConnectionFailedError(reason, endpoint=self.endpoint), refused=refused)

    # --- how it ends

    def expire(self, timeout: float) -> bool:
        """Take the end of its time."""
        return self.fail(no_response(timeout, self.endpoint), refused=not self.is_written)

    def leave(self) -> bool:
        """Take that nothing is heard on its connection any more."""
        return self.on_lost("the server is silent", refused=not self.is_written)

    def close(self) -> bool:
        """Take the end of its client."""
        return self.fail(ClientClosedError())

    def fail(self, error: Exception, *, refused: bool = False) -> bool:
        """End with an error; returns False if it has ended before.

        ``refused``: the server has certainly not processed it, unless it began to answer.
        """
        if self.is_done:
            return False
        self.is_done, self.error = True, error
        if refused and self._response is None and isinstance(error, EtcdError):
            error.sent = False
        return True

    @property
    def is_refused(self) -> bool:
        """Whether it was certainly not processed."""
        return isinstance(self.error, EtcdError) and not self.error.sent

    def _fail(self, code: Code, message: str, *, refused: bool = False) -> bool:
        return self.fail(error_of(code, message, self.endpoint), refused=refused)

    def _finish(self, fields: Fields) -> bool:
        """End with the status in the trailers."""
        if fields.grpc_status != "0":
            return self._fail(CODES.get(fields.grpc_status, Code.UNKNOWN), decoded(fields.grpc_message))
        if self._parts is not None:
            return self._fail(Code.INTERNAL, "the server cut a message short")
        ended, self.is_done = self.is_done, True
        return not ended

    # --- messages

    def _split(self, data: bytes) -> None:
        """Take data that begins with a message."""
        at, size = 0, len(data)
        while size - at >= PREFIX_SIZE:
            compressed, length = PREFIX.unpack_from(data, at)
            if compressed:
                return self._refuse_compression()
            start = at + PREFIX_SIZE
            at = start + length
            if at > size:
                self._parts, self._have, self._want = [data[start:]], size - start, length
                self.wanted = at - size
                return None
            self.messages.append(data[start:at])
        if at < size:
            self._parts = [data[at:]]
        return None

    def _add(self, data: bytes) -> None:
        """Take data that goes on with a message."""
        parts = self._parts or []
        parts.append(data)
        self._have += len(data)
        self.wanted = self._want - self._have
        if self.wanted > 0:
            return
        whole, length, self._parts = b"".join(parts), self._want, None
        self._have = self._want = self.wanted = 0
        if not length:  # its prefix was not complete
            self._split(whole)
        elif len(whole) == length:
            self.messages.append(whole)
        else:
            self.messages.append(whole[:length])
            self._split(whole[length:])

    def _refuse_compression(self) -> None:
        encoding = self._response and self._response.grpc_encoding
        problem = f"the server sent a message compressed with {encoding or 'something'}, which was not requested"
        self._fail(Code.INTERNAL, problem)


def decoded(message: str) -> str:
    """Return a percent-encoded text; what is not valid in it is left as it is, or replaced."""
    return unquote_to_bytes(message.encode("latin-1")).decode(errors="replace")


def http_code(fields: Fields) -> Code:
    """Return what a response means that is none of gRPC's."""
    return HTTP_CODES.get(fields.status, Code.UNKNOWN)


def described(fields: Fields) -> str:
    """Return what answered in place of etcd."""
    if GRPC.match(fields.content_type) or not fields.status:
        return "the server ended the call without a status"
    by = f" ({fields.server})" if fields.server else ""
    what = f"HTTP {fields.status} with content type {fields.content_type or 'unknown'!r}"
    return f"the host answered {what}{by}: it is not etcd, or a proxy that does not pass gRPC on"
