"""A proxy that withholds replies, or breaks a connection at the reply to one certain request."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

from .faces import BOUND

HOST = "127.0.0.1"


class Relay:
    """Forwards bytes to ``upstream``. ``mute``, ``unmute`` and ``cut`` change what happens to replies.

    ``requested`` waits for a request after the last change.
    """

    def __init__(self, upstream):
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._listener = socket.create_server((HOST, 0))
        self._sockets, self._answer = [], socket.socket.sendall
        self.endpoint = f"{HOST}:{self._listener.getsockname()[1]}"
        self._requested, self._after = threading.Event(), b""

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def mute(self):
        """Drop all replies."""
        self._change(lambda sink, data: None)

    def unmute(self):
        """Forward replies again."""
        self._change(socket.socket.sendall)

    def cut(self, after):
        """Break the connection at the first bytes of a reply after a request that has ``after`` in it, then heal."""
        self._change(self._break, after)

    async def requested(self):
        """Wait for a request, after the last change of what happens to replies."""
        assert await asyncio.to_thread(self._requested.wait, BOUND)

    def _change(self, answer, after=b""):
        self._requested.clear()
        self._answer, self._after = answer, after

    def _break(self, sink, data):
        if not self._requested.is_set():  # the reply to an earlier call
            return sink.sendall(data)
        self._answer = socket.socket.sendall
        raise ConnectionResetError

    def _accept(self):
        with suppress(OSError):
            while True:
                near, far = self._listener.accept()[0], socket.create_connection(self._upstream)
                self._sockets += near, far
                threading.Thread(target=self._pump, args=(near, far, self._request), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, self._reply), daemon=True).start()

    def _pump(self, source, sink, forward):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                forward(sink, data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _request(self, sink, data):
        if self._after in data:
            self._requested.set()  # before it is sent, as the reply may be quick
        sink.sendall(data)

    def _reply(self, sink, data):
        self._answer(sink, data)
