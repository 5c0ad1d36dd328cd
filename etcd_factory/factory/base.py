"""Factories of anything, in both faces: derive from one, say how a client is made and ended."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from typing_extensions import Self

from etcd_factory.core.face import Async, Sync, finish
from etcd_factory.errors import ClientClosedError
from etcd_factory.io import awaited, blocking
from etcd_factory.options import FactoryOptions

from .lifecycle import Lifecycle

T = TypeVar("T")

Config = FactoryOptions | Mapping[str, Any] | None


class ServiceFactory(Lifecycle[Sync, T], ABC):
    """Clients by name, made from ``{default, client, clients, default_client_name, client_priority}``.

    The configured ones are made at once, in order; where one fails, those before it are ended and its error is raised.
    Use it as a context manager, or call ``close``.
    """

    def __init__(self, config: Config = None) -> None:
        super().__init__(FactoryOptions.of(config, self.read_options), blocking.Waits())
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


class AsyncServiceFactory(Lifecycle[Async, T], ABC):
    """The same for asyncio. ``create_client`` and ``destroy_client`` may be ``async``.

    With an ``async`` ``create_client`` the configured clients are made when the factory is entered: ``async with``.
    """

    def __init__(self, config: Config = None) -> None:
        super().__init__(FactoryOptions.of(config, self.read_options), awaited.Waits())
        self._waiting = inspect.iscoroutinefunction(self.create_client)
        if not self._waiting:
            finish(self._start())

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

    def get(self, name: str | None = None) -> T:
        """The client of that name, or the default one; ``InstanceNotFoundError`` lists the names that there are."""
        if self._waiting and not self._closed:
            raise ClientClosedError("this factory has not been entered and so")
        return super().get(name)

    async def __aenter__(self) -> Self:
        if self._waiting:
            self._waiting = False
            await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
