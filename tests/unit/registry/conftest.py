"""Clients of both faces without a server."""

from __future__ import annotations

import pytest

from etcd_factory.core.face import finish
from tests.support.health import backend  # noqa: F401
from tests.support.registering import registry  # noqa: F401
from tests.support.scripted import connect, face  # noqa: F401
from tests.support.watching import recorder  # noqa: F401


@pytest.fixture
def run(face):  # noqa: F811
    """Run a coroutine to its end, as the face does."""

    async def call(body):
        return finish(body) if face.is_blocking else await body

    return call
