"""The client's side of an HTTP/2 connection (RFC 9113) as a state machine: bytes in, bytes out, no I/O and no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from . import frames, payloads
from .flow import Outflow
from .frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FRAME_SIZE,
    HEAD,
    HEAD_SIZE,
    HEADERS,
    LAST_STREAM,
    PADDED,
    ErrorCode,
    ProtocolError,
    Setting,
    StreamError,
)
from .headers import LIST_SIZE, HeaderDecoder
from .stream import Stream

STREAM_WINDOW = 4 << 20  # bytes that wait unread in one stream at most
WINDOW = 16 << 20  # of the connection: more than a stream's, so that one that is not read does not stop the others
FLOOD = 10_000  # frames in a row that carry nothing for a call
UNUSUAL = frames.PADDED | frames.PRIORITIZED
RESETS = 1_000  # streams that ended here, whose late frames are ignored

OPENING = frames.PREFACE + frames.settings(
    {
        Setting.HEADER_TABLE_SIZE: 0,
        Setting.ENABLE_PUSH: 0,
        Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        Setting.MAX_HEADER_LIST_SIZE: LIST_SIZE,
    }
)


class Connection:
    """Streams to one peer. What is to be sent gathers in ``take``; ``receive`` returns the streams with news."""

    def __init__(self) -> None:
        self._out = [OPENING, frames.window_update(0, WINDOW - frames.WINDOW)]
        self._flow = Outflow(self._out)
        self._decoder = HeaderDecoder()
        self.streams: dict[int, Stream] = {}
        self._waiting: deque[Stream] = deque()  # for the peer to allow more streams
        self._begin: dict[Stream, tuple[bytes, bytes, bool]] = {}
        self._limit = LAST_STREAM
        self._next_id = 1
        self._unwritten: list[Stream] = []
        self._reset: dict[int, None] = {}
        self._rest = b""
        self._block: payloads.HeaderBlock | None = None  # under way
        self._unread, self._idle_frames = 0, 0
        self.is_established = False  # the peer has sent its SETTINGS
        self.is_draining = False  # no new streams
        self.is_closed = False
        self.is_asked = False  # by a PING that is not answered yet
        self.reason = ""
        self._kinds: dict[int, Callable[[int, int, bytes], None]] = {
            frames.RST_STREAM: self._on_reset,
            frames.SETTINGS: self._on_settings,
            frames.PING: self._on_ping,
            frames.GOAWAY: self._on_goaway,
            frames.WINDOW_UPDATE: self._on_window,
            frames.PUSH_PROMISE: self._on_push,
            frames.PRIORITY: self._on_priority,
        }
        self._news: list[Stream] = []

    # --- out

    def request(self, stream: Stream, block: bytes, data: bytes, end: bool) -> None:
        """Open a stream with these headers and first bytes; it waits in turn if the peer allows no more streams."""
        if len(self.streams) >= self._limit or self._waiting:
            self._waiting.append(stream)
            self._begin[stream] = block, data, end
            return
        id, flow, size = self._next_id, self._flow, len(data)  # noqa: A001
        self._next_id += 2
        stream.id, stream.is_open, stream.window, stream.read_window = id, True, flow.initial, STREAM_WINDOW
        self.streams[id] = stream
        self._unwritten.append(stream)
        if len(block) <= FRAME_SIZE:
            self._out += HEAD.pack(len(block) << 8 | HEADERS, END_HEADERS, id), block
        else:
            self._out += frames.headers(id, block)
        if 0 < size <= stream.window and size <= flow.window and size <= flow.frame_size:  # the usual way
            stream.window -= size
            flow.window -= size
            stream.sent_end = end
            self._out += HEAD.pack(size << 8 | DATA, end, id), data
        elif data or end:
            flow.send(stream, data, end)

    def send(self, stream: Stream, data: bytes, end: bool = False) -> None:
        """Send more bytes of a stream."""
        if stream in self._begin:
            block, before, _ = self._begin[stream]
            self._begin[stream] = block, before + data, end
        elif stream.is_open:
            self._flow.send(stream, data, end)

    def reset(self, stream: Stream, code: int = ErrorCode.CANCEL) -> None:
        """End a stream; what the peer still sends for it is ignored."""
        if stream in self._begin:
            del self._begin[stream]
            self._waiting.remove(stream)
        elif self._end(stream):
            self._reset[stream.id] = None
            if len(self._reset) > RESETS:
                del self._reset[next(iter(self._reset))]
            self._out.append(frames.reset(stream.id, code))

    def taken(self, stream: Stream, size: int) -> None:
        """Let the peer send more of a stream that does not refill at once: so much was taken from it."""
        stream.unread += size
        if stream.is_open and stream.unread >= STREAM_WINDOW // 2:
            self._refill(stream)

    def ping(self) -> None:
        """Ask the peer for a sign of life, unless it is asked already."""
        if not self.is_asked:
            self.is_asked = True
            self._out.append(frames.frame(frames.PING, 0, 0, b"etcdping"))

    def take(self) -> bytes:
        """Return the bytes to write now; they count as written."""
        if self._unwritten:
            for stream in self._unwritten:
                stream.is_written = True
            self._unwritten.clear()
        data = b"".join(self._out)
        self._out.clear()
        return data

    @property
    def has_output(self) -> bool:
        """Whether there is something to write."""
        return bool(self._out)

    @property
    def is_usable(self) -> bool:
        """Whether it accepts new streams."""
        return not (self.is_draining or self.is_closed) and self._next_id <= LAST_STREAM

    def pending(self) -> Iterator[Stream]:
        """Yield the streams that are open, or wait to be."""
        yield from self.streams.values()
        yield from self._waiting

    @property
    def is_busy(self) -> bool:
        """Whether streams are open, or wait to be."""
        return bool(self.streams or self._waiting)

    def close(self, reason: str, code: int = ErrorCode.NO_ERROR) -> list[Stream]:
        """End the connection: the peer is told the code, the streams the reason. Returns the streams with news."""
        if not self.is_closed:
            self._out.append(frames.goaway(code, reason.encode()[:128]))
        return self.lost(reason)

    def lost(self, reason: str) -> list[Stream]:
        """Take the end of the connection; returns the streams with news."""
        self.is_closed, self.reason = True, self.reason or reason
        streams = [*self.streams.values(), *self._waiting]
        self.streams.clear()
        self._waiting.clear()
        self._begin.clear()
        for stream in streams:
            stream.is_open = False
        return [stream for stream in streams if stream.on_lost(self.reason, refused=not stream.is_written)]

    # --- in

    def receive(self, data: bytes) -> list[Stream]:
        """Take bytes of the peer; returns the streams with news. A peer that breaks the rules closes the connection."""
        try:
            self._receive(self._rest + data if self._rest else data)
        except ProtocolError as error:
            self._news += self.close(f"the server broke HTTP/2: {error.message}", error.code)
        news, self._news = self._news, []  # a stream that is kept here would keep its client alive
        return news

    def _receive(self, data: bytes) -> None:
        if not self.is_established:
            check_first(data)
        at, size, unpack = 0, len(data), HEAD.unpack_from
        while size - at >= HEAD_SIZE and not self.is_closed:
            head, flags, id = unpack(data, at)  # noqa: A001
            start, kind = at + HEAD_SIZE, head & 0xFF
            end = start + (head >> 8)
            if head >> 8 > FRAME_SIZE:
                raise ProtocolError("a frame is too large", ErrorCode.FRAME_SIZE_ERROR)
            if end > size:
                break
            at = end
            if self._block is not None or not self.is_established:
                self._check_order(kind, flags, id)
            if kind == DATA:
                self._on_data(flags, id, data[start:end])
            elif kind == HEADERS:
                self._on_headers(flags, id, data[start:end])
            elif kind == CONTINUATION:
                self._on_continuation(flags, data[start:end])
            elif kind in self._kinds:
                self._count_idle()
                self._kinds[kind](flags, id & LAST_STREAM, data[start:end])
        self._rest = data[at:]

    def _check_order(self, kind: int, flags: int, id: int) -> None:  # noqa: A002
        if self._block is not None and (kind != CONTINUATION or id != self._block.stream):
            raise ProtocolError("a header block is interrupted")
        if not self.is_established and (kind != frames.SETTINGS or flags & ACK):
            raise ProtocolError("the first frame is not SETTINGS")

    def _count_idle(self) -> None:
        self._idle_frames += 1
        if self._idle_frames > FLOOD:
            raise ProtocolError("too many frames that carry nothing", ErrorCode.ENHANCE_YOUR_CALM)

    def _find(self, id: int) -> Stream | None:  # noqa: A002
        """Return the open stream of a frame, None if the frame is late. Raises for a stream that never was."""
        stream = self.streams.get(id)
        if stream is None:
            if not id & 1 or id >= self._next_id:
                raise ProtocolError(f"a frame of stream {id}, which was never opened")
            if id not in self._reset:
                raise ProtocolError(f"a frame of stream {id}, which has ended", ErrorCode.STREAM_CLOSED)
        return stream

    def _on_data(self, flags: int, id: int, data: bytes) -> None:  # noqa: A002
        size = len(data)
        if size or flags & END_STREAM:
            self._idle_frames = 0
        else:
            self._count_idle()
        self._unread += size
        if self._unread > WINDOW // 2:
            self._out.append(frames.window_update(0, self._unread))
            self._unread = 0
        if flags & PADDED:
            data = payloads.unpadded(data)
        stream = self._find(id)
        if stream is None:
            return
        stream.read_window -= size
        if stream.read_window < 0:
            raise ProtocolError("more was sent than the window allows", ErrorCode.FLOW_CONTROL_ERROR)
        end = flags & END_STREAM
        if end:
            self._ended(stream)
        if stream.refill or size > len(data):
            stream.unread += size if stream.refill else size - len(data)
            if stream.unread > STREAM_WINDOW // 2 and not end:
                self._refill(stream)
        if stream.on_data(data, bool(end)):
            self._news.append(stream)

    def _refill(self, stream: Stream) -> None:
        self._out.append(frames.window_update(stream.id, stream.unread))
        stream.read_window += stream.unread
        stream.unread = 0

    def _on_headers(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        if flags & END_HEADERS and not flags & UNUSUAL:
            return self._on_block(flags, id, payload)
        block = payloads.HeaderBlock(flags, id, payload)
        if flags & END_HEADERS:
            return self._on_block(flags, id, block.join())
        self._block = block
        return None

    def _on_continuation(self, flags: int, part: bytes) -> None:
        block = self._block
        if block is None:
            raise ProtocolError("a CONTINUATION frame without HEADERS")
        block.add(part)
        if flags & END_HEADERS:
            self._block = None
            self._on_block(block.flags, block.stream, block.join())

    def _on_block(self, flags: int, id: int, block: bytes) -> None:  # noqa: A002
        self._idle_frames = 0
        stream = self._find(id)
        try:
            fields = self._decoder.known(block) or self._decoder.decode(block)
        except StreamError as error:
            return self._broken(stream, error)
        if stream is None:
            return None
        end = flags & END_STREAM
        if end:
            self._ended(stream)
        if stream.on_headers(fields, bool(end)):
            self._news.append(stream)
        return None

    def _broken(self, stream: Stream | None, error: StreamError) -> None:
        """End a stream whose rules the peer broke."""
        if stream is not None:
            self.reset(stream, error.code)
            if stream.on_lost(f"the server broke HTTP/2: {error.message}", refused=False):
                self._news.append(stream)

    # --- ends

    def _ended(self, stream: Stream) -> None:
        """The peer has sent all of a stream; it needs no more of ours."""
        if not stream.sent_end or stream.outbox:
            self._out.append(frames.reset(stream.id, ErrorCode.NO_ERROR))
        self._end(stream)

    def _end(self, stream: Stream) -> bool:
        """Forget a stream; returns whether it was open."""
        if not stream.is_open:
            return False
        stream.is_open = False
        del self.streams[stream.id]
        if stream.outbox:
            self._flow.drop(stream)
        if self._waiting:
            self._open_waiting()
        return True

    def _open_waiting(self) -> None:
        while self._waiting and len(self.streams) < self._limit and self.is_usable:
            waiting, self._waiting = self._waiting, deque()
            stream = waiting.popleft()
            self.request(stream, *self._begin.pop(stream))
            self._waiting = waiting

    def _on_reset(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags
        code, stream = payloads.reset(payload), self._known(id)
        if stream is not None:
            self._end(stream)
            if stream.on_reset(code):
                self._news.append(stream)

    def _known(self, id: int) -> Stream | None:  # noqa: A002
        """Return the stream of a frame that may come late, None if it has ended."""
        if not id & 1 or id >= self._next_id:
            raise ProtocolError(f"a frame of stream {id}, which was never opened")
        return self.streams.get(id)

    # --- about the connection

    def _on_settings(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        given = payloads.settings(flags, id, payload)
        if given is None:
            return
        for number, value in given:
            self._set(number, value)
        self.is_established = True
        self._out.append(frames.SETTINGS_ACK)
        self._open_waiting()

    def _set(self, number: int, value: int) -> None:
        if number == Setting.INITIAL_WINDOW_SIZE:
            self._flow.set_initial(value, self.streams)
        elif number == Setting.MAX_FRAME_SIZE:
            self._flow.set_frame_size(value)
        elif number == Setting.MAX_CONCURRENT_STREAMS:
            self._limit = value
        elif number == Setting.ENABLE_PUSH and value:
            raise ProtocolError("a server enables pushes")

    def _on_ping(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        question = payloads.ping(flags, id, payload)
        if question is None:
            self.is_asked = False
        else:
            self._out.append(frames.frame(frames.PING, ACK, 0, question))

    def _on_goaway(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags
        last, why = payloads.goaway(id, payload)
        self.is_draining, self.reason = True, f"the server closes the connection: {why}"
        refused = [stream for stream in self.streams.values() if stream.id > last]
        for stream in refused:
            self._end(stream)
            self._reset[stream.id] = None
        refused += self._waiting
        self._waiting.clear()
        self._begin.clear()
        self._news += [stream for stream in refused if stream.on_lost(self.reason, refused=True)]

    def _on_window(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags
        size, stream = payloads.window_update(payload), self._known(id) if id else None
        if id and stream is None:
            return
        try:
            if not size:
                raise (StreamError if id else ProtocolError)("a window is opened by 0")
            self._flow.opened(size, stream)
        except StreamError as error:
            self._broken(stream, error)

    def _on_push(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags, id, payload
        raise ProtocolError("a push, which was not allowed")

    def _on_priority(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del self, flags
        payloads.priority(id, payload)


def check_first(data: bytes) -> None:
    """Raise if a peer answers in another protocol."""
    if data.startswith(b"HTTP/"):
        line = data.partition(b"\r\n")[0][: payloads.SHOWN].decode("latin-1")
        raise ProtocolError(f"it answers in HTTP/1: {line}", ErrorCode.HTTP_1_1_REQUIRED)
    if data.startswith(b"\x15\x03"):
        raise ProtocolError("it answers in TLS; write https://")
