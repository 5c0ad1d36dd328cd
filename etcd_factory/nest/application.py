"""``Application`` and ``AsyncApplication``: build all providers of a root module in order, and stop them in reverse."""

from __future__ import annotations

import logging
import warnings
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from signal import Signals
from types import TracebackType
from typing import Any, ClassVar

import dishka
from dishka.exceptions import ExitError

from etcd_factory.blocks import AsyncBlock, Block
from etcd_factory.compat import Self
from etcd_factory.site import caller

from .contexts import AsyncContext, AsyncScopedHost, AsyncScopedResolver, Context, ScopedHost, ScopedResolver
from .dishka_provider import dishka_provider, key_of
from .errors import StopError
from .graph import build_graph
from .hooks import HookCall, LifeCycle
from .identity import Identity
from .instances import C, InstanceHost
from .module_ref import AsyncModuleRef, ModuleRef
from .module_tree import Address
from .modules import ModuleLike
from .providers import Provider
from .scanner import ModuleOverrides
from .shutdown_signals import CancellingSignals, RaisedSignals, ShutdownSignals

log = logging.getLogger("etcd_factory.nest")


class ApplicationBase(InstanceHost[C]):
    """What both faces share. The modules are checked in the constructor; providers are built by ``start``."""

    _kind: ClassVar[str]
    _signal_kind: ClassVar[type[ShutdownSignals]]

    def __init__(
        self,
        module: ModuleLike,
        *,
        identity: Identity = "value",
        overrides: Iterable[Provider] = (),
        module_overrides: ModuleOverrides = (),
    ) -> None:
        self.graph = build_graph(
            module,
            identity,
            overrides,
            self._kind,
            module_overrides=module_overrides,
            host_providers=self._host_providers,
        )
        self._site = caller()
        self._container = None
        self._instances = {}
        self._transients: list[tuple[Address, object]] = []
        self._life: LifeCycle | None = None
        self._stopping: Iterator[HookCall] | None = None
        self._errors: list[Exception] = []
        self._signals = self._signal_kind()

    def enable_shutdown_hooks(self, signals: Iterable[str | Signals] | None = None) -> Self:
        """Stop the application when the process receives a signal: by default SIGHUP, SIGINT, SIGQUIT or SIGTERM.

        The program is ended by ``SystemExit``, or ``KeyboardInterrupt`` for SIGINT, in the main thread, for asyncio in
        the task that entered the application. That leaves its ``with`` block, which stops it, and passes the name of
        the signal to the hooks. The handlers of before are restored then. Raises ``ApplicationStateError`` outside of
        the main thread, when the application runs.
        """
        self._signals.enable(signals)
        if self._container is not None:
            self._signals.install()
        return self

    @abstractmethod
    def _host_providers(self, label: str) -> Iterable[Provider]:
        """Return what every module of the face's own sees: its ``ModuleRef``."""

    def _observe(self, address: Address, instance: object) -> None:
        """Remember the transient instances of the application itself, whose hooks are called."""
        if self._life is None:
            self._transients.append((address, instance))

    def _built(self, instances: dict[Address, object]) -> LifeCycle:
        self._instances = instances
        self._life = LifeCycle(self.graph, instances, self._transients)
        return self._life

    def _static(self) -> Iterable[Address]:
        self._life, self._transients = None, []
        return (address for address, binding in self.graph.bindings.items() if binding.is_static)

    def _stop_calls(self, signal: str | None) -> Iterator[HookCall]:
        """Return the hooks to call; if the last stop was interrupted, those that are left."""
        self._signals.hold()
        if self._stopping is None:
            calls = () if self._life is None else self._life.stopping(signal or self._signals.received)
            self._stopping = iter(calls)
        return self._stopping

    @contextmanager
    def _collecting(self) -> Generator[None, None, None]:
        """Collect the errors of one of several that are all to be stopped."""
        try:
            yield
        except ExitError as failed:
            group: Any = failed  # some type checkers do not know dishka's base class of it
            self._errors += group.exceptions
        except Exception as error:
            self._errors.append(error)

    @contextmanager
    def _closing(self) -> Generator[None, None, None]:
        """Wrap closing the container. If it is interrupted, the container is kept, so that ``stop`` can resume."""
        self._instances = {}
        with self._collecting():
            yield
        self._container = self._life = self._stopping = None
        errors, self._errors = self._errors, []
        self._signals.restore()
        if errors:
            raise StopError(errors)

    def __repr__(self) -> str:
        state = "running" if self._instances else "not running"
        return f"<{type(self).__name__} {self.graph.tree.root}, {state}>"

    # What it needs is bound here: at interpreter exit modules are gone before their objects.
    def __del__(self, warn: Callable[..., object] = warnings.warn_explicit) -> None:
        if getattr(self, "_container", None) is not None:
            warn(f"{self!r} was never stopped; call stop() or use a 'with' block", ResourceWarning, *self._site)


@contextmanager
def log_stop_error() -> Generator[None, None, None]:
    """Log a ``StopError`` while rolling back a failed start, so that the error of the start is raised."""
    try:
        yield
    except StopError:
        log.exception("start failed, and some providers built before could not be stopped")


