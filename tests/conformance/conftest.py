"""A client of each face on a real etcd, every test in a namespace of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

import pytest

from etcd_factory.testing import EtcdServer
from tests.support.faces import FACES, closed

HOST = "127.0.0.1"


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
def options(etcd_server, etcd_namespace):
    """Options of a client in this test's namespace."""
    return {"hosts": [etcd_server.endpoint], "namespace": etcd_namespace}


@pytest.fixture
async def make(face, options):
    """Makes services of the face, and closes them."""
    made = []

    def new(**changes):
        made.append(face.service({**options, **changes}))
        return made[-1]

    yield new
    for one in made:
        await closed(one)


@pytest.fixture
def client(make):
    """A service in this test's namespace."""
    return make()


@pytest.fixture
def etcdctl(etcd_server):
    """etcd's own client, run on the server of the tests."""
    if not isinstance(etcd_server, EtcdServer):
        pytest.skip("etcdctl is had only with a local server")
    return etcd_server.etcdctl


@pytest.fixture
def lease(etcdctl):
    """The id of a lease that lives as long as the test."""
    name = etcdctl("lease", "grant", "600").split()[1]
    yield int(name, 16)
    etcdctl("lease", "revoke", name)


@pytest.fixture(scope="session")
def spare():
    """A server of this worker that others do not use."""
    with EtcdServer() as server:
        yield server


@pytest.fixture
def fragile(spare):
    """A server that a test may pause, kill, restart and compact; up again for the next one."""
    yield spare.start()
    if spare.running:
        spare.resume()


@pytest.fixture
def refusing():
    """A host where nothing listens."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield f"{HOST}:{held.getsockname()[1]}"


@pytest.fixture
def deaf():
    """A host that takes connections and never says a word."""
    with socket.create_server((HOST, 0)) as listener:
        yield f"{HOST}:{listener.getsockname()[1]}"


@pytest.fixture
def relay(etcd_server):
    """A proxy in front of the server, which can keep answers back and break connections."""
    with Relay(etcd_server.endpoint) as one:
        yield one


class Relay:
    """Passes bytes on until it is told otherwise; ``asked`` is set when bytes go to the server from then on."""

    def __init__(self, upstream):
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._listener = socket.create_server((HOST, 0))
        self._sockets, self._answer = [], socket.socket.sendall
        self.endpoint = f"{HOST}:{self._listener.getsockname()[1]}"
        self._told, self._after = threading.Event(), b""

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def mute(self):
        """Pass no more answers on."""
        self._tell(lambda sink, data: None)

    def cut(self, after):
        """Break the connection at the first bytes of an answer after a request with these, and be well again."""
        self._tell(self._break, after)

    def speak(self):
        """Pass answers on again."""
        self._tell(socket.socket.sendall)

    async def asked(self):
        """Wait until something has gone to the server since the relay was told what to do."""
        assert await asyncio.to_thread(self._told.wait, 30)

    def _tell(self, answer, after=b""):
        self._told.clear()
        self._answer, self._after = answer, after

    def _break(self, sink, data):
        if not self._told.is_set():  # left over from an earlier call
            return sink.sendall(data)
        self._answer = socket.socket.sendall
        raise ConnectionResetError

    def _accept(self):
        with suppress(OSError):
            while True:
                near, far = self._listener.accept()[0], socket.create_connection(self._upstream)
                self._sockets += near, far
                threading.Thread(target=self._pump, args=(near, far, self._ask), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, self._reply), daemon=True).start()

    def _pump(self, source, sink, give):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                give(sink, data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _ask(self, sink, data):
        if self._after in data:
            self._told.set()  # first, for the answer may be quick
        sink.sendall(data)

    def _reply(self, sink, data):
        self._answer(sink, data)
