from __future__ import annotations

import asyncio
import threading

import pytest

from etcd_factory.errors import CloseError
from tests.support.boxes import BOUND, PlainTasks, Tasks, Threads, opening


@pytest.fixture(params=[Threads, Tasks, PlainTasks], ids=lambda face: face.name)
def face(request):
    """A face, and how calls run concurrently in it."""
    made = request.param()
    yield made
    if made.pool:
        made.pool.shutdown()


@pytest.fixture(params=[Threads, Tasks], ids=lambda face: face.name)
def waiting_face(request):
    """A face in which making a client can wait."""
    made = request.param()
    yield made
    if made.pool:
        made.pool.shutdown()


@pytest.fixture
async def opened():
    """Enters factories, and closes them at the end, however that ends."""
    async with opening(CloseError) as one:
        yield one


@pytest.fixture
def make(face, opened):
    """Makes factories of boxes of the face."""
    return lambda config=None, **hooks: opened(face.factory(config, **hooks))


@pytest.fixture
def waiters(waiting_face, monkeypatch):
    """Waits until that many callers wait for the client that another one makes."""
    threads, original = bool(waiting_face.pool), waiting_face.promise.wait
    arrived = threading.Semaphore(0) if threads else asyncio.Semaphore(0)

    async def wait(self, timeout=None):
        arrived.release()
        return await original(self, timeout)

    def in_threads(number):
        assert all(arrived.acquire(timeout=BOUND) for _ in range(number))

    async def in_tasks(number):
        for _ in range(number):
            await asyncio.wait_for(arrived.acquire(), BOUND)

    monkeypatch.setattr(waiting_face.promise, "wait", wait)
    return in_threads if threads else in_tasks
