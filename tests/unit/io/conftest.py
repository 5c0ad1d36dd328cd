"""Both faces, and how coroutines of a transport are begun in each."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.face import finish
from tests.support.faces import FACES


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
def run(face):
    """Begins a coroutine of a transport as its face does: in a thread that it may block, or in a task."""

    def begin(body):
        return asyncio.ensure_future(asyncio.to_thread(finish, body) if face.is_blocking else body)

    return begin
