"""HTTP/2 servers on real sockets: each connection is a ``Wire`` that a test drives, or a script in a thread."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from contextlib import suppress
from functools import partial

from hyperframe.exceptions import HyperframeError
from hyperframe.frame import Frame

from etcd_factory.io.tls import TLSSocket

from .http2 import GOOD, NAMES, PREFACE, data, headers, message, ping, reset, settings, trailers

BOUND = 30  # seconds that nothing here takes
HOST = "127.0.0.1"
REFUSED = 7  # REFUSED_STREAM


class Wire:
    """The server's end of a connection: ``say`` bytes, ``hear`` frames."""

    def __init__(self, sock):
        sock.settimeout(BOUND)
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is said has arrived
        self.sock, self.begun, self._over = sock, False, threading.Event()

    def establish(self, *given):
        """Begin as a server with these settings."""
        self.say(settings(given))
        return self

    def say(self, *parts):
        self.sock.sendall(b"".join(parts))

    def hear(self):
        """The next frame that the client sends, with its ``name``; None if it closed the connection."""
        if not self.begun:
            self.begun = True
            if self._take(len(PREFACE)) is None:
                return None
        head = self._take(9)
        if head is None:
            return None
        try:
            one, length = Frame.parse_frame_header(memoryview(head))
        except HyperframeError:  # a stranger: a client that retries whoever had this port before
            return None
        body = self._take(length)
        if body is None:
            return None
        one.parse_body(memoryview(body))
        one.name = NAMES[one.type]
        return one

    def until(self, name, stream=None):
        """The next frame of a name, and of a stream."""
        while (one := self.hear()) is not None:
            if one.name == name and stream in (None, one.stream_id):
                return one
        raise AssertionError(f"the client closed the connection without {name}")

    def request(self):
        """The stream of the next complete request; None if the client closed the connection."""
        while (one := self.hear()) is not None:
            if one.name in ("HEADERS", "DATA") and "END_STREAM" in one.flags:
                return one.stream_id
        return None

    def requests(self, count):
        return [self.request() for _ in range(count)]

    def answer(self, stream, content=b""):
        """End a stream with one message."""
        self.say(headers(stream), data(stream, message(content)), trailers(stream, GOOD))

    def pong(self):
        """Answer the client's next PING."""
        self.say(ping(self.until("PING").opaque_data, 1))

    def rest(self):
        """The names of all frames until the client closes the connection."""
        return [one.name for one in iter(self.hear, None)]

    def over(self):
        """Its script has ended: that returns once the client closed the connection."""
        return self._over.wait(BOUND)

    def run(self, script):
        """Run its script."""
        try:
            script(self)
        finally:
            self._over.set()

    def close(self):
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def _take(self, size):
        parts = b""
        while len(parts) < size:
            try:
                part = self.sock.recv(size - len(parts))
            except ConnectionResetError:
                part = b""
            if not part:
                return None
            parts += part
        return parts


# --- scripts: what a connection does by itself


def answering(wire, answer=Wire.answer):
    """Answer each request, and each PING."""
    wire.establish()
    while (one := wire.hear()) is not None:
        if one.name == "PING" and not one.flags:
            wire.say(ping(one.opaque_data, 1))
        elif one.name in ("HEADERS", "DATA") and "END_STREAM" in one.flags:
            answer(wire, one.stream_id)


def refusing(wire):
    """Refuse each request as one that was not processed."""
    answering(wire, lambda wire, stream: wire.say(reset(stream, REFUSED)))


def silent(wire):
    """Take all bytes, and send none."""
    wire.rest()


class Server:
    """Listens; each connection runs a script in a thread of its own, or waits for the test that takes it (``wire``).

    ``scripts`` are those of the first connections in turn, the last one also that of all that follow.
    """

    def __init__(self, *scripts, sock=None, context=None):
        self._scripts, self._context = list(scripts), context
        self._sock = sock or socket.create_server((HOST, 0))
        self._new, self.names = queue.Queue(), queue.Queue()  # and of the clients' certificates
        self.wires, self.scheme = [], "https" if context else "http"
        self._is_over = False

    @property
    def endpoint(self):
        host, port = self._sock.getsockname()[:2]
        return f"{host}:{port}"

    @property
    def url(self):
        return f"{self.scheme}://{self.endpoint}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.refuse()
        self._is_over = True
        for wire in list(self.wires):
            wire.close()

    def wire(self):
        """The next connection."""
        return self._new.get(timeout=BOUND)

    def refuse(self):
        """Accept no more connections."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                self._serve(self._sock.accept()[0])

    def _serve(self, sock):
        script = self._scripts.pop(0) if len(self._scripts) > 1 else (self._scripts or [None])[0]
        threading.Thread(target=self._run, args=(sock, script), daemon=True).start()

    def _run(self, sock, script):
        with suppress(OSError):
            wire = Wire(self._secured(sock))
            if self._context is not None and self._context.verify_mode is ssl.CERT_REQUIRED:
                self.names.put(wire.sock.getpeercert()["subjectAltName"][0][1])
            self.wires.append(wire)
            if self._is_over:  # a handshake that ended late
                return wire.close()
            self._new.put(wire)
            if script is not None:
                wire.run(script)
        return None

    def _secured(self, sock):
        if self._context is None:
            return sock
        secure = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        secure.settimeout(BOUND)
        try:
            secure.do_handshake()
        except OSError:
            drain(secure)
            raise
        return secure


def server_context(certificate, *, protocols=("h2",), clients=None):
    """A server's side of TLS; ``clients`` is the authority whose certificates it requires."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.sslsocket_class = TLSSocket
    certificate.configure_cert(made)
    if protocols:
        made.set_alpn_protocols(list(protocols))
    if clients is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        clients.configure_trust(made)
    return made


def drain(sock):
    """Close a socket that has read all: the peer of another one may lose the last words in a reset."""
    with sock, suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 12):
            pass


def in_thread(body, *args):
    """Run a function beside the test; returns a function that waits for its result."""
    done = queue.Queue()

    def run():
        try:
            done.put((body(*args), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    return partial(outcome, done)


def outcome(done):
    """The result of a function in a thread, or its error."""
    value, error = done.get(timeout=BOUND)
    if error is not None:
        raise error
    return value
