"""``Application`` and ``AsyncApplication``: build all providers of a root module in order, and stop them in reverse."""

from __future__ import annotations

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Hashable, Iterable
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Generic, TypeVar, overload

import dishka
from attrs import frozen
from dishka.exceptions import ExitError

from etcd_factory.blocks import AsyncBlock, Block
from etcd_factory.compat import Self
from etcd_factory.site import caller

from .dishka_provider import dishka_provider, key_of
from .errors import ApplicationStateError, StopError
from .graph import build_graph
from .identity import Identity
from .module_tree import Address
from .modules import ModuleRef
from .providers import Provider
from .tokens import Token, as_token

T = TypeVar("T")
C = TypeVar("C", dishka.Container, dishka.AsyncContainer)

log = logging.getLogger("etcd_factory.nest")


class InstanceResolver(ABC):
    """Returns instances by token: an application, or one of its modules."""

    @overload
    def get(self, token: type[T], *, strict: bool = False) -> T: ...
    @overload
    def get(self, token: Token[T], *, strict: bool = False) -> T: ...
    @overload
    def get(self, token: object, *, strict: bool = False) -> Any: ...
    def get(self, token: object, *, strict: bool = False) -> object:
        """Return the instance of a token that is visible in the module; if ``strict``, only of its own providers.

        An application falls back to all modules if exactly one provides the token. Raises ``ProviderNotFoundError``, a
        ``KeyError``, and ``ApplicationStateError`` if the application is not running.
        """
        return self._resolve(as_token(token), strict)

    @abstractmethod
    def _resolve(self, token: Hashable, strict: bool) -> object: ...


class ApplicationBase(InstanceResolver, Generic[C]):
    """What both faces share. The modules are checked in the constructor; providers are built by ``start``."""

    _kind: ClassVar[str]

    def __init__(self, module: ModuleRef, *, identity: Identity = "value", overrides: Iterable[Provider] = ()) -> None:
        self.graph = build_graph(module, identity, overrides, self._kind)
        self._site = caller()
        self._container: C | None = None
        self._instances: dict[Address, object] = {}

    @property
    def container(self) -> C:
        """The dishka container of the running application, for dishka's integrations with other frameworks."""
        if self._container is None or not self._instances:
            root = self.graph.tree.root
            raise ApplicationStateError(f"application {root} is not running; call start() or use it in a 'with' block")
        return self._container

    def select(self, module: ModuleRef | str) -> Selected:
        """Return one module, to get what it sees: by its class, or by its name if it has several configurations.

        Raises ``ProviderNotFoundError`` if there is no such module, or several.
        """
        return Selected(self, self.graph.select(module))

    def instance_at(self, address: Address) -> object:
        """Return the instance at an address; raises ``ApplicationStateError`` if the application is not running."""
        assert self.container
        return self._instances[address]

    def _resolve(self, token: Hashable, strict: bool) -> object:
        root = self.graph.tree.root
        return self.instance_at(self.graph.find_in(root, token, strict=True) if strict else self.graph.find(token))

    @contextmanager
    def _closing(self) -> Generator[None, None, None]:
        """Wrap closing the container. If it is interrupted, the container is kept, so that ``stop`` can resume."""
        self._instances = {}
        try:
            yield
        except ExitError as failed:
            self._container = None
            group: Any = failed  # some type checkers do not know dishka's base class of it
            raise StopError(group.exceptions) from None
        self._container = None

    def __repr__(self) -> str:
        state = "running" if self._instances else "not running"
        return f"<{type(self).__name__} {self.graph.tree.root}, {state}>"

    # What it needs is bound here: at interpreter exit modules are gone before their objects.
    def __del__(self, warn: Callable[..., object] = warnings.warn_explicit) -> None:
        if getattr(self, "_container", None) is not None:
            warn(f"{self!r} was never stopped; call stop() or use a 'with' block", ResourceWarning, *self._site)


@frozen(eq=False)
class Selected(InstanceResolver):
    """One module of an application, as returned by ``select``."""

    app: ApplicationBase[Any]
    name: str

    def _resolve(self, token: Hashable, strict: bool) -> object:
        return self.app.instance_at(self.app.graph.find_in(self.name, token, strict=strict))


@contextmanager
def log_stop_error() -> Generator[None, None, None]:
    """Log a ``StopError`` while rolling back a failed start, so that the error of the start is raised."""
    try:
        yield
    except StopError:
        log.exception("start failed, and some providers built before could not be stopped")


class Application(ApplicationBase[dishka.Container], Block):
    """A root module with everything that it imports, for blocking programs.

    ``with Application(AppModule) as app: app.get(Service)``. ``start`` builds every provider, requested or not:
    dependencies first, imported modules before their importers; generators are closed in reverse order. Equal calls of
    ``for_root`` or ``register`` share one module; with ``identity="reference"`` only the same object does.
    ``overrides`` replace providers in every module, for tests: ``overrides=[Provider(Service, use_value=fake)]``.

    The constructor raises ``DeclarationError``, ``UnresolvedError``, ``CycleError``, ``ProviderNotFoundError`` for an
    override of an unknown token, and ``AsyncFactoryError`` if a factory is async.
    """

    _kind = "Application"

    def __init__(self, module: ModuleRef, *, identity: Identity = "value", overrides: Iterable[Provider] = ()) -> None:
        super().__init__(module, identity=identity, overrides=overrides)
        self.graph.require_sync()

    def start(self) -> Self:
        """Build all providers; no effect if started. If one fails, roll back the others and raise its error."""
        if self._container is not None:
            return self
        self._container = dishka.make_container(dishka_provider(self.graph), skip_validation=True)
        try:
            self._instances = {one: self._container.get(*container_key(one)) for one in self.graph.bindings}
        except BaseException as error:
            with log_stop_error():
                self.stop(error)
            raise
        return self

    def stop(self, error: BaseException | None = None) -> None:
        """Stop all providers, the last built first; no effect if stopped.

        ``error`` is sent to the generators. Raises ``StopError`` with the errors of those that failed to stop.
        """
        if self._container is not None:
            with self._closing():
                self._container.close(error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(error)


class AsyncApplication(ApplicationBase[dishka.AsyncContainer], AsyncBlock):
    """``Application`` for asyncio; factories may be ``async``. ``get`` is not: everything is built by ``start``."""

    _kind = "AsyncApplication"

    async def start(self) -> Self:
        """Build all providers; no effect if started. If one fails, roll back the others and raise its error."""
        if self._container is not None:
            return self
        self._container = dishka.make_async_container(dishka_provider(self.graph), skip_validation=True)
        try:
            self._instances = {one: await self._container.get(*container_key(one)) for one in self.graph.bindings}
        except BaseException as error:
            with log_stop_error():
                await self.stop(error)
            raise
        return self

    async def stop(self, error: BaseException | None = None) -> None:
        """Stop all providers, the last built first; no effect if stopped.

        ``error`` is sent to the generators. Raises ``StopError`` with the errors of those that failed to stop.
        """
        if self._container is not None:
            with self._closing():
                await self._container.close(error)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(error)


def container_key(address: Address) -> tuple[Any, str]:
    """Return the arguments of ``container.get`` for an address."""
    return key_of(address.token), address.module
