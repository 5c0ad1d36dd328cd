"""A proxy that lets a request through and gives another end of its call in place of the server's reply."""

from __future__ import annotations

import struct

from etcd_factory.testing import FaultProxy

HEAD = 9  # bytes of the head of a frame of HTTP/2: RFC 9113, section 4.1
HEADERS, RST_STREAM = 1, 3
END_HEADERS, END_STREAM = 4, 1


def frame(kind, flags, stream, payload):
    """Return a frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def reset(code):
    """Return what ends a stream with this code of HTTP/2."""
    return lambda stream: frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def header(name, value):
    """Return a header as HPACK writes it literally, without an index: RFC 7541, section 6.2.2."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def trailers(**fields):
    """Return what ends a call by headers alone; ``grpc_status="10"`` is the header ``grpc-status``."""
    given = {name.replace("_", "-"): value for name, value in {"content_type": "application/grpc", **fields}.items()}
    status = header(":status", given.pop("status", "200"))
    block = status + b"".join(header(name, value) for name, value in given.items())
    return lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, block)


class ReplacingProxy(FaultProxy):
    """Once armed, sends the next reply's stream an end of its own; that connection is of no more use then."""

    _end = None

    def arm(self, end):
        """Replace the next reply by ``end``: a function from the stream's number to bytes."""
        self._end = end

    def passes(self, link, data, *, is_request):
        if not super().passes(link, data, is_request=is_request):
            return False
        stream = None if is_request or self._end is None else answered(data)
        if stream is None:
            return True
        link.client.write(self._end(stream))
        self._end = None
        self._forgotten.add(link)
        return False


def answered(data):
    """Return the stream whose reply begins in these bytes, which begin with a frame; None if there is none."""
    while len(data) >= HEAD:
        size, kind = int.from_bytes(data[:3], "big"), data[3]
        if kind == HEADERS:
            return int.from_bytes(data[5:HEAD], "big")
        data = data[HEAD + size :]
    return None
