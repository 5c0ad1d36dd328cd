"""What is compared: a table of cases, each with its sides and its bars."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from grpc import aio

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService, ops
from etcd_factory.io.channels import arguments
from etcd_factory.testing import EtcdServer

from .measure import Bar, Side, timed
from .stubs import Awaited, Blocking, imported

CALLS = 256  # in a turn
KEYS = 10_000  # below the prefix
KEY, VALUE, PREFIX = "benchmark/key", "v" * 100, "benchmark/many/"


class World:
    """A server, and both ways to it in both faces."""

    def __init__(self, stack: ExitStack) -> None:
        host = stack.enter_context(EtcdServer()).endpoint
        self.options, self.host, self.stack = ClientOptions(hosts=host), host, stack
        self.etcd = stack.enter_context(ETCDService(self.options))
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
        self.aetcd = AsyncETCDService(self.options)
        channel = grpc.insecure_channel(self.host, arguments(self.options))
        achannel = aio.insecure_channel(self.host, arguments(self.options))
        self.stack.callback(channel.close)
        self.stack.callback(lambda: self.run(achannel.close()))
        self.stack.callback(lambda: self.run(self.aetcd.aclose()))
        limits = {"bare": self.options.timeout, "bare, no timeout": None}
        self.stubs = {name: Blocking(channel, limit) for name, limit in limits.items()}
        self.astubs = {name: Awaited(achannel, limit) for name, limit in limits.items()}

    def run(self, body: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(body)


Sides = dict[str, Side]
Call = Callable[[], Any]


def calls(world: World, ours: Callable[[Any], Call], bare: Callable[[Any], Call]) -> Sides:
    """The blocking sides of a call, one after another."""
    bodies = {"ours": ours(world.etcd), **{name: bare(stub) for name, stub in world.stubs.items()}}
    return {name: timed(partial(repeat, call), CALLS) for name, call in bodies.items()}


def repeat(call: Call) -> None:
    for _ in range(CALLS):
        call()


def acalls(world: World, ours: Callable[[Any], Call], bare: Callable[[Any], Call], *, flying: int) -> Sides:
    """The asyncio sides of a call, with so many of them in flight."""
    bodies = {"ours": ours(world.aetcd), **{name: bare(stub) for name, stub in world.astubs.items()}}
    return {name: timed(lambda call=call: world.run(fly(call, flying)), CALLS) for name, call in bodies.items()}


async def fly(call: Call, flying: int) -> None:
    await asyncio.gather(*[arepeat(call, CALLS // flying) for _ in range(flying)])


async def arepeat(call: Call, times: int) -> None:
    for _ in range(times):
        await call()


def prefix(world: World, kind: str) -> Sides:
    """The blocking sides of a large read into a dict."""
    ours = getattr(world.etcd.get_all().prefix(PREFIX), kind)
    bare = partial(getattr(world.stubs["bare"], kind), PREFIX)
    assert ours() == bare(), "the sides read different things"
    return {"ours": timed(ours), "bare": timed(bare)}


def aprefix(world: World, kind: str) -> Sides:
    """The asyncio sides of a large read into a dict."""
    ours = getattr(world.aetcd.get_all().prefix(PREFIX), kind)
    bare = partial(getattr(world.astubs["bare"], kind), PREFIX)
    return {"ours": timed(lambda: world.run(ours())), "bare": timed(lambda: world.run(bare()))}


def imports(world: World) -> Sides:
    """The import of the package, and of what it stands on."""
    compiled = world.stack.enter_context(TemporaryDirectory())
    modules = {"ours": "etcd_factory", "bare": "grpc, omegaconf, attrs"}
    return {name: partial(imported, names, compiled) for name, names in modules.items()}


@dataclass(frozen=True)
class Case:
    """One comparison, and how often it is made."""

    sides: Callable[[World], Sides]
    bars: tuple[Bar, ...]
    rounds: int = 15
    turns: int = 8  # of each side in a round


CALL_BARS = (Bar("bare", "cpu µs", 1.10), Bar("bare", "wall µs"), Bar("bare, no timeout", "cpu µs"))
READ_BARS = (Bar("bare", "wall µs", 1.3), Bar("bare", "cpu µs"))
IMPORT_BARS = (Bar("bare", "wall ms", 1.15), Bar("bare", "cpu ms"), Bar("bare", "peak MB", 1.15))

GET = (lambda etcd: lambda: etcd.get(KEY).string(), lambda stub: lambda: stub.get(KEY))
PUT = (lambda etcd: lambda: etcd.put(KEY).value(VALUE), lambda stub: lambda: stub.put(KEY, VALUE))

CASES = {
    "get blocking": Case(lambda world: calls(world, *GET), CALL_BARS),
    "put blocking": Case(lambda world: calls(world, *PUT), CALL_BARS),
    "get asyncio": Case(lambda world: acalls(world, *GET, flying=1), CALL_BARS),
    "put asyncio": Case(lambda world: acalls(world, *PUT, flying=1), CALL_BARS),
    "get asyncio 64": Case(lambda world: acalls(world, *GET, flying=64), CALL_BARS),
    "put asyncio 64": Case(lambda world: acalls(world, *PUT, flying=64), CALL_BARS),
    "import": Case(imports, IMPORT_BARS, rounds=31, turns=1),
    "prefix strings blocking": Case(lambda world: prefix(world, "strings"), READ_BARS),
    "prefix bytes blocking": Case(lambda world: prefix(world, "bytes"), READ_BARS),
    "prefix strings asyncio": Case(lambda world: aprefix(world, "strings"), READ_BARS),
    "prefix bytes asyncio": Case(lambda world: aprefix(world, "bytes"), READ_BARS),
}
