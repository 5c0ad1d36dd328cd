"""Factories of plain objects, one for each way to write a subclass, and the threads and tasks to test them with."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

import pytest
from attrs import define

from etcd_factory import AsyncServiceFactory, ServiceFactory
from etcd_factory.io.runtime import threads
from etcd_factory.io.runtime.asyncio import Promise as AsyncioPromise
from tests.support.faces import closed, is_async, settle

BOUND = 10  # seconds after which a test that hangs fails
THREE = {"clients": {"a": {}, "b": {}, "c": {}}}


@define(eq=False)
class Box:
    """A client that does nothing."""

    options: dict[str, Any]
    name: str | None


def nothing(box):
    return None


def failing(*names):
    """A hook that raises for the boxes of these names."""

    def hook(box):
        if box.name in names:
            raise RuntimeError(f"no {box.name}")

    return hook


async def error_of(call):
    """The error that a call raises, in either face."""
    try:
        return await settle(call())
    except Exception as error:
        return error


async def entered(factory):
    """The factory, entered in its face."""
    return await factory.__aenter__() if is_async(factory) else factory.__enter__()


class Script:
    """Records the boxes made and closed, and calls the hooks of a test meanwhile."""

    def __init__(self, config=None, *, on_create=nothing, on_destroy=nothing):
        self.made, self.ended = [], []
        self.on_create, self.on_destroy = on_create, on_destroy
        super().__init__(config)

    def begin(self, options, name):
        self.made.append(Box(options, name))
        return self.made[-1]

    def end(self, box, name):
        assert box.name == name
        self.ended.append(box)


class Boxes(Script, ServiceFactory[Box]):
    def create_client(self, options, name):
        box = self.begin(options, name)
        self.on_create(box)
        return box

    def destroy_client(self, client, name):
        self.end(client, name)
        self.on_destroy(client)


class AsyncBoxes(Script, AsyncServiceFactory[Box]):
    async def create_client(self, options, name):
        box = self.begin(options, name)
        await settle(self.on_create(box))
        return box

    async def destroy_client(self, client, name):
        self.end(client, name)
        await settle(self.on_destroy(client))


class PlainBoxes(Script, AsyncServiceFactory[Box]):
    """The asyncio face with methods that are not async."""

    create_client, destroy_client = Boxes.create_client, Boxes.destroy_client


class Gate(threading.Event):
    def wait(self, timeout=BOUND):
        return super().wait(timeout)


class AsyncGate(asyncio.Event):
    async def wait(self):
        return await asyncio.wait_for(super().wait(), BOUND)


class Threads:
    """Concurrency of the blocking face."""

    name, factory, gate, promise = "blocking", Boxes, Gate, threads.Promise

    def __init__(self):
        self.pool = ThreadPoolExecutor(16)

    def start(self, call):
        return asyncio.get_running_loop().run_in_executor(self.pool, call)

    async def reached(self, gate):
        assert await self.start(gate.wait)

    async def together(self, *calls):
        barrier = threading.Barrier(len(calls), timeout=BOUND)
        started = [self.start(lambda call=call: (barrier.wait(), call())[1]) for call in calls]
        return await asyncio.gather(*started, return_exceptions=True)


class Tasks:
    """Concurrency of the asyncio face."""

    name, factory, gate, promise = "asyncio", AsyncBoxes, AsyncGate, AsyncioPromise
    pool: ClassVar[Any] = None

    def start(self, call):
        return asyncio.ensure_future(call())

    async def reached(self, gate):
        await gate.wait()

    async def together(self, *calls):
        return await asyncio.gather(*(call() for call in calls), return_exceptions=True)


class PlainTasks(Tasks):
    name, factory = "asyncio, plain methods", PlainBoxes


@asynccontextmanager
async def opening(*ignored):
    """Gives what enters factories, and closes them at the end; errors of these kinds do not matter then."""
    held = []

    async def opened(factory):
        held.append(factory)
        return await entered(factory)

    yield opened
    for factory in held:
        with suppress(*ignored):
            await closed(factory)


@pytest.fixture
async def opened():
    """Enters factories, and closes them at the end."""
    async with opening() as one:
        yield one
