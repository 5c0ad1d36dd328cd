"""The two faces of an etcd client."""

from __future__ import annotations

import copy
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from attrs import evolve

from etcd_factory.blocks import AsyncBlock, Block
from etcd_factory.compat import Self

from .core.admin.health import HealthChecks
from .core.admin.service import Admin
from .core.arguments import Text, to_bytes
from .core.bound import Guarded, usage
from .core.call.client import Client
from .core.call.hooks import Hook
from .core.call.unclosed import Handle, handle, release
from .core.call.view import View
from .core.concurrency.service import Concurrency
from .core.face import Async, F, Sync, finish
from .core.kv.builders import KV
from .core.kv.txn import OperationLike, Transactions, batch
from .core.kv.updates import Updates
from .core.lease.service import Leases
from .core.mirror.service import Mirrors
from .core.op import Op
from .core.ports import Runtime, Transport
from .core.watch.service import Watches
from .io.runtime import forks
from .options import ClientOptions, ClientOptionsLike
from .options.client import warn_of_plaintext
from .options.mappings import UnknownOptionOrWrongType, URLLike
from .options.secret import masked_options
from .options.urls import url_options
from .raw import Raw

T = TypeVar("T")
S = TypeVar("S", bound="Service[Any]")

METHODS = ("unary", "stream", "close", "forget")  # of a transport


def example(given: Mapping[str, object]) -> str:
    """Return how to write options that were passed as keyword arguments; only hosts are shown."""
    host, port = given.get("host", given.get("hosts", "127.0.0.1")), given.get("port")
    hosts = f"{host}:{port}" if port is not None and isinstance(host, str) else host
    others = "".join(f", {name!r}: ..." for name in given if name not in ("host", "hosts", "port"))
    return f"{{'hosts': {hosts!r}{others}}}"


def port(given: Transport) -> Transport:
    """Return a transport; ``TypeError`` if it is none, before its first call."""
    if isinstance(given, type) or not all(callable(getattr(given, name, None)) for name in METHODS):
        raise TypeError(f"a transport is an object with the methods {', '.join(METHODS)}, not {given!r}")
    return given


class Service(
    Guarded,
    KV[F],
    Updates[F],
    Transactions[F],
    Leases[F],
    Watches[F],
    Mirrors[F],
    Concurrency[F],
    HealthChecks[F],
    Admin[F],
):
    """What both faces share. Creating one does no I/O; the first call connects.

    ``transport`` replaces the connections: an object with the methods of ``core.ports.Transport``, for example a
    ``testing.ScriptedTransport``.
    """

    _run: View

    def __init__(
        self,
        options: ClientOptionsLike | None = None,
        *,
        transport: Transport | None = None,
        **misplaced: UnknownOptionOrWrongType,
    ) -> None:
        if misplaced:
            raise TypeError(f"{type(self).__name__} takes one mapping: {type(self).__name__}({example(misplaced)})")
        options = masked_options(options)
        chosen = ClientOptions.of(options)
        warn_of_plaintext(chosen)
        client = Client(self._transport(chosen) if transport is None else port(transport), self._runtime(), chosen)
        forks.register(client)
        self._run = View(client, to_bytes(chosen.namespace, "a namespace"), chosen.timeout, handle(client))
        self._raw = Raw(chosen)

    @classmethod
    def from_url(cls, url: URLLike, *, transport: Transport | None = None) -> Self:
        """Return a service from ``etcd://user:password@h1:2379,h2:2379/namespace?timeout=5``; ``etcds://`` uses TLS.

        User and password are quoted as in any URL: ``@`` is ``%40``. The path without its first ``/`` is the namespace.
        The query has other options, those of groups with dots: ``?retry.attempts=3&tls.ca=/etc/ca.pem``. Raises
        ``ConfigError``, which does not show the password.
        """
        url = masked_options(url)
        return cls(url_options(str(url)), transport=transport)

    @classmethod
    def from_env(cls, *env_files: str | os.PathLike[str], transport: Transport | None = None) -> Self:
        """Return a service from environment variables: those that override the configuration's client ``default``.

        ``ETCD_FACTORY__ETCD__CLIENT`` is a URL, ``ETCD_FACTORY__ETCD__CLIENT__HOSTS`` and its like are single options;
        without any the options have their defaults. ``env_files`` are ``.env`` files with such variables, below those
        of the environment. Raises ``ConfigError`` listing every problem.
        """
        from .config.environment_client import client_options

        return cls(client_options(*env_files), transport=transport)

    if not TYPE_CHECKING:  # type checkers report it by themselves

        def __getattr__(self, name: str) -> NoReturn:
            from .errors.foreign import advice

            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{advice(name)}")

    @staticmethod
    @abstractmethod
    def _runtime() -> Runtime:
        """Return the face's runtime."""

    @staticmethod
    @abstractmethod
    def _transport(options: ClientOptions) -> Transport:
        """Return the face's transport, without connections."""

    @property
    def options(self) -> ClientOptions:
        """The options that the client was created from."""
        return self._run.client.options

    @property
    def endpoint(self) -> str:
        """The host in use, ``host:port``; the first call goes there."""
        return self._run.client.endpoint

    @property
    def raw(self) -> Any:
        """A python-etcd3 ``Etcd3Client`` on the same options, created at its first use and closed with the service.

        It blocks, in asyncio too. It uses only the first host, and no namespace: its keys are absolute. What reads all
        attributes of a service creates it too, as ``create_autospec(etcd)`` does: pass it the class.
        """
        return self._raw.get()

    def namespace(self, prefix: Text) -> Self:
        """Return the same service with every key under ``prefix``, on the same connections; namespaces nest."""
        return self._with(namespace=self._run.namespace + to_bytes(prefix, "a namespace"))

    @usage("with_options(timeout=1), or a client of its own with other options")
    def with_options(self, *, timeout: float) -> Self:
        """Return the same service with another timeout, in seconds for each operation, on the same connections."""
        return self._with(timeout=ClientOptions(timeout=timeout).timeout)

    def on_call(self, hook: Hook) -> Callable[[], None]:
        """Call ``hook`` with what the client does from now on; returns a function that ends that.

        It gets a ``Call`` for each call that has ended, with its attempts, and ``Connected``, ``Disconnected``,
        ``Watching``, ``Delivered``, ``Callback``, ``LeaseRenewed``, ``LeaseLost``: also of other services on the same
        connections. It is called wherever that happens, in any thread, and must not wait; what it raises is logged.
        """
        from .core.call.observed import observe

        return observe(self._run.client, hook)

    def _with(self, **changes: Any) -> Self:
        changed = copy.copy(self)
        changed._run = evolve(self._run, **changes)
        return changed

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.options.hosts)} namespace={self._run.namespace!r}>"


