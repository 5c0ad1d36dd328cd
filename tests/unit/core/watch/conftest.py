"""What tests of watches on a scripted transport share."""

from __future__ import annotations

import asyncio

import pytest

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
