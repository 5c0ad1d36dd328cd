"""A peer of the HTTP/2 machine, without a socket. Its frames are built here; what it hears is parsed by hyperframe."""

from __future__ import annotations

from struct import pack

from hpack import Encoder
from hyperframe.frame import Frame

from etcd_factory.io.http2.connection import Connection
from etcd_factory.io.http2.stream import Stream

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS, PADDED, PRIORITIZED = 4, 8, 0x20
NAMES = (
    *("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS"),
    *("PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"),
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
RESERVED = 1 << 31  # the bit above a stream's number
OK = ((":status", "200"), ("content-type", "application/grpc"))
GOOD = (("grpc-status", "0"),)
REQUEST = b"\x20\x83\x86"  # headers; nobody here reads them


def frame(kind, flags=0, stream=0, payload=b""):
    """Any frame, however wrong."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def block(fields):
    """A header block without a table."""
    encoder = Encoder()
    encoder.header_table_size = 0
    return encoder.encode(fields)


def headers(stream=1, fields=OK, *, end=False, flags=END_HEADERS):
    return frame(HEADERS, flags | end, stream, block(fields))


def trailers(stream=1, fields=GOOD):
    return headers(stream, fields, end=True)


def data(stream=1, payload=b"test", *, end=False, padding=None):
    if padding is None:
        return frame(DATA, end, stream, payload)
    return frame(DATA, end | PADDED, stream, bytes([padding]) + payload + bytes(padding))


def continuation(stream, part, *, end=True):
    return frame(CONTINUATION, END_HEADERS if end else 0, stream, part)


def settings(values=None, flags=0, stream=0):
    """``values`` are pairs; a number may come several times."""
    return frame(SETTINGS, flags, stream, b"".join(pack(">HI", *pair) for pair in values or ()))


def window(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, pack(">I", size))


def reset(stream=1, code=8):
    return frame(RST_STREAM, 0, stream, pack(">I", code))


def ping(payload=b"\1\2\3\4\5\6\7\x08", flags=0, stream=0):
    return frame(PING, flags, stream, payload)


def goaway(last=0, code=0, words=b"", stream=0):
    return frame(GOAWAY, 0, stream, pack(">II", last, code) + words)


def message(content=b"answer", *, compressed=0):
    """As gRPC frames one."""
    return bytes([compressed]) + pack(">I", len(content)) + content


def parsed(sent):
    """The frames in bytes, each with its ``name``; a preface before them is left out."""
    sent = memoryview(sent.removeprefix(PREFACE))
    found = []
    while sent:
        one, length = Frame.parse_frame_header(sent[:9])
        one.parse_body(sent[9 : 9 + length])
        one.name = NAMES[one.type]
        found.append(one)
        sent = sent[9 + length :]
    return found


class Recorder(Stream):
    """A stream that keeps what it is told."""

    def __init__(self):
        self.events = []

    def note(self, *event):
        self.events.append(event)
        return True

    def on_headers(self, fields, end):
        return self.note("headers", fields, end)

    def on_data(self, data, end):
        return self.note("data", data, end)

    def on_reset(self, code):
        return self.note("reset", code)

    def on_broken(self, reason):
        return self.note("broken", reason)

    def on_lost(self, reason, refused):
        return self.note("lost", reason, refused)


class Clock:
    """Stands still."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


class Peer:
    """A machine, and the server it talks to. ``say`` and ``hear`` are the server's sides of the connection."""

    def __init__(self, *given, established=True):
        self.clock = Clock()
        self.machine = Connection(self.clock)
        self.opening = parsed(self.machine.take())
        if established:
            self.say(settings(given))
            assert [one.name for one in self.hear()] == ["SETTINGS"]

    def say(self, *sent):
        """Send bytes; returns the streams that have news."""
        return self.machine.receive(b"".join(sent))

    def hear(self):
        """The frames that the client sends now."""
        return parsed(self.machine.take())

    def open(self, data=b"question", end=True, stream=None):
        """Open a stream."""
        stream = stream or Recorder()
        self.machine.request(stream, REQUEST, data, end)
        return stream

    def written(self, *args, **options):
        """Open a stream that the server has got."""
        stream = self.open(*args, **options)
        self.machine.take()
        return stream

    @property
    def ended(self):
        """The code of the GOAWAY with which the client ended the connection, None if it has not."""
        codes = [one.error_code for one in self.hear() if one.name == "GOAWAY"]
        assert bool(codes) is self.machine.is_closed
        return codes[0] if codes else None
