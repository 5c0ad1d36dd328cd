"""The server and the clients that all cases share, and what a case is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from grpc import aio

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService, ops
from etcd_factory.io.grpc.channel import arguments
from etcd_factory.testing import EtcdServer, ServerTLS

from .clients import Place
from .load import Job
from .measure import Bar, Side
from .own import Own
from .stubs import Awaited, Blocking
from .worker import Worker, build, command, missing
from .writer import Writer

KEYS = 10_000  # keys under the prefix
QUOTA = "--quota-backend-bytes=8589934592"  # fast clients write more revisions than the default holds
KEY, VALUE, PREFIX = "benchmark/key", "v" * 100, "benchmark/many/"

Sides = dict[str, Side]


class World:
    """A server, and in both faces the service and the bare stub."""

    def __init__(self, stack: ExitStack) -> None:
        host = stack.enter_context(EtcdServer(args=[QUOTA])).endpoint
        self.options, self.host, self.stack = ClientOptions(hosts=host, share=False), host, stack
        self.absent: dict[str, None] = {}  # why sides are left out
        self._workers: dict[tuple[str, ...], Worker] = {}
        self.writer = stack.enter_context(Writer(host))
        self.etcd = self.service()
        fill(self.etcd)
        self.loop = asyncio.new_event_loop()
        stack.callback(self.loop.close)
        self.run(self.connect())

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
        self.own, self.aown = Own(self.etcd), Own(self.aetcd)

    def service(self) -> ETCDService:
        """Return a new client, with connections of its own."""
        return self.stack.enter_context(ETCDService(self.options))

    def aservice(self) -> AsyncETCDService:
        """Return a new asyncio client, with connections of its own."""
        etcd = AsyncETCDService(self.options)
        self.stack.callback(self.runner(etcd.aclose))
        return etcd

    def workers(self, face: str, names: Iterable[str], job: Job, place: Place | None = None) -> Sides:
        """Return a job as a side of each client that there is, run in processes that all cases share."""
        place = place or Place(self.host)
        found = {name: self.command(f"{name} {face}", place) for name in names}
        return {name: partial(self.worker(tuple(args)).run, job) for name, args in found.items() if args}

    def worker(self, args: tuple[str, ...]) -> Worker:
        """Return the process of a command, started at its first use."""
        if args not in self._workers:
            self._workers[args] = self.stack.enter_context(Worker(args))
        return self._workers[args]

    def command(self, name: str, place: Place | None = None) -> list[str]:
        """Return the command that starts a client's worker; empty if there is none, and then the reason is kept."""
        place = place or Place(self.host)
        if name.startswith("Go "):
            program, why = self.go
            return [] if self.left_out(why) else [str(program), place.host]
        return [] if self.left_out(missing(name)) else command(name, place)

    def left_out(self, why: str) -> bool:
        """Return whether there is a reason to leave a side out, and keep it."""
        if why:
            self.absent[why] = None
        return bool(why)

    @cached_property
    def go(self) -> tuple[Path, str]:
        """The worker in Go, built at its first use, and why there is none."""
        return build(Path(self.stack.enter_context(TemporaryDirectory())))

    @cached_property
    def secure(self) -> Place | None:
        """Another server with the same keys, under TLS; None without trustme."""
        try:
            import trustme
        except ImportError:
            self.left_out("trustme, which makes certificates, is not installed")
            return None
        folder, authority = Path(self.stack.enter_context(TemporaryDirectory())), trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(folder / "key.pem")
        issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        server = EtcdServer(tls=ServerTLS(folder / "cert.pem", folder / "key.pem"))
        place = Place(self.stack.enter_context(server).endpoint, str(folder / "ca.pem"))
        with ETCDService(place.options()) as etcd:
            fill(etcd)
        return place

    def compact(self) -> None:
        """Discard the history: with that of many locks a server takes several times as long for each."""
        self.etcd.compact(self.etcd.put(KEY).value(VALUE).revision, physical=True)

    def run(self, body: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(body)

    def runner(self, body: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Callable[[], Any]:
        """Return a function that runs a coroutine function to its end."""
        return lambda: self.run(body(*args))


def fill(etcd: ETCDService) -> None:
    """Write the keys that cases read."""
    keys = [KEY, *(f"{PREFIX}{number:05}" for number in range(KEYS))]
    etcd.batch([ops.put(key).value(VALUE) for key in keys])


@dataclass(frozen=True)
class Case:
    """One comparison, and how often it is repeated."""

    sides: Callable[[World], Sides]
    bars: tuple[Bar, ...]
    rounds: int = 15
    turns: int = 8  # turns of each side in a round
    past: bool = False  # whether it reads the past, which otherwise is discarded after each round
