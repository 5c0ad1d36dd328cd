"""The two faces of an etcd client."""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, TypeVar, overload

from attrs import evolve
from typing_extensions import Self

from .core.admin.health import HealthChecks
from .core.admin.service import Admin
from .core.call.client import Client
from .core.call.view import View
from .core.concurrency.election import Elections
from .core.concurrency.lock import Locks
from .core.concurrency.stm import STMs
from .core.face import Async, F, Sync
from .core.kv.builders import KV
from .core.kv.txn import Part, Transactions, batch
from .core.lease.leases import Leases
from .core.mirror.mirror import Mirrors
from .core.op import Op, Text, raw
from .core.ports import IO
from .core.watch.builder import Watches
from .io.grpc.asyncio import AsyncioTransport
from .io.grpc.threads import ThreadTransport
from .io.runtime import forks
from .options import ClientOptions
from .raw import Raw

T = TypeVar("T")


class Service(
    KV[F],
    Transactions[F],
    Leases[F],
    STMs[F],
    Watches[F],
    Mirrors[F],
    Locks[F],
    Elections[F],
    HealthChecks[F],
    Admin[F],
):
    """What both faces have. Making one does no I/O; the first call connects."""

    _io: ClassVar[Any]
    _run: View

    def __init__(self, options: ClientOptions | Mapping[str, Any] | None = None) -> None:
        chosen = ClientOptions.of(options)
        io: IO = self._io(chosen)
        client = Client(io, chosen, threading.Lock, random.random)
        forks.watch(client.flights)
        self._run = View(client, raw(chosen.namespace, "a namespace"), chosen.timeout)
        self._raw = Raw(chosen)

    @property
    def options(self) -> ClientOptions:
        """What the client was made from."""
        return self._run.client.options

    @property
    def raw(self) -> Any:
        """A python-etcd3 ``Etcd3Client`` on the same options, made at the first use and closed with the service.

        It blocks, in asyncio too. It knows the first host only, and no namespace: its keys are whole ones.
        """
        return self._raw.get()

    def namespace(self, prefix: Text) -> Self:
        """The same service with every key below ``prefix``, on the same connections; namespaces nest."""
        return self._seen(namespace=self._run.namespace + raw(prefix, "a namespace"))

    def with_options(self, *, timeout: float) -> Self:
        """The same service with another timeout in seconds for its operations, on the same connections."""
        checked = ClientOptions(timeout=timeout)
        return self._seen(timeout=checked.timeout)

    def _seen(self, **changes: Any) -> Self:
        seen = copy.copy(self)
        seen._run = evolve(self._run, **changes)
        return seen

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.options.hosts)} namespace={self._run.namespace!r}>"


class ETCDService(Service[Sync]):
    """An etcd client that blocks. Safe to share between threads.

    ``with ETCDService({"hosts": ["127.0.0.1:2379"]}) as etcd: etcd.put("foo").value("bar")``. Closing it, or any view
    of it made by ``namespace`` or ``with_options``, closes the connections that they share.
    """

    _io = ThreadTransport

    @overload
    def batch(self, operations: Iterable[Op[T]]) -> list[T]: ...
    @overload
    def batch(self, operations: Iterable[Part]) -> list[Any]: ...
    def batch(self, operations: Iterable[Part]) -> list[Any]:
        """The results of any number of operations, in order, run in as few transactions as etcd allows.

        Each transaction is all or none, the list is not: where one fails, the error's ``operation`` says how many of
        the operations before it are done.
        """
        done: list[Any] = self._run.finish(batch(self._run, operations))
        return done

    def close(self) -> None:
        """End all calls and connections; afterwards calls raise ``ClientClosedError``. Closing twice is fine."""
        self._raw.close()
        self._run.finish(self._run.client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncETCDService(Service[Async]):
    """An etcd client for asyncio. It belongs to no event loop before its first call, and may be used in several.

    ``async with AsyncETCDService({"hosts": ["127.0.0.1:2379"]}) as etcd: await etcd.put("foo").value("bar")``.
    """

    _io = AsyncioTransport

    @overload
    async def batch(self, operations: Iterable[Op[T]]) -> list[T]: ...
    @overload
    async def batch(self, operations: Iterable[Part]) -> list[Any]: ...
    async def batch(self, operations: Iterable[Part]) -> list[Any]:
        """The results of any number of operations, in order, run in as few transactions as etcd allows.

        Each transaction is all or none, the list is not: where one fails, the error's ``operation`` says how many of
        the operations before it are done.
        """
        return await batch(self._run, operations)

    async def aclose(self) -> None:
        """End all calls and connections; afterwards calls raise ``ClientClosedError``. Closing twice is fine."""
        self._raw.close()
        await self._run.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
