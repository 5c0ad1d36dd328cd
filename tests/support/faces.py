"""One test body for both faces: ``await settle(etcd.get("k").string())`` holds in either."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor

from attrs import frozen

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ETCDService, ETCDServiceFactory, ops

THREADS = ThreadPoolExecutor(32, "test")


async def settle(given):
    """The result, awaited where the face gives a coroutine."""
    return await given if inspect.isawaitable(given) else given


async def listed(given):
    """All that iterating gives."""
    return [item async for item in walk(given)]


async def walk(given):
    """The items of either kind of iterator, one after another."""
    if is_async(given):
        async for item in given:
            yield item
    else:
        for item in given:
            yield item


async def until(condition):
    """Look again and again: what is waited for happens at the server, and each look is a call to it."""
    while not await settle(condition()):  # noqa: ASYNC110
        await asyncio.sleep(0)


def is_async(builder):
    return builder._run.client.io.face.__name__ == "Async"


async def closed(one):
    """Close a service or a factory of either face."""
    await settle(one.aclose() if hasattr(one, "aclose") else one.close())


async def fill(client, pairs):
    """Put keys and values; gives the results."""
    return await settle(client.batch([ops.put(key).value(value) for key, value in dict(pairs).items()]))


async def texts(client):
    """All that the client sees."""
    return await settle(client.get_all().strings())


@frozen
class Face:
    """The classes of one face."""

    name: str
    service: type
    factory: type

    def begin(self, call):
        """A call under way beside the test, as a task; where the face blocks it has a thread."""
        if self.name == "blocking":
            return asyncio.get_running_loop().run_in_executor(THREADS, call)
        return asyncio.ensure_future(call())


FACES = (
    Face("blocking", ETCDService, ETCDServiceFactory),
    Face("asyncio", AsyncETCDService, AsyncETCDServiceFactory),
)
