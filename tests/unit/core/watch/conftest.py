"""What tests of watches on a scripted transport share."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.watch.stream import WatchStream
from tests.support.views import view_behind
from tests.support.watching import recorder  # noqa: F401

BOUND = 10  # seconds that nothing here takes


@pytest.fixture
def take(face):
    """A function that returns the next events of a watcher, None after the last one."""

    def following(watcher):
        return next(watcher, None) if face.name == "blocking" else anext(watcher, None)

    async def take(watcher, count=1):
        return [await asyncio.wait_for(face.begin(lambda: following(watcher)), BOUND) for _ in range(count)]

    return take


@pytest.fixture
def stream_of(connect):
    """A function that returns the watch stream of a client on a script, its transport, and the core client."""

    def make(script, **options):
        client, transport = connect(script, **options)
        core = view_behind(client).client
        return core.background.get(WatchStream), transport, core

    return make
