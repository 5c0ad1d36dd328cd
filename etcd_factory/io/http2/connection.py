"""The client's side of an HTTP/2 connection (RFC 9113) as a state machine: bytes in, bytes out, no I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from time import monotonic

from . import frames, payloads
from .flood import Flood
from .flow import HALF_CONNECTION, HALF_STREAM, STREAM_WINDOW, Inflow, Outflow
from .frames import (
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
    StreamError,
)
from .headers import HeaderDecoder
from .outbox import Outbox
from .preface import OPENING, is_cut
from .stream import Abandoned, Stream

WHOLE = PADDED | frames.PRIORITIZED | END_HEADERS  # of these flags only the last one, if a frame is just a header block
RESERVE = 1 << 20  # stream ids that are left when no more calls should begin: those that do meanwhile get one


class Connection:
    """Streams to one peer. What is to be sent gathers in ``take``; ``receive`` returns the streams with news.

    A stream is told of its end before it is forgotten: an interrupt may come between both, after which ``lost`` tells
    all that are left. The clock serves only to tell floods from signs of life.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._out = Outbox(OPENING)
        self._flow, self._inflow = Outflow(self._out), Inflow(self._out)
        self._decoder, self._flood = HeaderDecoder(), Flood(clock)
        self.streams: dict[int, Stream] = {}
        self._waiting: OrderedDict[Stream, tuple[bytes, bytes, bool]] = OrderedDict()  # for the peer to allow more
        self._limit = LAST_STREAM  # of open streams; -1 if none may begin
        self._next_id = 1
        self._abandoned = Abandoned()
        self._rest = b""
        self._block: payloads.HeaderBlock | None = None  # under way
        self._expected: int | None = frames.SETTINGS  # kind of the next frame, None if any may come
        self._news: list[Stream] = []
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
            frames.PUSH_PROMISE: payloads.push,
            frames.PRIORITY: self._on_priority,
        }

    # --- out

    def request(self, stream: Stream, block: bytes, data: bytes, end: bool) -> None:
        """Open a stream with these headers and first bytes.

        It waits in turn if the peer allows no more streams; if the connection accepts none, it ends at once.
        """
        id, flow, size, out = self._next_id, self._flow, len(data), self._out  # noqa: A001
        if len(self.streams) >= self._limit or id > LAST_STREAM:
            return self._postpone(stream, block, data, end)
        self._next_id = id + 2
        stream.id, stream.is_open, stream.window, stream.read_window = id, True, flow.initial, STREAM_WINDOW
        self.streams[id] = stream
        if size <= stream.window and size <= flow.window and 0 < size <= FRAME_SIZE and len(block) <= FRAME_SIZE:
            parts = out.parts
            out.unwritten[stream] = len(parts)
            stream.window -= size
            flow.window -= size
            stream.sent_end = end
            parts += HEAD.pack(len(block) << 8 | HEADERS, END_HEADERS, id), block, HEAD.pack(size << 8, end, id), data
        else:
            out.unwritten[stream] = -1
            out.parts += frames.headers(id, block)
            if data or end:
                flow.send(stream, data, end)
        return None

    def _postpone(self, stream: Stream, block: bytes, data: bytes, end: bool) -> None:
        """Keep a request until a stream may be opened, or refuse it if none ever will."""
        if self._limit < 0 or self._next_id > LAST_STREAM:
            stream.on_lost(self.reason or "the connection has no stream left", refused=True)
        else:
            self._waiting[stream] = block, data, end

    def send(self, stream: Stream, data: bytes, end: bool = False) -> None:
        """Send more bytes of a stream."""
        if stream in self._waiting:
            block, before, _ = self._waiting[stream]
            self._waiting[stream] = block, before + data, end
        elif stream.is_open:
            self._out.split(stream)
            self._flow.send(stream, data, end)

    def reset(self, stream: Stream, code: int = ErrorCode.CANCEL) -> None:
        """End a stream; what the peer still sends for it is ignored. One that was not written yet will never be."""
        if stream in self._waiting:
            del self._waiting[stream]
        elif stream.is_open:
            if not self._withdraw(stream):
                self._abandoned.add(stream.id)
                self._out.add(frames.reset(stream.id, code))
            self._end(stream)

    def _withdraw(self, stream: Stream) -> bool:
        """Take back what was not written yet; returns False if it will be written."""
        size = self._out.withdraw(stream)
        if size:
            self._flow.regain(size)
        return size is not None

    def taken(self, stream: Stream, size: int) -> None:
        """Let the peer send more of a stream that does not refill at once: so much was taken from it."""
        self._inflow.taken(stream, size)

    def ping(self) -> None:
        """Ask the peer for a sign of life, unless it is asked already."""
        if not self.is_asked:
            self.is_asked = True
            self._out.add(frames.frame(frames.PING, 0, 0, payloads.QUESTION))

    def take(self) -> bytes:
        """Return the bytes to write now; they count as written."""
        return self._out.take()

    @property
    def has_output(self) -> bool:
        """Whether there is something to write."""
        return bool(self._out.parts)

    @property
    def is_usable(self) -> bool:
        """Whether it accepts new streams."""
        return not (self.is_draining or self.is_closed) and self._next_id < LAST_STREAM - RESERVE

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
        is_new = not self.is_closed and OPENING not in self._out.parts
        ended = self.lost(reason)
        if is_new:
            self._out.add(frames.goaway(code, reason.encode()[: payloads.SHOWN]))
        return ended

    def lost(self, reason: str) -> list[Stream]:
        """Take the end of the connection; returns the streams with news. What was not written before never will be."""
        if not self.is_closed:  # else it may be what tells the peer
            self._out.clear()
        self.is_closed, self._limit, self.reason = True, -1, self.reason or reason
        streams = list(self.pending())
        news = [stream for stream in streams if stream.on_lost(self.reason, refused=not stream.is_written)]
        self.streams.clear()
        self._waiting.clear()
        for stream in streams:
            stream.is_open = False
        return news

    # --- in

    def receive(self, data: bytes) -> list[Stream]:
        """Take bytes of the peer; returns the streams with news. A peer that breaks the rules closes the connection."""
        if self.is_closed:
            return []
        try:
            self._receive(self._rest + data if self._rest else data)
        except ProtocolError as error:
            self._news += self.close(f"the server broke HTTP/2: {error.message}", error.code)
        news, self._news = self._news, []  # a stream that is kept here would keep its client alive
        return news

    def _receive(self, data: bytes) -> None:
        at, size, unpack = 0, len(data), HEAD.unpack_from
        if not self.is_established and is_cut(data):
            size = 0
        while size - at >= HEAD_SIZE:
            head, flags, id = unpack(data, at)  # noqa: A001
            start, kind, length = at + HEAD_SIZE, head & 0xFF, head >> 8
            if self._expected is not None:
                self._check_order(kind, flags, id)
            if length > FRAME_SIZE:
                raise ProtocolError("a frame is too large", ErrorCode.FRAME_SIZE_ERROR)
            end = start + length
            if end > size:
                break
            at = end
            if kind == DATA and not flags & PADDED:
                self._on_data(flags, id, data[start:end])
            elif kind == HEADERS and flags & WHOLE == END_HEADERS:
                self._on_block(flags, id, data[start:end])
            else:
                self._on_other(kind, flags, id & LAST_STREAM, data[start:end])
        self._rest = data[at:]

    def _check_order(self, kind: int, flags: int, id: int) -> None:  # noqa: A002
        if self._block is not None:
            if kind != self._expected or id & LAST_STREAM != self._block.stream:
                raise ProtocolError("a header block is interrupted")
        elif kind != self._expected or flags & frames.ACK:
            raise ProtocolError("the first frame is not SETTINGS: this is not etcd, or a proxy is in the way")

    def _on_other(self, kind: int, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        """Take a frame that is not of the usual ones."""
        if kind == DATA:
            content = payloads.unpadded(payload)
            self._on_data(flags, id, content, len(payload) - len(content))
        elif kind == HEADERS:
            self._on_header_part(payloads.HeaderBlock(flags, id, payload), flags)
        elif kind == frames.CONTINUATION:
            self._on_continuation(flags, payload)
        else:
            self._flood.add()
            handle = self._kinds.get(kind)
            if handle is not None:
                handle(flags, id, payload)

    def _find(self, id: int) -> Stream | None:  # noqa: A002
        """Return the open stream of a frame, None if the frame is late. Raises for a stream that never was."""
        stream = self._known(id & LAST_STREAM)
        if stream is None and id & LAST_STREAM not in self._abandoned:
            raise ProtocolError(f"a frame of stream {id}, which has ended", ErrorCode.STREAM_CLOSED)
        return stream

    def _known(self, id: int) -> Stream | None:  # noqa: A002
        """Return the stream of a frame that may come late, None if it has ended."""
        if not id & 1 or id >= self._next_id:
            raise ProtocolError(f"a frame of stream {id}, which was never opened")
        return self.streams.get(id)

    def _on_data(self, flags: int, id: int, data: bytes, padding: int = 0) -> None:  # noqa: A002
        end, size, inflow = (flags & END_STREAM) != 0, len(data) + padding, self._inflow
        if data or end:
            self._flood.count = 0
        else:
            self._flood.add()
        inflow.unread += size
        if inflow.unread > HALF_CONNECTION:
            inflow.reopen()
        stream = self.streams.get(id) or self._find(id)
        if stream is None:
            return
        stream.read_window = left = stream.read_window - size
        if left < 0:
            raise ProtocolError("more was sent than the window allows", ErrorCode.FLOW_CONTROL_ERROR)
        if padding and not stream.refill:
            inflow.taken(stream, padding)
        if stream.on_data(data, end):
            self._news.append(stream)
        if end:
            self._ended(stream)
        if left < HALF_STREAM and stream.is_open:
            inflow.refill(stream)

    def _on_continuation(self, flags: int, part: bytes) -> None:
        block = self._block
        if block is None:
            raise ProtocolError("a CONTINUATION frame without HEADERS")
        block.add(part)
        self._on_header_part(block, flags)

    def _on_header_part(self, block: payloads.HeaderBlock, flags: int) -> None:
        """Take a part of a header block, whose last one has the flag END_HEADERS."""
        self._block, self._expected = block, frames.CONTINUATION
        if flags & END_HEADERS:
            self._block = self._expected = None
            self._on_block(block.flags, block.stream, block.join())

    def _on_block(self, flags: int, id: int, block: bytes) -> None:  # noqa: A002
        self._flood.count = 0
        stream = self.streams.get(id) or self._find(id)
        try:
            fields = self._decoder.known(block) or self._decoder.decode(block)
        except StreamError as error:
            return self._broken(stream, error)
        if stream is None:
            return None
        end = (flags & END_STREAM) != 0
        if stream.on_headers(fields, end):
            self._news.append(stream)
        if end:
            self._ended(stream)
        return None

    def _broken(self, stream: Stream | None, error: StreamError) -> None:
        """End a stream whose rules the peer broke."""
        if stream is not None:
            if stream.on_broken(f"the server broke HTTP/2: {error.message}"):
                self._news.append(stream)
            self.reset(stream, error.code)

    # --- ends

    def _ended(self, stream: Stream) -> None:
        """The peer has sent all of a stream; it needs no more of ours."""
        if not stream.sent_end or stream.outbox:
            self._out.add(frames.reset(stream.id, ErrorCode.NO_ERROR))
        self._end(stream)

    def _end(self, stream: Stream) -> None:
        """Forget a stream."""
        stream.is_open = False
        del self.streams[stream.id]
        if stream.outbox:
            self._flow.drop(stream)
        if self._waiting:
            self._open_waiting()

    def _open_waiting(self) -> None:
        while self._waiting and len(self.streams) < self._limit and self._next_id <= LAST_STREAM:
            stream, begin = next(iter(self._waiting.items()))
            self.request(stream, *begin)
            del self._waiting[stream]

    def _on_reset(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags
        code, stream = payloads.reset(payload), self._known(id)
        if stream is not None:
            if stream.on_reset(code):
                self._news.append(stream)
            self._end(stream)

    # --- about the connection

    def _on_settings(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        given = payloads.settings(flags, id, payload)
        if given is None:
            return
        if frames.Setting.INITIAL_WINDOW_SIZE in given:
            self._flow.set_initial(given[frames.Setting.INITIAL_WINDOW_SIZE], self.streams.values())
        self._flow.frame_size = given.get(frames.Setting.MAX_FRAME_SIZE, self._flow.frame_size)
        if self._limit >= 0:
            self._limit = given.get(frames.Setting.MAX_CONCURRENT_STREAMS, self._limit)
        self.is_established, self._expected = True, None
        self._out.add(frames.SETTINGS_ACK)
        self._open_waiting()

    def _on_ping(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        if payloads.ping(flags, id, payload):
            self._out.add(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif payload == payloads.QUESTION:
            self.is_asked = False

    def _on_goaway(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags
        last, why = payloads.goaway(id, payload)
        self.is_draining, self._limit, self.reason = True, -1, f"the server closes the connection: {why}"
        refused = [stream for stream in self.streams.values() if stream.id > last]
        told = [*refused, *self._waiting]
        self._news += [stream for stream in told if stream.on_lost(self.reason, refused=True)]
        self._waiting.clear()
        for stream in refused:
            if not self._withdraw(stream):
                self._abandoned.add(stream.id)
            self._end(stream)

    def _on_window(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags
        size, stream = payloads.window_update(payload), self._known(id) if id else None
        if id and stream is None:
            return
        try:
            if not size:
                raise (StreamError if id else ProtocolError)("a window is opened by 0")
            if self._flow.opened(size, stream):
                self._flood.count = 0
        except StreamError as error:
            self._broken(stream, error)

    def _on_priority(self, flags: int, id: int, payload: bytes) -> None:  # noqa: A002
        del flags
        try:
            payloads.priority(id, payload)
        except StreamError as error:
            self._broken(self.streams.get(id), error)
