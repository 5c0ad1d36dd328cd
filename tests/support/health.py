"""A server whose health a test sets; the fixture ``backend`` is imported by a conftest.py."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

HOST = "127.0.0.1"


class Backend(ThreadingHTTPServer):
    """Answers each GET with ``status``; ``paths`` are those that were asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__((HOST, 0), Handler)
        self.status, self.paths = 200, []

    @property
    def address(self):
        return f"{HOST}:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        if self.server.status in range(300, 400):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Print nothing."""


@pytest.fixture
def backend():
    """A server that is healthy at first."""
    with Backend() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01], name="backend", daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
