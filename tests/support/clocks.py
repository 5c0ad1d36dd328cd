"""Runtimes with a clock of their own, which moves when someone sleeps: pauses are seen and no time passes."""

from __future__ import annotations

from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime


class Clock:
    """``time`` is now, ``slept`` the pauses so far; random numbers are 1, so that every back-off is a full one."""

    def __init__(self):
        self.time, self.slept = 0.0, []

    def now(self):
        return self.time

    def random(self):
        return 1.0

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


class ClockThreads(Clock, ThreadRuntime):
    """On threads."""


class ClockTasks(Clock, AsyncioRuntime):
    """On asyncio."""


CLOCKS = (ClockThreads, ClockTasks)
