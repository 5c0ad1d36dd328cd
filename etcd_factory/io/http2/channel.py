"""A connected socket, plain or TLS, that many threads use: bytes in and out, without waiting except in ``wait``."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from time import monotonic

BUFFER = 1 << 16  # bytes read at once
LONGEST = 3600.0  # seconds that a wait may take at once


class Channel:
    """A plain socket."""

    _sockets: tuple[socket.socket, ...] = ()  # none yet where its making was interrupted

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock, self._rest = sock, b""
        self._awake, self._wake = socket.socketpair()
        self._awake.setblocking(False)
        self._wake.setblocking(False)
        self._sockets = sock, self._awake, self._wake
        self._poll = Readiness(sock, self._awake)

    def receive(self) -> bytes | None:
        """Return bytes of the peer, None if there are none at the moment. Raises ``EOFError`` at their end."""
        try:
            data = self.sock.recv(BUFFER)
        except (BlockingIOError, InterruptedError):
            return None
        if not data:
            raise EOFError("the server closed the connection")
        return data

    def send(self, data: bytes) -> bool:
        """Send bytes, as far as the socket accepts them now; the rest waits. Returns whether all is sent."""
        self._rest += self._encoded(data)
        return self.flush()

    def flush(self) -> bool:
        """Send what waits; returns whether all is sent."""
        if self._rest:
            try:
                self._rest = self._rest[self.sock.send(self._rest) :]
            except (BlockingIOError, InterruptedError):
                return False
        return not self._rest

    def _encoded(self, data: bytes) -> bytes:
        return data

    def wait(self, timeout: float, *, write: bool = False) -> bool:
        """Wait until there is something to read, with ``write`` also until it accepts bytes; False if neither.

        ``wake`` ends it too.
        """
        ready, woken = self._poll.wait(min(timeout, LONGEST), write=write)
        if woken:
            with contextlib.suppress(BlockingIOError):
                self._awake.recv(BUFFER)
        return ready

    @property
    def has_input(self) -> bool:
        """Whether something can be read."""
        return self._poll.wait(0.0, write=False)[0]

    def wake(self) -> None:
        """End the wait of another thread."""
        with contextlib.suppress(OSError):  # it is full, so that it wakes already, or closed
            self._wake.send(b"\0")

    def shut(self) -> None:
        """End the connection, and wake whoever waits. The socket stays: another thread may be about to use it."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.wake()

    def close(self) -> None:
        """Close the socket, once no thread uses it: its number may soon be that of another file."""
        for one in self._sockets:
            one.close()

    __del__ = close  # of a client that was never closed, which is warned of


class SecureChannel(Channel):
    """A socket with TLS. Before Python 3.13 two threads must not read and write at once, so both take a lock."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str, deadline: float) -> None:
        super().__init__(sock)
        self._lock = threading.Lock()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._shake_hands(deadline)

    @property
    def protocol(self) -> str | None:
        """What both sides have agreed to speak."""
        return self._tls.selected_alpn_protocol()

    def _shake_hands(self, deadline: float) -> None:
        while True:
            try:
                self._tls.do_handshake()
                return self._drain(deadline)
            except ssl.SSLWantReadError:
                self._drain(deadline)
            self._fill(deadline)

    def _drain(self, deadline: float) -> None:
        self._rest += self._outgoing.read()
        while not self.flush():
            if monotonic() >= deadline:
                raise TimeoutError("the TLS handshake did not end in time")
            self.wait(deadline - monotonic(), write=True)

    def _fill(self, deadline: float) -> None:
        while (data := super().receive()) is None:
            if not self.wait(deadline - monotonic()) and monotonic() >= deadline:
                raise TimeoutError("the TLS handshake did not end in time")
        self._incoming.write(data)

    def receive(self) -> bytes | None:
        """Return decrypted bytes, None if there are none at the moment."""
        data = super().receive()
        if data is None:
            return None
        with self._lock:
            self._incoming.write(data)
            parts: list[bytes] = []
            try:
                while part := self._tls.read(BUFFER):
                    parts.append(part)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                if not parts:
                    raise EOFError("the server closed the connection") from None
        return b"".join(parts) or None

    def _encoded(self, data: bytes) -> bytes:
        with self._lock:
            self._tls.write(data)
            return self._outgoing.read()


class Readiness:
    """Waits for one socket, and for another that wakes it."""

    def __init__(self, sock: socket.socket, awake: socket.socket) -> None:
        self._sock, self._awake = sock, awake
        self._number = sock.fileno()
        self._polls = {write: self._prepare(write) for write in (False, True)} if hasattr(select, "poll") else None

    def _prepare(self, write: bool) -> select.poll:
        made = select.poll()
        made.register(self._number, select.POLLIN | (select.POLLOUT if write else 0))
        made.register(self._awake.fileno(), select.POLLIN)
        return made

    def wait(self, timeout: float, *, write: bool) -> tuple[bool, bool]:
        """Return whether the socket is ready, and whether it was woken."""
        timeout = max(0.0, timeout)
        if self._polls is None:
            reads, writes, _ = select.select([self._sock, self._awake], [self._sock] if write else [], [], timeout)
            return self._sock in reads or bool(writes), self._awake in reads
        found = self._polls[write].poll(timeout * 1000)
        ready = any(number == self._number for number, _ in found)
        return ready, len(found) > ready
