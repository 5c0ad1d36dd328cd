"""The server and the clients that all cases share, and what a case is."""

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

KEYS = 10_000  # keys under the prefix
KEY, VALUE, PREFIX = "benchmark/key", "v" * 100, "benchmark/many/"

Sides = dict[str, Side]


class World:
    """A server, and in both faces the service and the bare stub."""

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
        """Write the keys that cases read."""
        keys = [KEY, *(f"{PREFIX}{number:05}" for number in range(KEYS))]
        self.etcd.batch([ops.put(key).value(VALUE) for key in keys])

    async def connect(self) -> None:
        """Open the asyncio client and the bare channels."""
        self.aetcd = self.aservice()
        self.channel = grpc.insecure_channel(self.host, arguments(self.options))
        self.achannel = aio.insecure_channel(self.host, arguments(self.options))
        self.stack.callback(self.channel.close)
        self.stack.callback(self.runner(self.achannel.close))
        limits = {"bare": self.options.timeout, "bare, no timeout": None}
        self.stubs = {name: Blocking(self.channel, limit) for name, limit in limits.items()}
        self.astubs = {name: Awaited(self.achannel, limit) for name, limit in limits.items()}

    def service(self) -> ETCDService:
        """Return a new client, with connections of its own."""
        return self.stack.enter_context(ETCDService(self.options))

    def aservice(self) -> AsyncETCDService:
        """Return a new asyncio client, with connections of its own."""
        etcd = AsyncETCDService(self.options)
        self.stack.callback(self.runner(etcd.aclose))
        return etcd

    def run(self, body: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(body)

    def runner(self, body: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Callable[[], Any]:
        """Return a function that runs a coroutine function to its end."""
        return lambda: self.run(body(*args))


@dataclass(frozen=True)
class Case:
    """One comparison, and how often it is repeated."""

    sides: Callable[[World], Sides]
    bars: tuple[Bar, ...]
    rounds: int = 15
    turns: int = 8  # turns of each side in a round