class ETCDService(Service[Sync], Block):
    """A blocking etcd client, safe to share between threads, and to use in forked children.

    ``with ETCDService({"hosts": ["127.0.0.1:2379"]}) as etcd: etcd.put("foo").value("bar")``. Closing it, or any
    service made from it by ``namespace`` or ``with_options``, closes the connections that they share.
    """

    @staticmethod
    def _runtime() -> Runtime:
        from .io.runtime.threads import ThreadRuntime

        return ThreadRuntime()

    @staticmethod
    def _transport(options: ClientOptions) -> Transport:
        if options.transport == "grpc":
            from .io.grpc import threads as grpc

            return grpc.ThreadTransport(options)
        from .io.http2 import threads as h2

        return h2.ThreadTransport(options)

    @overload
    def batch(self, operations: Iterable[Op[T]]) -> list[T]: ...
    @overload
    def batch(self, operations: Iterable[OperationLike]) -> list[Any]: ...
    def batch(self, operations: Iterable[OperationLike]) -> list[Any]:
        """Return the results of any number of operations, in order, run in as few transactions as etcd allows.

        Each transaction is all or nothing, the list is not: if one fails, the error's ``operation`` says how many of
        the operations before it are done.
        """
        return finish(batch(self._run, operations))

    def close(self) -> None:
        """End all calls and connections; later calls raise ``ClientClosedError``. Idempotent."""
        self._raw.close()
        finish(self._run.client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncETCDService(Service[Async], AsyncBlock):
    """An asyncio etcd client. It belongs to no event loop before its first call, and may be used in several.

    With ``transport: grpc`` a process that forks must not have one open: gRPC's asyncio API does not survive a fork.

    ``async with AsyncETCDService({"hosts": ["127.0.0.1:2379"]}) as etcd: await etcd.put("foo").value("bar")``.
    """

    @staticmethod
    def _runtime() -> Runtime:
        from .io.runtime.asyncio import AsyncioRuntime

        return AsyncioRuntime()

    @staticmethod
    def _transport(options: ClientOptions) -> Transport:
        if options.transport == "grpc":
            from .io.grpc import asyncio as grpc

            return grpc.AsyncioTransport(options)
        from .io.http2 import asyncio as h2

        return h2.AsyncioTransport(options)

    @overload
    async def batch(self, operations: Iterable[Op[T]]) -> list[T]: ...
    @overload
    async def batch(self, operations: Iterable[OperationLike]) -> list[Any]: ...
    async def batch(self, operations: Iterable[OperationLike]) -> list[Any]:
        """Return the results of any number of operations, in order, run in as few transactions as etcd allows.

        Each transaction is all or nothing, the list is not: if one fails, the error's ``operation`` says how many of
        the operations before it are done.
        """
        return await batch(self._run, operations)

    async def aclose(self) -> None:
        """End all calls and connections; later calls raise ``ClientClosedError``. Idempotent."""
        self._raw.close()
        await self._run.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def view_of(etcd: object, service: type[Service[Any]], user: str) -> View:
    """Return the view behind a service; ``TypeError`` if ``user`` needs a service of another class."""
    if not isinstance(etcd, service):
        raise TypeError(f"{user} needs an {service.__name__}, not {type(etcd).__name__}")
    return etcd._run  # pyright: ignore[reportPrivateUsage]


def released(etcd: S, unused: Callable[[], object]) -> S:
    """Return a copy of a service with which to close its client, once ``unused`` was called.

    That is when nobody holds the service, nor anything that was made from it, and nothing that was asked of it goes on:
    no call, watch with handlers, registration or live configuration. The garbage collector calls ``unused``: it must
    neither wait nor take a lock.
    """
    closing = copy.copy(etcd)
    view = etcd._run  # pyright: ignore[reportPrivateUsage]
    closing._run = evolve(view, handle=None)  # pyright: ignore[reportPrivateUsage]
    if isinstance(view.handle, Handle):
        release(view.handle, unused)
    return closing


def is_needed(etcd: Service[Any]) -> bool:
    """Whether closing a service that nobody holds would end what goes on without being held: leases, ``etcd.raw``."""
    return etcd._run.client.keeps_leases or etcd._raw.in_use  # pyright: ignore[reportPrivateUsage]
