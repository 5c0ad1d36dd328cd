"""Transports of both kinds, and servers that a test may kill."""

from __future__ import annotations

import asyncio
import socket
import threading

import grpc
import pytest

from etcd_factory.testing import EtcdServer
from tests.support.transports import real

BOUND = 30  # seconds that nothing here takes
HOST = "127.0.0.1"


@pytest.fixture
async def connect(face, run):
    """A function that returns a transport of the face; closed when the test ends."""
    opened = []

    def make(**options):
        opened.append(real(face, {**options, "transport": "grpc"}))
        return opened[-1]

    yield make
    for transport in opened:
        await run(transport.close())


@pytest.fixture
def refusing():
    """A host where nothing listens."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield f"{HOST}:{held.getsockname()[1]}"


@pytest.fixture
def silent():
    """A host that accepts connections and never answers."""
    with socket.create_server((HOST, 0)) as listener:
        yield f"{HOST}:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def spare():
    """A server of these tests alone."""
    with EtcdServer() as server:
        yield server


@pytest.fixture
def fragile(spare):
    """A server that a test may kill; it is up again for the next one."""
    return spare.start()


@pytest.fixture
def disconnected(face):
    """A function that waits until a transport knows that its connection to a host is gone."""

    async def blocking(channel):
        gone = threading.Event()
        channel.subscribe(lambda state: state is not grpc.ChannelConnectivity.READY and gone.set())
        assert await asyncio.to_thread(gone.wait, BOUND)

    async def awaited(channel):
        if channel.get_state() is grpc.ChannelConnectivity.READY:
            await asyncio.wait_for(channel.wait_for_state_change(grpc.ChannelConnectivity.READY), BOUND)

    async def wait(transport, url):
        if face.name == "blocking":
            await blocking(transport._connections.get(url).channel)
        else:
            await awaited(transport._loops[asyncio.get_running_loop()].get(url).channel)

    return wait
