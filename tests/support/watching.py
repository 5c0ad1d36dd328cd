"""Watching: recording what handlers are called with, reading watchers, and what a watch leaves behind."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from functools import partial

import pytest

from .faces import BOUND, THREADS, in_time, is_async, settle

POLLS = 500
OURS = "etcd_factory"
STREAMS = ("grpc_server_started_total", 'grpc_method="Watch",grpc_service="etcdserverpb.Watch"')
WATCHERS = ("etcd_debugging_mvcc_watcher_total",)


class Recorder:
    """Records calls of handlers: ``recorder.on(watch, "put", "end")``, or ``recorder("name", ...)`` itself.

    ``calls`` has tuples of a name and the arguments. ``on`` takes whatever has ``.on(event, handler)``: watches,
    leases, locks, mirrors, registrations.
    """

    def __init__(self):
        self.calls, self._changed = [], threading.Condition()

    def __call__(self, name, *args):
        with self._changed:
            self.calls.append((name, *args))
            self._changed.notify_all()

    def on(self, source, *events):
        """Return the source, with calls for these events recorded."""
        for event in events:
            source = source.on(event, self.handler(event))
        return source

    def handler(self, name):
        """Return a handler whose calls are recorded under a name."""
        return partial(self, name)

    @property
    def names(self):
        """The names of the calls, in order."""
        return [name for name, *_ in self.calls]

    async def until(self, name, count=1):
        """Wait for so many calls of that name."""

        def wait():
            with self._changed:
                return self._changed.wait_for(lambda: self.names.count(name) >= count, BOUND)

        assert await asyncio.to_thread(wait), f"{name}: {self.names.count(name)} of {count} calls: {self.calls}"


@pytest.fixture
def recorder():
    """A recorder of handlers' calls."""
    return Recorder()


# --- reading watchers


def begin_take(watcher, count):
    """Start reading so many events beside the test; returns a future of the list."""

    async def read():
        return [await watcher.__anext__() for _ in range(count)]

    if is_async(watcher):
        return asyncio.ensure_future(read())
    return asyncio.get_running_loop().run_in_executor(THREADS, lambda: [next(watcher) for _ in range(count)])


async def take(watcher, count=1):
    """Return the next events."""
    return await in_time(begin_take(watcher, count))


async def take_revisions(watcher, count=1):
    """Return the next events, a list of them for each revision."""
    revisions = watcher.revisions()
    if is_async(watcher):
        return [await in_time(anext(revisions)) for _ in range(count)]
    return await in_time(asyncio.to_thread(lambda: [next(revisions) for _ in range(count)]))


def begin_drain(watcher):
    """Start reading to the end beside the test; returns a future of the list."""

    async def read():
        return [event async for event in watcher]

    if is_async(watcher):
        return asyncio.ensure_future(read())
    return asyncio.get_running_loop().run_in_executor(THREADS, lambda: list(watcher))


async def drain(watcher):
    """Return the events up to the end."""
    return await in_time(begin_drain(watcher))


def summary(events):
    """Return type, key and value of each event."""
    return [(event.type, event.kv.key_text, event.kv.text) for event in events]


def keys(events):
    """Return the key of each event."""
    return [event.kv.key_text for event in events]


async def put(client, *names, value="v"):
    """Put one value to several keys, each by its own call."""
    for name in names:
        await settle(client.put(name).value(value))


# --- what is left behind


def metric(server, name, labels=""):
    """Return a number of the server's metrics."""
    if hasattr(server, "metric"):  # a fake
        return server.metric(name, labels)
    text = urllib.request.urlopen(f"{server.url}/metrics").read().decode()
    line = next(line for line in text.splitlines() if line.startswith(name) and labels in line)
    return int(float(line.rsplit(" ", 1)[1]))


async def until_metric(server, name, expected):
    """Wait until a metric of the server, ``WATCHERS`` or ``STREAMS``, has a value."""
    for _ in range(POLLS):
        if await asyncio.to_thread(metric, server, *name) == expected:
            return
    pytest.fail(f"{name[0]} is {metric(server, *name)} and not {expected}")


def threads():
    """Return the threads of the package and of gRPC, except the one that all of asyncio shares."""
    names = (OURS, "Thread-")  # gRPC leaves its threads the default names
    return {one for one in threading.enumerate() if one.name.startswith(names) and "_poll_wrapper" not in one.name}


async def nothing_left(before):
    """Wait until the client runs no thread and no task, except the threads of before."""
    for one in threads() - before:
        await asyncio.to_thread(one.join, BOUND)
        assert not one.is_alive(), one
    tasks = {one for one in asyncio.all_tasks() if one.get_name().startswith(OURS)}
    if tasks:
        _, left = await asyncio.wait(tasks, timeout=BOUND)
        assert not left
