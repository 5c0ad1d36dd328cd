"""Clients of both faces without a server: on a scripted transport, or on a clock of the test."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.call.client import Client
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Sync, finish
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport
from tests.support.clocks import CLOCKS
from tests.support.merging import merging  # noqa: F401
from tests.support.observing import observer  # noqa: F401
from tests.support.scripted import connect, face  # noqa: F401


@pytest.fixture(params=[ThreadRuntime, AsyncioRuntime], ids=["threads", "tasks"])
def runtime(request):
    """A runtime of each kind."""
    return request.param()


@pytest.fixture
def run(runtime):
    """Begins a coroutine as the runtime's face does, in a thread that it may block or in a task; await the result."""

    def begin(body):
        return asyncio.ensure_future(asyncio.to_thread(finish, body) if runtime.face is Sync else body)

    return begin


@pytest.fixture(params=CLOCKS, ids=["threads", "tasks"])
def clock(request):
    """A runtime of each kind whose clock moves only when someone sleeps."""
    return request.param()


@pytest.fixture
async def client_of(clock):
    """A function that returns a core client on a script and the test's clock, and the transport."""
    clients = []

    def make(script, **options):
        transport = script if hasattr(script, "unary") else ScriptedTransport(script)
        clients.append(Client(transport, clock, ClientOptions.of(options)))
        return clients[-1], transport

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
def view_of(client_of):
    """The same, with a view of the client."""

    def make(script, namespace=b"", timeout=5.0, **options):
        client, transport = client_of(script, **options)
        return View(client, namespace, timeout), transport

    return make
