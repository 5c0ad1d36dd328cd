"""One connection through a proxy: its two ends, and the bytes on their way from one to the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import Protocol, cast

# Closes a socket with a reset at once, whatever is still to be sent.
RESET_LINGER = struct.pack("ii", 1, 0)
# How many chunks may be on their way in each direction before reading stops.
MAX_CHUNKS = 64


class LinkRules(Protocol):
    """What the proxy does with its connections at the moment; ``pause`` is the delay of each chunk in seconds."""

    pause: float

    def link_opened(self, link: Link) -> None:
        """A client has connected."""
        ...

    def passes(self, link: Link, data: bytes, *, is_request: bool) -> bool:
        """Whether to forward the bytes; empty bytes are the end of the connection."""
        ...

    def link_closed(self, link: Link) -> None:
        """Both ends are closed."""
        ...


class LinkEnd(asyncio.Protocol):
    """One end of a link. What it receives leaves at the other end in order, after the proxy's delay."""

    def __init__(self, link: Link) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_full = False
        self._link = link
        self._received: deque[bytes] = deque()
        self._due = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self.transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio: the connection is open."""
        self.transport = cast("asyncio.Transport", transport)
        self._link.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by asyncio: either side closed the connection."""
        self.transport = None
        self._link.disconnected()
        self._forward_later(b"")

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: bytes have arrived."""
        self._forward_later(data)

    def pause_writing(self) -> None:
        """Called by asyncio: the write buffer is full."""
        self.is_full = True
        self._link.throttle()

    def resume_writing(self) -> None:
        """Called by asyncio: the write buffer has room again."""
        self.is_full = False
        self._link.throttle()

    def throttle(self, is_held: bool) -> None:
        """Stop reading while ``is_held`` or many chunks are on their way, else resume it."""
        if self.transport is None:
            return
        if is_held or len(self._received) >= MAX_CHUNKS:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send the bytes; empty bytes close the connection."""
        if self.transport is None or self.transport.is_closing():
            return
        if data:
            self.transport.write(data)
        else:
            self.transport.close()

    def reset(self) -> None:
        """Close it so that the peer gets a reset."""
        if self.transport is None:
            return
        # A socket that is being closed takes no more options.
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_LINGER)
        self.transport.abort()

    def _forward_later(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._received.append(data)
        # Each call forwards one chunk, the oldest: so the order survives every change of the delay.
        self._due = max(self._due, loop.time() + self._link.rules.pause)
        loop.call_at(self._due, self._forward)
        self._link.throttle()

    def _forward(self) -> None:
        self._link.forward(self, self._received.popleft())
        self._link.throttle()


class Link:
    """A client's connection and the matching connection to the target."""

    def __init__(self, rules: LinkRules) -> None:
        self.rules = rules
        self.client, self.target = LinkEnd(self), LinkEnd(self)
        # Whether bytes were dropped, so that neither side could make sense of what would follow.
        self.has_lost_bytes = False
        self._dialing: asyncio.Task[None] | None = None

    def dial(self, host: str, port: int) -> None:
        """Connect to the target; the client's bytes wait for that."""
        self._dialing = asyncio.ensure_future(self._dial(host, port))

    def connected(self, end: LinkEnd) -> None:
        """One of the ends is connected."""
        if end is self.client:
            self.rules.link_opened(self)
        # Not at once: after this callback Python 3.10 starts reading even if it was paused here.
        asyncio.get_running_loop().call_soon(self.throttle)

    def disconnected(self) -> None:
        """One of the ends was closed."""
        if not self.client.is_open and not self.target.is_open:
            self.rules.link_closed(self)

    def throttle(self) -> None:
        """Read from each end no faster than the other end sends."""
        is_dialing = self._dialing is not None and not self._dialing.done() and not self.target.is_open
        self.client.throttle(self.target.is_full or is_dialing)
        self.target.throttle(self.client.is_full)

    def forward(self, source: LinkEnd, data: bytes) -> None:
        """Send what one end received to the other, or drop it."""
        is_request = source is self.client
        sink = self.target if is_request else self.client
        if self.rules.passes(self, data, is_request=is_request) and sink.is_open:
            sink.write(data)
        else:
            self.has_lost_bytes = True

    def reset(self) -> None:
        """Break both connections with a reset."""
        if self._dialing:
            self._dialing.cancel()
        self.client.reset()
        self.target.reset()

    async def _dial(self, host: str, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.target, host, port)
        except OSError:
            self.client.reset()
