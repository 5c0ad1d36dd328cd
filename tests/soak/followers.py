"""Four watches and a mirror of the same keys."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from attrs import define, field

from tests.support.faces import THREADS, is_async, settle

from .checks import Seen

PREFIX = "data/"
SAMPLE = 0.05  # seconds between looks at the mirror


@define(eq=False)
class Follower:
    """A watch and the events that it has delivered; with ``resync`` it may miss those that were compacted."""

    name: str
    resync: bool = False
    events: list = field(factory=list)
    errors: list = field(factory=list)
    revision: int = 0
    watcher: object = None
    reading: object = None

    def add(self, event):
        self.events.append(Seen.of(event))
        self.revision = max(self.revision, event.revision)

    async def begin(self, builder, *, iterate):
        """Begin to watch: by iteration, or by handlers."""
        if not iterate:
            builder = builder.on("put", self.add).on("delete", self.add).on("error", self.errors.append)
        self.watcher = await settle(builder.create())
        self.reading = asyncio.ensure_future(self._read()) if iterate else None

    async def _read(self):
        try:
            await self._read_all()
        except Exception as error:
            self.errors.append(error)

    async def _read_all(self):
        if is_async(self.watcher):
            async for event in self.watcher:
                self.add(event)
        else:
            await asyncio.get_running_loop().run_in_executor(THREADS, self._iterate)

    def _iterate(self):
        for event in self.watcher:
            self.add(event)

    def has(self, value):
        """Return whether the last event wrote this value."""
        return bool(self.events) and self.events[-1].value == value

    async def end(self):
        """End the watch."""
        await settle(self.watcher.cancel())
        if self.reading:
            await self.reading


async def begin(scene):
    """Begin the four watches."""
    watch = scene.client.watch().prefix(PREFIX)
    builders = {
        "all": (watch, True, False),
        "previous": (watch.previous(), False, False),
        "puts": (scene.client.watch().range(PREFIX, "data0").only("put"), True, False),
        "resync": (scene.follower.watch().prefix(PREFIX).resync(), True, True),
    }
    for name, (builder, iterate, resync) in builders.items():
        one = Follower(name, resync)
        await one.begin(builder, iterate=iterate)
        scene.watches.append(one)


@define
class Copy:
    """A mirror of the same keys, and what was in it at some revisions."""

    scene: object
    mirror: object = None
    taken: list = field(factory=list)

    async def begin(self):
        self.mirror = await settle(self.scene.follower.mirror(PREFIX))

    async def work(self):
        while not self.scene.over:
            self.look()
            await self.scene.pause(SAMPLE)

    def look(self):
        """Note what is in it, if its revision is the same before and after."""
        revision, copy = self.mirror.revision, dict(self.mirror)
        if self.mirror.revision == revision:
            self.taken.append((revision, copy))

    async def wait(self, revision):
        """Wait until it has reached a revision."""
        with suppress(TimeoutError):
            await self.scene.face.begin(partial(self.mirror.wait, revision, 30))
        self.look()
