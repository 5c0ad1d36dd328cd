"""One test body for both faces: ``await settle(etcd.get("k").string())`` works in either."""

from __future__ import annotations

import asyncio
import inspect
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import frozen

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ETCDService, ETCDServiceFactory, errors, ops
from etcd_factory.core.face import Async

BOUND = 30  # seconds after which what a test waits for has failed
LOOK = 0.01  # seconds between two looks at a server: without, a test asks it thousands of times, and all others wait
THREADS = ThreadPoolExecutor(32, "test")


async def settle(given):
    """Return the result, awaited if the face returns a coroutine."""
    return await given if inspect.isawaitable(given) else given


async def in_time(awaitable, seconds=BOUND):
    """Return the result; the test fails if it takes longer."""
    return await asyncio.wait_for(awaitable, seconds)


async def listed(iterable):
    """Return all items of either kind of iterable."""
    return [item async for item in walk(iterable)]


async def walk(iterable):
    """Yield the items of either kind of iterable."""
    if is_async(iterable):
        async for item in iterable:
            yield item
    else:
        for item in iterable:
            yield item


async def until(condition, seconds=2 * BOUND):
    """Poll until the condition holds: it happens at the server, which does not tell, and each look is a call to it."""
    deadline = time.monotonic() + seconds
    while not await settle(condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(LOOK)


async def failure(call, kind=errors.EtcdError):
    """Return the error that a call raises."""
    with pytest.raises(kind) as caught:
        await settle(call())
    return caught.value


async def error_of(call):
    """Return the exception that a call raises, None if it raises none."""
    try:
        await settle(call())
    except Exception as error:
        return error
    return None


def is_async(one):
    """Whether a service, or anything that it returns, is that of asyncio."""
    return getattr(type(one), "face", None) is Async


async def closed(one):
    """Close a service or a factory of either face."""
    await settle(one.aclose() if hasattr(one, "aclose") else one.close())


async def enter(manager):
    """Enter a context manager of either face."""
    return await manager.__aenter__() if is_async(manager) else manager.__enter__()


async def leave(manager):
    """Leave a context manager of either face."""
    return await manager.__aexit__(None, None, None) if is_async(manager) else manager.__exit__(None, None, None)


async def inside(manager, body):
    """Return what ``await body(entered)`` returns inside the block of a context manager of either face."""
    if is_async(manager):
        async with manager as entered:
            return await body(entered)
    with manager as entered:
        return await body(entered)


async def fill(client, pairs):
    """Put keys and values; returns the results."""
    return await settle(client.batch([ops.put(key).value(value) for key, value in dict(pairs).items()]))


async def texts(client):
    """Return all keys of the client with their values."""
    return await settle(client.get_all().strings())


class FirstHost:
    """While it is entered, new clients of the face begin at their first host, not at a random one."""

    def __init__(self, face):
        self._runtime, self._patch = type(face.service._runtime()), pytest.MonkeyPatch()

    def __enter__(self):
        self._patch.setattr(self._runtime, "random", staticmethod(lambda: 0.0))

    def __exit__(self, *error):
        self._patch.undo()


@frozen
class Face:
    """The classes of one face."""

    name: str
    service: type
    factory: type

    @property
    def is_blocking(self):
        return self.name == "blocking"

    def create(self, options, transport=None):
        """Return a service that begins at its first host."""
        with FirstHost(self):
            return self.service(options, transport=transport)

    def begin(self, call):
        """Start a call beside the test; returns a future. The blocking face runs it in a thread."""
        if self.is_blocking:
            return asyncio.get_running_loop().run_in_executor(THREADS, call)
        return asyncio.ensure_future(call())

    def close(self, client):
        """Start closing a service beside the test; returns a future."""
        return self.begin(client.close if self.is_blocking else client.aclose)

    def handler(self, call):
        """Return a function for the client to call: ``call``, or in asyncio a coroutine function that runs it aside."""
        if self.is_blocking:
            return call

        async def handle(*args):
            return await asyncio.to_thread(call, *args)

        return handle


FACES = (
    Face("blocking", ETCDService, ETCDServiceFactory),
    Face("asyncio", AsyncETCDService, AsyncETCDServiceFactory),
)
