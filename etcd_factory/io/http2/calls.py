"""gRPC over a stream (grpc/doc/PROTOCOL-HTTP2.md): messages in both directions, timeouts, and how a call ends."""

from __future__ import annotations

from collections import deque
from math import ceil
from struct import Struct
from typing import Any
from urllib.parse import unquote

from etcd_factory.core.ports import Metadata
from etcd_factory.errors import (
    ClientClosedError,
    Code,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    error_of,
)
from etcd_factory.wire.methods import Method

from .frames import ErrorCode, code_name
from .headers import Fields, literal, request_block
from .stream import Stream

PREFIX = Struct(">BI")  # of a message: whether it is compressed, and its length
PREFIX_SIZE = 5
INFORMATIONAL = 100  # responses with a status of 1xx before the real one
BLOCKS = 1_000  # prepared header blocks

CODES = ("OK", *(code.value for code in Code))  # by gRPC's numbers

# What a proxy's status means (grpc/doc/http-grpc-status-mapping.md)
HTTP_CODES = {
    "400": Code.INTERNAL,
    "401": Code.UNAUTHENTICATED,
    "403": Code.PERMISSION_DENIED,
    "404": Code.UNIMPLEMENTED,
    **dict.fromkeys(("429", "502", "503", "504"), Code.UNAVAILABLE),
}

# What the peer's end of a stream means; gRPC's mapping, but that nothing there says that the call was refused
RESET_CODES = {
    ErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    ErrorCode.CANCEL: Code.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
}


class Blocks:
    """The headers of calls to one host, prepared once for each method, timeout and metadata."""

    def __init__(self, scheme: str, authority: str, user_agent: str) -> None:
        self._host = scheme, authority
        self._user_agent = user_agent
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
        block = request_block(*self._host, method.path, self._user_agent)
        if timeout is not None:
            block += literal("grpc-timeout", timeout_text(timeout))
        return block + b"".join([literal(name, value, secret=True) for name, value in metadata])


def timeout_text(seconds: float) -> str:
    """Return a timeout as gRPC writes it, in at most 8 digits."""
    milliseconds = max(1, ceil(seconds * 1000))
    return f"{milliseconds}m" if milliseconds < 10**8 else f"{min(ceil(seconds), 10**8 - 1)}S"


def framed(message: bytes) -> bytes:
    """Return a message as it is sent."""
    return PREFIX.pack(0, len(message)) + message


