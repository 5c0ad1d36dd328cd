"""Contexts: what is built for one request, and how it is resolved and closed."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

import dishka

from etcd_factory.blocks import AsyncBlock, Block
from etcd_factory.compat import Self

from .dishka_provider import key_of, request_key
from .errors import ApplicationStateError
from .instances import C, InstanceHost, InstanceResolver
from .module_tree import Address
from .tokens import REQUEST, Token

T = TypeVar("T")


class ContextBase(Generic[C]):
    """What both faces share: a child container in dishka's scope ``REQUEST``."""

    def __init__(self, host: InstanceHost[C], container: C) -> None:
        self._host: InstanceHost[C] = host
        self._child: C | None = container
        self._transients: dict[Address, object] = {}

    @property
    def container(self) -> C:
        """The dishka container of this context, for dishka's integrations with other frameworks."""
        if self._child is None:
            raise ApplicationStateError("this context is closed; open another one with context()")
        return self._child

    def require_host(self, host: InstanceHost[C]) -> Self:
        """Return this context; raises ``ApplicationStateError`` if it is of another application."""
        if self._host is not host:
            raise ApplicationStateError(f"this context is not of {host!r}; open one with its own context()")
        return self

    def _known(self, address: Address) -> bool:
        """Whether it is available without building it."""
        return address in self._transients or self._host.graph.bindings[address].is_static

    def _get(self, address: Address) -> object:
        return self._transients[address] if address in self._transients else self._host.instance_at(address)

    def _keep(self, address: Address, value: object) -> object:
        """Return the value, which is from now on that of a transient provider in this context, as in Nest."""
        if self._host.graph.bindings[address].is_transient:
            self._transients[address] = value
        return value

    def _take(self) -> C | None:
        taken, self._child = self._child, None
        self._transients = {}
        return taken

    def _key(self, address: Address) -> tuple[Any, str]:
        return request_key(self._host.graph.bindings[address]), address.module


class Context(ContextBase[dishka.Container], Block):
    """One request: providers of the scope ``request`` have one instance in it, closed when it is left.

    ``with app.context(request) as context: app.resolve(Service, context=context)``.
    """

    def __init__(self, host: InstanceHost[dishka.Container], request: object = None) -> None:
        # Reentrant, since a factory may resolve others (dishka's issue 317).
        super().__init__(host, host.container({key_of(REQUEST): request}, threading.RLock))

    def resolve_at(self, address: Address) -> object:
        """Return the instance at an address; it is built if this context has none."""
        return self._get(address) if self._known(address) else self._keep(address, self.value_at(address))

    def value_at(self, address: Address) -> object:
        """Return what a consumer in this context would be built with."""
        if self._host.graph.bindings[address].is_static:
            return self._host.instance_at(address)
        value: object = self.container.get(*self._key(address))
        return value

    def close(self, error: BaseException | None = None) -> None:
        """Close what was built in it, the last first; no effect if closed."""
        taken = self._take()
        if taken is not None:
            taken.close(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(error)


class AsyncContext(ContextBase[dishka.AsyncContainer], AsyncBlock):
    """``Context`` for asyncio: ``async with app.context(request) as context``."""

    def __init__(self, host: InstanceHost[dishka.AsyncContainer], request: object = None) -> None:
        super().__init__(host, host.container({key_of(REQUEST): request}, asyncio.Lock))

    async def resolve_at(self, address: Address) -> object:
        """Return the instance at an address; it is built if this context has none."""
        return self._get(address) if self._known(address) else self._keep(address, await self.value_at(address))

    async def value_at(self, address: Address) -> object:
        """Return what a consumer in this context would be built with."""
        if self._host.graph.bindings[address].is_static:
            return self._host.instance_at(address)
        value: object = await self.container.get(*self._key(address))
        return value

    async def close(self, error: BaseException | None = None) -> None:
        """Close what was built in it, the last first; no effect if closed."""
        taken = self._take()
        if taken is not None:
            await taken.close(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(error)


class ScopedHost(InstanceHost[dishka.Container]):
    """An application of the blocking face, which opens contexts and closes those that nobody else does."""

    kept: list[Context]

    def context(self, request: object = None) -> Context:
        """Open a context for one request, in a ``with`` block; providers inject the request as ``REQUEST``."""
        return Context(self, request)

    def context_for(self, context: Context | None, addresses: Iterable[Address]) -> Context:
        """Return the context, by default a new one, which is closed with the application if it opens anything."""
        if context is not None:
            return context.require_host(self)
        opened = Context(self)
        self.kept += [opened] if self.graph.opens(addresses) else []
        return opened


class AsyncScopedHost(InstanceHost[dishka.AsyncContainer]):
    """An application of the asyncio face, which opens contexts and closes those that nobody else does."""

    kept: list[AsyncContext]

    def context(self, request: object = None) -> AsyncContext:
        """Open a context for one request, in an ``async with`` block; providers inject the request as ``REQUEST``."""
        return AsyncContext(self, request)

    def context_for(self, context: AsyncContext | None, addresses: Iterable[Address]) -> AsyncContext:
        """Return the context, by default a new one, which is closed with the application if it opens anything."""
        if context is not None:
            return context.require_host(self)
        opened = AsyncContext(self)
        self.kept += [opened] if self.graph.opens(addresses) else []
        return opened


class ScopedResolver(InstanceResolver):
    """Resolves providers of every scope."""

    @overload
    def resolve(self, token: type[T], *, context: Context | None = None, strict: bool | None = None) -> T: ...
    @overload
    def resolve(self, token: Token[T], *, context: Context | None = None, strict: bool | None = None) -> T: ...
    @overload
    def resolve(self, token: object, *, context: Context | None = None, strict: bool | None = None) -> Any: ...
    def resolve(self, token: object, *, context: Context | None = None, strict: bool | None = None) -> object:
        """Return an instance of a token, of the scopes ``transient`` and ``request`` a new one for each call.

        In one ``context`` it is always the same one, also of a transient provider. Without one, generators are closed
        when the application stops. ``strict`` and the errors are those of ``get``.
        """
        address = self._address(token, strict)
        return self._scoped.context_for(context, [address]).resolve_at(address)

    @property
    @abstractmethod
    def _scoped(self) -> ScopedHost: ...


class AsyncScopedResolver(InstanceResolver):
    """Resolves providers of every scope in asyncio."""

    @overload
    async def resolve(
        self, token: type[T], *, context: AsyncContext | None = None, strict: bool | None = None
    ) -> T: ...
    @overload
    async def resolve(
        self, token: Token[T], *, context: AsyncContext | None = None, strict: bool | None = None
    ) -> T: ...
    @overload
    async def resolve(
        self, token: object, *, context: AsyncContext | None = None, strict: bool | None = None
    ) -> Any: ...
    async def resolve(
        self, token: object, *, context: AsyncContext | None = None, strict: bool | None = None
    ) -> object:
        """Return an instance of a token, of the scopes ``transient`` and ``request`` a new one for each call.

        In one ``context`` it is always the same one, also of a transient provider. Without one, generators are closed
        when the application stops. ``strict`` and the errors are those of ``get``.
        """
        address = self._address(token, strict)
        return await self._scoped.context_for(context, [address]).resolve_at(address)

    @property
    @abstractmethod
    def _scoped(self) -> AsyncScopedHost: ...
