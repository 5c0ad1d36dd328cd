"""Factories of anything, in both faces: derive from one, say how a client is made and ended."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Awaitable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from typing_extensions import Self

from etcd_factory.core.face import Async, Sync, finish
from etcd_factory.errors import ClientClosedError
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.options import FactoryOptions

from .lifecycle import Lifecycle, log

T = TypeVar("T")

Config = FactoryOptions | Mapping[str, Any] | None


class ServiceFactory(Lifecycle[Sync, T]):
    """Clients by name, made from ``{default, client, clients, default_client_name, client_priority}``.

    The configured ones are made at once, in order; where one fails, those before it are ended and its error is raised.
    Use it as a context manager, or call ``close``.
    """

    def __init__(self, config: Config = None) -> None:
        super().__init__(FactoryOptions.of(config, self.read_options), ThreadRuntime())
        finish(self._start())

    @abstractmethod
    def create_client(self, options: Any, name: str | None) -> T:
        """A new client. ``options`` have the factory's ``default`` under them; an unnamed one has no ``name``."""

    @abstractmethod
    def destroy_client(self, client: T, name: str | None) -> None:
        """End a client that this factory made."""

    def close(self) -> None:
        """End all clients, the newest first; every one is tried, for 5 s at most.

        Afterwards calls raise ``ClientClosedError``. Closing twice is fine. ``CloseError`` has all that failed.
        """
        finish(self._end())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncServiceFactory(Lifecycle[Async, T]):
    """The same for asyncio. ``create_client`` and ``destroy_client`` may be ``async``.

    With an ``async`` ``create_client`` the configured clients are made when the factory is entered: ``async with``.
    """

    _waiting = False

    def __init__(self, config: Config = None) -> None:
        super().__init__(FactoryOptions.of(config, self.read_options), AsyncioRuntime())
        self._begun: dict[str | None, Awaitable[T]] = {}
        self._waiting = inspect.iscoroutinefunction(self.create_client)
        if not self._waiting:
            self._make()

    def _make(self) -> None:
        """Make the configured clients as far as that needs no waiting."""
        try:
            for name, options in self._options.named.items():
                read = self.read_options(self._options.merged(options))
                client = self._begin(name, read)
                if inspect.isawaitable(client):
                    self._begun[name], self._waiting = client, True
                    return
                self._held.append(self._hold(name, read, client))
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """End clients that have never been used, as far as that needs no waiting."""
        while (held := self._take()) is not None:
            try:
                given = self.destroy_client(held.client, held.name)
                if inspect.iscoroutine(given):
                    finish(given)
            except Exception:
                log.exception("closing the unused client %r failed", held.name)

    def _begin(self, name: str | None, options: Any) -> Any:
        return self._begun.pop(name) if name in self._begun else super()._begin(name, options)

    @abstractmethod
    def create_client(self, options: Any, name: str | None) -> T | Awaitable[T]:
        """A new client. ``options`` have the factory's ``default`` under them; an unnamed one has no ``name``."""

    @abstractmethod
    def destroy_client(self, client: T, name: str | None) -> Awaitable[None] | None:
        """End a client that this factory made."""

    async def aclose(self) -> None:
        """End all clients, the newest first; every one is tried, for 5 s at most.

        Afterwards calls raise ``ClientClosedError``. Closing twice is fine. ``CloseError`` has all that failed.
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
        await self.aclose()
