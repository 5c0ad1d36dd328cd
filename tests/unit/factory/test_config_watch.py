"""Watching sources: when a reload happens, what becomes of its errors, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref

import pytest

from etcd_factory import Reloaded
from etcd_factory.core.face import finish
from etcd_factory.errors import ClientClosedError, ConfigError
from etcd_factory.factory.config_watch import ConfigWatch
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from tests.support.faces import until

INTERVAL = 0.001
LOG = "etcd_factory.factory"


class Files:
    """Sources whose stamps a test sets; counts how often they are looked at."""

    def __init__(self, *script):
        self.now, self.script, self.looks = 0, list(script), 0

    def stamps(self):
        self.looks += 1
        self.now = self.script.pop(0) if self.script else self.now
        return [self.now]


class Factory:
    """Notes what was there at each reload, and raises what the test says."""

    def __init__(self, files):
        self.files, self.seen, self.error, self.reloaded = files, [], None, Reloaded(("a",))

    async def reload(self):
        self.seen.append(self.files.now)
        if self.error:
            raise self.error
        return self.reloaded


@pytest.fixture(params=[ThreadRuntime, AsyncioRuntime])
def runtime(request):
    return request.param()


@pytest.fixture
async def watch(runtime):
    """Begins a watch, which ends with the test."""
    begun = []

    def watch(files, factory, handler=None, interval=INTERVAL):
        begun.append(ConfigWatch(runtime, files, factory.reload, interval, handler))
        begun[-1].begin()
        return begun[-1]

    yield watch
    for one in begun:
        await ended(runtime, one)


async def ended(runtime, watch):
    body = watch.end()
    return finish(body) if isinstance(runtime, ThreadRuntime) else await body


def running():
    """The names of all threads and tasks."""
    return {*(thread.name for thread in threading.enumerate()), *(task.get_name() for task in asyncio.all_tasks())}


async def looked(files, times=3):
    """Wait until the sources were looked at so often."""
    goal = files.looks + times
    await until(lambda: files.looks >= goal)


async def test_it_reloads_at_the_start_and_at_each_change_only(watch):
    files = Files()
    factory = Factory(files)
    watch(files, factory)
    await looked(files)
    assert factory.seen == [0]
    files.now = 1
    await until(lambda: factory.seen == [0, 1])
    await looked(files)
    assert factory.seen == [0, 1]


async def test_sources_that_still_change_are_not_read(watch):
    files = Files(0, 1, 2, 3, 4)
    factory = Factory(files)
    watch(files, factory)
    await until(lambda: len(factory.seen) == 2)
    assert factory.seen == [0, 4]


async def test_a_problem_is_logged_once_and_tried_again_at_the_next_change(watch, caplog):
    caplog.set_level(logging.ERROR, LOG)
    files = Files()
    factory = Factory(files)
    factory.error = ConfigError("half written")
    watch(files, factory)
    await looked(files)
    assert factory.seen == [0]
    files.now = 1
    await until(lambda: factory.seen == [0, 1])
    await looked(files)
    assert [record.getMessage() for record in caplog.records] == [
        "keeping the configuration of the clients, the new one cannot be used: half written"
    ]
    factory.error = None
    files.now = 2
    await until(lambda: factory.seen == [0, 1, 2])
    factory.error = ConfigError("half written")
    files.now = 3
    await until(lambda: len(caplog.records) == 2)


async def test_the_handler_is_called_after_reloads_that_changed_something(watch):
    files, told = Files(), []
    factory = Factory(files)
    factory.reloaded = Reloaded()
    watch(files, factory, told.append)
    await looked(files)
    factory.reloaded = Reloaded(changed=("b",))
    files.now = 1
    await until(lambda: told)
    assert told == [Reloaded(changed=("b",))]


async def test_what_a_handler_raises_is_logged_and_it_goes_on(watch, caplog):
    files = Files()
    factory = Factory(files)
    watch(files, factory, lambda reloaded: 1 / 0)
    await until(lambda: "a reload of the configuration" in caplog.text)
    files.now = 1
    await until(lambda: factory.seen == [0, 1])


async def test_a_source_that_cannot_be_looked_at_does_not_end_it(watch):
    class Broken(Files):
        broken = True

        def stamps(self):
            if self.broken:
                raise ZeroDivisionError
            return super().stamps()

    files = Broken()
    factory = Factory(files)
    watch(files, factory)
    await until(lambda: factory.seen == [0])
    files.broken = False
    await until(lambda: factory.seen == [0, 0])


async def test_it_ends_at_once_though_it_waits(runtime, watch):
    files = Files()
    factory = Factory(files)
    one = watch(files, factory, interval=3600)
    await until(lambda: factory.seen)
    await ended(runtime, one)
    await until(lambda: "etcd_factory configuration files" not in running())


async def test_it_ends_with_its_factory(watch):
    files = Files()
    factory = Factory(files)
    factory.error = ClientClosedError()
    watch(files, factory)
    await until(lambda: factory.seen)
    await until(lambda: "etcd_factory configuration files" not in running())


async def test_a_factory_that_is_dropped_ends_it(watch):
    files = Files()
    factory = Factory(files)
    watch(files, factory)
    seen, gone = factory.seen, weakref.ref(factory)
    await until(lambda: seen)
    del factory
    await until(lambda: (gc.collect(), gone())[1] is None)
    await until(lambda: "etcd_factory configuration files" not in running())
