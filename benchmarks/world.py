"""Where all cases take place, and what a case is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import grpc
from grpc import aio

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService, ops
from etcd_factory.io.grpc.channel import arguments
from etcd_factory.testing import EtcdServer

from .measure import Bar, Side
from .stubs import Awaited, Blocking
from .writer import Writer

KEYS = 10_000  # below the prefix
KEY, VALUE, PREFIX = "benchmark/key", "v" * 100, "benchmark/many/"

Sides = dict[str, Side]


class World:
    """A server, and both ways to it in both faces."""

    def __init__(self, stack: ExitStack) -> None:
        host = stack.enter_context(EtcdServer()).endpoint
        self.options, self.host, self.stack = ClientOptions(hosts=host), host, stack
        self.writer = stack.enter_context(Writer(host))
        self.etcd = self.service()
        self.fill()
        self.loop = asyncio.new_event_loop()
        stack.callback(self.loop.close)
        self.run(self.connect())

    def fill(self) -> None:
        """Write what is read."""
        keys = [KEY, *(f"{PREFIX}{number:05}" for number in range(KEYS))]
        self.etcd.batch([ops.put(key).value(VALUE) for key in keys])

    async def connect(self) -> None:
        """Open what belongs to a loop, and the bare channels."""
        self.aetcd = self.aservice()
        self.channel = grpc.insecure_channel(self.host, arguments(self.options))
        self.achannel = aio.insecure_channel(self.host, arguments(self.options))
        self.stack.callback(self.channel.close)
        self.stack.callback(self.runner(self.achannel.close))
        limits = {"bare": self.options.timeout, "bare, no timeout": None}
        self.stubs = {name: Blocking(self.channel, limit) for name, limit in limits.items()}
        self.astubs = {name: Awaited(self.achannel, limit) for name, limit in limits.items()}

    def service(self) -> ETCDService:
        """A client of its own, with connections of its own."""
        return self.stack.enter_context(ETCDService(self.options))

    def aservice(self) -> AsyncETCDService:
        """The same in asyncio."""
        made = AsyncETCDService(self.options)
        self.stack.callback(self.runner(made.aclose))
        return made

    def run(self, body: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(body)

    def runner(self, body: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Callable[[], Any]:
        """A function that runs this to its end."""
        return lambda: self.run(body(*args))


@dataclass(frozen=True)
class Case:
    """One comparison, and how often it is made."""

    sides: Callable[[World], Sides]
    bars: tuple[Bar, ...]
    rounds: int = 15
    turns: int = 8  # of each side in a round