class Call(Stream):
    """A call: ``messages`` that have arrived, and once it ``is_done`` its ``error``, None if it succeeded."""

    __slots__ = ("_have", "_informational", "_parts", "_responded", "_want", "endpoint", "error", "is_done", "messages")

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.messages: deque[bytes] = deque()
        self.error: Exception | None = None
        self.is_done = self._responded = False
        self._parts: list[bytes] = []  # of the message under way: what follows its prefix, or a part of that
        self._have, self._want = 0, 0  # bytes of it; 0 as long as the prefix is not complete
        self._informational = 0

    # --- hooks of the stream

    def on_headers(self, fields: Fields, end: bool) -> bool:
        """Take headers or trailers."""
        if fields.grpc_status and end:
            return self._finish(fields)
        if self._responded or end:
            return self._fail(Code.INTERNAL if self._responded else http_code(fields), described(fields))
        if fields.status.startswith("1"):
            self._informational += 1
            return self._informational > INFORMATIONAL and self._fail(Code.INTERNAL, "too many informational responses")
        if fields.status != "200" or not fields.content_type.startswith("application/grpc"):
            return self._fail(http_code(fields), described(fields))
        self._responded = True
        return False

    def on_data(self, data: bytes, end: bool) -> bool:
        """Take a part of the messages."""
        if self.is_done:
            return False
        if not self._responded:
            return self._fail(Code.INTERNAL, "the server sent data before headers")
        news = self._add(data) if self._parts else self._split(data)
        return (end and self._fail(Code.INTERNAL, "the server ended the stream without a status")) or news

    def on_reset(self, code: int) -> bool:
        """Take the peer's end of the stream."""
        status = RESET_CODES.get(ErrorCode(code), Code.INTERNAL) if code in set(ErrorCode) else Code.UNKNOWN
        news = self._fail(status, f"the server reset the stream: {code_name(code)}")
        self._refused(code == ErrorCode.REFUSED_STREAM)
        return news

    def on_lost(self, reason: str, refused: bool) -> bool:
        """Take the end of the connection."""
        news = self.fail(ConnectionFailedError(reason, endpoint=self.endpoint))
        self._refused(refused)
        return news

    # --- how it ends

    def expire(self, timeout: float) -> bool:
        """Take the end of its time."""
        news = self.fail(DeadlineExceededError(f"no response within {timeout:g} s", endpoint=self.endpoint))
        self._refused(not self.is_written)
        return news

    def leave(self) -> bool:
        """Take that nothing is heard on its connection any more."""
        return self.fail(ConnectionFailedError("the server is silent", endpoint=self.endpoint))

    def close(self) -> bool:
        """Take the end of its client."""
        return self.fail(ClientClosedError())

    def fail(self, error: Exception) -> bool:
        """End with an error; returns False if it has ended before."""
        if self.is_done:
            return False
        self.is_done, self.error = True, error
        return True

    @property
    def is_refused(self) -> bool:
        """Whether it was certainly not processed."""
        return isinstance(self.error, EtcdError) and not self.error.sent

    def _fail(self, code: Code, message: str) -> bool:
        return self.fail(error_of(code, message, self.endpoint))

    def _refused(self, refused: bool) -> None:
        if refused and isinstance(self.error, EtcdError):
            self.error.sent = False

    def _finish(self, fields: Fields) -> bool:
        """End with the status in the trailers."""
        if self.is_done:
            return False
        if fields.grpc_status == "0":
            if self._parts:
                return self._fail(Code.INTERNAL, "the server cut a message short")
            self.is_done = True
            return True
        known = fields.grpc_status.isdecimal() and int(fields.grpc_status) < len(CODES)
        code = Code(CODES[int(fields.grpc_status)]) if known else Code.UNKNOWN
        return self._fail(code, unquote(fields.grpc_message))

    # --- messages

    def _split(self, data: bytes) -> bool:
        """Take data that begins with a message."""
        at, size = 0, len(data)
        while size - at >= PREFIX_SIZE:
            compressed, length = PREFIX.unpack_from(data, at)
            if compressed:
                return self._fail(Code.INTERNAL, "the server sent a compressed message, which was not requested")
            start = at + PREFIX_SIZE
            at = start + length
            if at > size:
                self._parts, self._have, self._want = [data[start:]], size - start, length
                return bool(self.messages)
            self.messages.append(data[start:at])
        if at < size:
            self._parts = [data[at:]]
        return bool(self.messages)

    def _add(self, data: bytes) -> bool:
        """Take data that goes on with a message."""
        self._parts.append(data)
        self._have += len(data)
        if self._want and self._have < self._want:
            return False
        whole, length, self._parts = b"".join(self._parts), self._want, []
        self._have = self._want = 0
        if not length:  # its prefix was not complete
            return self._split(whole)
        self.messages.append(whole[:length] if len(whole) > length else whole)
        return self._split(whole[length:]) or True


def http_code(fields: Fields) -> Code:
    """Return what a response means that is none of gRPC's."""
    return HTTP_CODES.get(fields.status, Code.UNKNOWN)


def described(fields: Fields) -> str:
    """Return what answered in place of etcd."""
    if fields.content_type.startswith("application/grpc") or not fields.status:
        return "the server ended the call without a status"
    by = f" ({fields.server})" if fields.server else ""
    what = f"HTTP {fields.status} with content type {fields.content_type or 'unknown'!r}"
    return f"the host answered {what}{by}: it is not etcd, or a proxy that does not pass gRPC on"
