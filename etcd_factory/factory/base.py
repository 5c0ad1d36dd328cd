"""Base classes for a factory of anything, in both faces: subclass one and define how clients are made and closed."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Awaitable
from types import TracebackType
from typing import Any, TypeVar

from etcd_factory.blocks import AsyncBlock, Block
from etcd_factory.compat import Self
from etcd_factory.core.face import Async, Sync
from etcd_factory.coroutine import finish
from etcd_factory.errors import ClientClosedError

from .closing import beside
from .lifecycle import Config, Lifecycle, OnExists, Options, log

T = TypeVar("T")


class ServiceFactory(Lifecycle[Sync, T], Block):
    """Clients by name, made from ``{default, client, clients, default_client_name, client_priority}``.

    ``config`` is a mapping of that shape, an OmegaConf tree or ``FactoryOptions``. The configured clients are made at
    once, in order; if one fails, those made before it are closed and its error is raised. Use the factory as a context
    manager, or call ``close``.
    """

    def __init__(self, config: Config = None) -> None:
        from etcd_factory.io.runtime.threads import ThreadRuntime

        super().__init__(config, ThreadRuntime())
        finish(self._start())

    @abstractmethod
    def create_client(self, options: Any, name: str | None) -> T:
        """Return a new client from what ``read_options`` returned; ``name`` is None for an unnamed client."""

    @abstractmethod
    def destroy_client(self, client: T, name: str | None) -> None:
        """Close a client that this factory made."""

    def create_instance(self, options: Options = None, name: str | None = None, *, on_exists: OnExists = "error") -> T:
        """Make a client, the factory's ``default`` merged under ``options``, and return it.

        If there is a client of that name with equal options, it is returned. If it has other options,
        ``InstanceExistsError`` is raised, unless ``on_exists`` is ``"return"`` (return the existing one) or
        ``"replace"`` (the new one in, then the old one closed). Concurrent calls for one name make one client. Without
        a name the client cannot be looked up, but is closed with the factory. A failure leaves nothing behind.
        """
        return finish(self._create(options, name, on_exists))

    def close(self) -> None:
        """Close all clients, the newest first; each is tried, for at most 5 s.

        Afterwards calls raise ``ClientClosedError``. Idempotent. Raises ``CloseError`` with every failure.
        """
        finish(self._end())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with beside(error):
            self.close()


class AsyncServiceFactory(Lifecycle[Async, T], AsyncBlock):
    """The asyncio face of ``ServiceFactory``. ``create_client`` and ``destroy_client`` may be ``async``.

    If ``create_client`` is ``async``, the configured clients are made when the factory is entered with ``async with``.
    """

    _waiting = False

    def __init__(self, config: Config = None) -> None:
        from etcd_factory.io.runtime.asyncio import AsyncioRuntime

        super().__init__(config, AsyncioRuntime())
        self._begun: dict[str | None, Awaitable[T]] = {}
        self._waiting = inspect.iscoroutinefunction(self.create_client)
        if not self._waiting:
            self._make()

    def _make(self) -> None:
        """Make the configured clients until one has to be awaited; entering the factory makes the rest."""
        try:
            for name, options in self._plan.clients.items():
                client = self._begin(name, options)
                if inspect.isawaitable(client):
                    self._begun[name], self._waiting = client, True
                    return
                self._held.append(self._hold(name, options, client))
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Close clients that were never used, as far as that is possible without waiting."""
        while (held := self._take()) is not None:
            try:
                closing = self.destroy_client(held.client, held.name)
                if inspect.iscoroutine(closing):
                    finish(closing)
            except Exception:
                log.exception("closing the unused client %r failed", held.name)

    def _begin(self, name: str | None, options: object) -> T | Awaitable[T]:
        return self._begun.pop(name) if name in self._begun else super()._begin(name, options)

    @abstractmethod
    def create_client(self, options: Any, name: str | None) -> T | Awaitable[T]:
        """Return a new client from what ``read_options`` returned; ``name`` is None for an unnamed client."""

    @abstractmethod
    def destroy_client(self, client: T, name: str | None) -> Awaitable[None] | None:
        """Close a client that this factory made."""

    async def create_instance(
        self, options: Options = None, name: str | None = None, *, on_exists: OnExists = "error"
    ) -> T:
        """Make a client, the factory's ``default`` merged under ``options``; see ``ServiceFactory``."""
        return await self._create(options, name, on_exists)

    async def aclose(self) -> None:
        """Close all clients, the newest first; each is tried, for at most 5 s.

        Afterwards calls raise ``ClientClosedError``. Idempotent. Raises ``CloseError`` with every failure.
        """
        await self._end()

    def _open(self) -> None:
        super()._open()
        if self._waiting:
            raise ClientClosedError("the factory has not been entered yet; use it with 'async with'")

    async def __aenter__(self) -> Self:
        if self._waiting:
            self._waiting = False
            await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with beside(error):
            await self.aclose()
