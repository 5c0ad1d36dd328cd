"""Transports of both faces, and scripted servers on real sockets."""

from __future__ import annotations

import gc

import pytest

from etcd_factory.io.http2.asyncio import AsyncioTransport
from etcd_factory.io.http2.threads import ThreadTransport
from etcd_factory.options import ClientOptions
from tests.support.h2_server import Server


@pytest.fixture
async def connect(face, run):
    """A function that returns a transport of the face; closed when the test ends."""
    opened = []

    def make(**options):
        kind = ThreadTransport if face.is_blocking else AsyncioTransport
        opened.append(kind(ClientOptions.of(options)))
        return opened[-1]

    yield make
    for transport in opened:
        await run(transport.close())


@pytest.fixture
def serve():
    """A function that starts a server with a script for each connection, or without for a test that drives them."""
    servers = []

    def start(*scripts, **options):
        servers.append(Server(*scripts, **options).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def collected():
    """Garbage of other tests is gone, so that what is warned of is of this one."""
    gc.collect()