class Application(ApplicationBase[dishka.Container], ScopedHost, ScopedResolver, Block):
    """A root module with everything that it imports, for blocking programs.

    ``with Application(AppModule) as app: app.get(Service)``. ``start`` builds every provider, requested or not:
    dependencies first, imported modules before their importers; generators are closed in reverse order. Then it calls
    the hooks ``on_module_init`` and ``on_application_bootstrap``; ``stop`` calls ``on_module_destroy``,
    ``before_application_shutdown(signal)`` and ``on_application_shutdown(signal)`` before it closes the generators.

    Equal calls of ``for_root`` or ``register`` share one module; with ``identity="reference"`` only the same object
    does. ``overrides`` replace providers in every module, for tests: ``overrides=[Provider(Service, use_value=fake)]``;
    ``module_overrides`` are pairs of a module and its replacement.

    The constructor raises ``DeclarationError``, ``UnresolvedError``, ``CycleError``, ``ProviderNotFoundError`` for an
    override of an unknown token, and ``AsyncFactoryError`` if a factory is async.
    """

    _kind, _signal_kind = "Application", RaisedSignals
    kept: list[Context]

    def __init__(
        self,
        module: ModuleLike,
        *,
        identity: Identity = "value",
        overrides: Iterable[Provider] = (),
        module_overrides: ModuleOverrides = (),
    ) -> None:
        super().__init__(module, identity=identity, overrides=overrides, module_overrides=module_overrides)
        self.kept = []
        self.graph.require_sync()

    def start(self) -> Self:
        """Build all providers, and call their hooks; no effect if started.

        If one fails, stop the others and raise its error. Raises ``AsyncFactoryError`` for an async hook.
        """
        if self._container is not None:
            return self
        self._signals.install()
        try:
            self._start()
        except BaseException as error:
            with log_stop_error():
                self.stop(error)
            raise
        return self

    def _start(self) -> None:
        provider = dishka_provider(self.graph, self._observe)
        self._container = container = dishka.make_container(provider, skip_validation=True)
        life = self._built({one: container.get(*container_key(one)) for one in self._static()})
        life.require_sync()
        for call in life.starting():
            call.run()

    def stop(self, error: BaseException | None = None, *, signal: str | None = None) -> None:
        """Call the hooks, and stop all providers, the last built first; no effect if stopped.

        ``error`` is sent to the generators, ``signal`` to the hooks. Raises ``StopError`` with the errors of those that
        failed to stop.
        """
        if self._container is None:
            return
        for call in self._stop_calls(signal):
            with self._collecting():
                call.run()
        while self.kept:
            with self._collecting():
                self.kept.pop().close(error)
        with self._closing():
            self._container.close(error)

    def _host_providers(self, label: str) -> Iterable[Provider]:
        yield Provider(ModuleRef, use_value=ModuleRef(self, label))

    @property
    def _scoped(self) -> ScopedHost:
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(error)


class AsyncApplication(ApplicationBase[dishka.AsyncContainer], AsyncScopedHost, AsyncScopedResolver, AsyncBlock):
    """``Application`` for asyncio; factories and hooks may be ``async``.

    ``get`` is not awaited: everything is built by ``start``. ``await app`` starts it, too.
    """

    _kind, _signal_kind = "AsyncApplication", CancellingSignals
    kept: list[AsyncContext]

    def __init__(
        self,
        module: ModuleLike,
        *,
        identity: Identity = "value",
        overrides: Iterable[Provider] = (),
        module_overrides: ModuleOverrides = (),
    ) -> None:
        super().__init__(module, identity=identity, overrides=overrides, module_overrides=module_overrides)
        self.kept = []

    async def start(self) -> Self:
        """Build all providers, and call their hooks; no effect if started.

        If one fails, stop the others and raise its error.
        """
        if self._container is not None:
            return self
        self._signals.install()
        try:
            await self._start()
        except BaseException as error:
            with log_stop_error():
                await self.stop(error)
            raise
        return self

    async def _start(self) -> None:
        provider = dishka_provider(self.graph, self._observe)
        self._container = container = dishka.make_async_container(provider, skip_validation=True)
        life = self._built({one: await container.get(*container_key(one)) for one in self._static()})
        for call in life.starting():
            await call.run_async()

    async def stop(self, error: BaseException | None = None, *, signal: str | None = None) -> None:
        """Call the hooks, and stop all providers, the last built first; no effect if stopped.

        ``error`` is sent to the generators, ``signal`` to the hooks. Raises ``StopError`` with the errors of those that
        failed to stop.
        """
        if self._container is None:
            return
        for call in self._stop_calls(signal):
            with self._collecting():
                await call.run_async()
        while self.kept:
            with self._collecting():
                await self.kept.pop().close(error)
        with self._closing():
            await self._container.close(error)

    def _host_providers(self, label: str) -> Iterable[Provider]:
        ref = AsyncModuleRef(self, label)
        return Provider(AsyncModuleRef, use_value=ref), Provider(ModuleRef, use_value=ref)

    @property
    def _scoped(self) -> AsyncScopedHost:
        return self

    def __await__(self) -> Generator[Any, Any, Self]:
        return self.start().__await__()

    async def __aenter__(self) -> Self:
        with self._signals.ending():
            return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(error)
        self._signals.end(error)


def container_key(address: Address) -> tuple[Any, str]:
    """Return the arguments of ``container.get`` for an address."""
    return key_of(address.token), address.module
