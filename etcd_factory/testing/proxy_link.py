"""One connection through a proxy: its two ends, and what comes in at one on its way to the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import Protocol, cast

# To close a socket with a reset at once, whatever is still to be sent.
LINGER = struct.pack("ii", 1, 0)
# How many chunks may be on their way in each direction before no more are read.
QUEUED = 64


class Rules(Protocol):
    """What the proxy says of its connections at the moment."""

    pause: float

    def opened(self, link: Link) -> None:
        """A client has connected."""
        ...

    def passes(self, link: Link, data: bytes, *, is_request: bool) -> bool:
        """Whether the bytes go on; none are the end of the connection."""
        ...

    def ended(self, link: Link) -> None:
        """Neither end is open any more."""
        ...


class End(asyncio.Protocol):
    """One end of a link. What comes in here goes out at the other one in order, after the proxy's pause."""

    def __init__(self, link: Link) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_full = False
        self._link = link
        self._coming: deque[bytes] = deque()
        self._due = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self.transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is connected."""
        self.transport = cast("asyncio.Transport", transport)
        self._link.made(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """It was closed, from here or there."""
        self.transport = None
        self._link.lost()
        self._later(b"")

    def data_received(self, data: bytes) -> None:
        """Bytes have come in."""
        self._later(data)

    def pause_writing(self) -> None:
        """Its socket takes no more for now."""
        self.is_full = True
        self._link.pace()

    def resume_writing(self) -> None:
        """Its socket takes more again."""
        self.is_full = False
        self._link.pace()

    def pace(self, is_held: bool) -> None:
        """Read on, or not while ``is_held`` or much is on its way."""
        if self.transport is None:
            return
        if is_held or len(self._coming) >= QUEUED:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def give(self, data: bytes) -> None:
        """Send the bytes; none are the end of the connection."""
        if self.transport is None or self.transport.is_closing():
            return
        if data:
            self.transport.write(data)
        else:
            self.transport.close()

    def reset(self) -> None:
        """Close it so that the other side gets a reset."""
        if self.transport is None:
            return
        # A socket that is being closed already has no more options.
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self.transport.abort()

    def _later(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._coming.append(data)
        # Each call gives one chunk, the oldest: order holds through every change of the pause.
        self._due = max(self._due, loop.time() + self._link.rules.pause)
        loop.call_at(self._due, self._go_on)
        self._link.pace()

    def _go_on(self) -> None:
        self._link.carry(self, self._coming.popleft())
        self._link.pace()


class Link:
    """A client's connection and the one to the target that belongs to it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.near, self.far = End(self), End(self)
        # Whether bytes were swallowed, so that neither side can make sense of what would follow.
        self.is_holed = False
        self._dialling: asyncio.Task[None] | None = None

    def dial(self, host: str, port: int) -> None:
        """Connect to the target; the client's bytes wait for that."""
        self._dialling = asyncio.ensure_future(self._dial(host, port))

    def made(self, end: End) -> None:
        """One of the ends is connected."""
        if end is self.near:
            self.rules.opened(self)
        # Not at once: behind this call Python 3.10 begins to read, whether it was told to pause or not.
        asyncio.get_running_loop().call_soon(self.pace)

    def lost(self) -> None:
        """One of the ends was closed."""
        if not self.near.is_open and not self.far.is_open:
            self.rules.ended(self)

    def pace(self) -> None:
        """Read from each end no faster than the other one takes it."""
        is_dialling = self._dialling is not None and not self._dialling.done() and not self.far.is_open
        self.near.pace(self.far.is_full or is_dialling)
        self.far.pace(self.near.is_full)

    def carry(self, source: End, data: bytes) -> None:
        """Hand on what came in, unless it is to be swallowed."""
        is_request = source is self.near
        sink = self.far if is_request else self.near
        if self.rules.passes(self, data, is_request=is_request) and sink.is_open:
            sink.give(data)
        else:
            self.is_holed = True

    def reset(self) -> None:
        """Break both connections."""
        if self._dialling:
            self._dialling.cancel()
        self.near.reset()
        self.far.reset()

    async def _dial(self, host: str, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.far, host, port)
        except OSError:
            self.near.reset()
