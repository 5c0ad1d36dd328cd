"""Clients of both faces on scripted transports; the fixtures are imported by a conftest.py of unit tests."""

from __future__ import annotations

import pytest

from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.testing import ScriptedTransport

from .faces import FACES, closed

SHORT = {"initial": 0.001, "maximum": 0.001}  # seconds between attempts


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
def fixed_random(monkeypatch):
    """Random numbers are 1, as those of the clocks: clients begin at the first host."""
    for runtime in (ThreadRuntime, AsyncioRuntime):
        monkeypatch.setattr(runtime, "random", staticmethod(lambda: 1.0))


@pytest.fixture
async def connect(face, fixed_random):
    """A function that returns a service on a script, and its transport; closed when the test ends.

    It begins at the first of its hosts.
    """
    clients = []

    def make(script, **options):
        transport = script if hasattr(script, "unary") else ScriptedTransport(script)
        clients.append(face.service({"retry": SHORT, **options}, transport=transport))
        return clients[-1], transport

    yield make
    for client in clients:
        await closed(client)
