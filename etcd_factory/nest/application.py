"""An application: a root module, all of it started in order and stopped in the reverse order."""

from __future__ import annotations

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

import dishka
from attrs import frozen
from dishka.exceptions import ExitError
from typing_extensions import Self

from .dishka_provider import key_of, provider
from .errors import ApplicationStateError, StopError
from .graph import graph_of
from .identity import Identity
from .modules import ModuleRef
from .providers import Provider
from .scanner import Address
from .tokens import Token

T = TypeVar("T")
C = TypeVar("C", dishka.Container, dishka.AsyncContainer)

log = logging.getLogger("etcd_factory.nest")


class Getter(ABC):
    """What providers' values are asked for from."""

    @overload
    def get(self, token: type[T], *, strict: bool = False) -> T: ...
    @overload
    def get(self, token: Token[T], *, strict: bool = False) -> T: ...
    @overload
    def get(self, token: Any, *, strict: bool = False) -> Any: ...
    def get(self, token: Any, *, strict: bool = False) -> Any:
        """What the module sees under that token; if ``strict``, only what it provides itself.

        An application that does not see it looks into all modules: one of them has to provide it.
        """
        return self._get(token, strict)

    @abstractmethod
    def _get(self, token: Any, strict: bool) -> Any: ...


class Running(Getter, Generic[C]):
    """What both faces have. The modules are checked when it is made; nothing is built before it starts."""

    def __init__(self, module: ModuleRef, *, identity: Identity = "value", overrides: Iterable[Provider] = ()) -> None:
        self.graph = graph_of(module, identity, overrides)
        self._container: C | None = None
        self._made: dict[Address, Any] = {}

    @property
    def container(self) -> C:
        """The dishka container of the running application, for dishka's integrations."""
        if self._container is None or not self._made:
            raise ApplicationStateError("the application is not running; use it in a 'with' block, or start it")
        return self._container

    def select(self, module: ModuleRef | str) -> Selected:
        """One module, to ask it for what it sees: by its class, or by its name where it has several configurations."""
        return Selected(self, self.graph.select(module))

    def at(self, address: Address) -> Any:
        """What stands at an address."""
        assert self.container  # it runs
        return self._made[address]

    def _get(self, token: Any, strict: bool) -> Any:
        root = self.graph.tree.root
        return self.at(self.graph.find_in(root, token, strict=True) if strict else self.graph.find(token))

    @contextmanager
    def _ending(self) -> Generator[None, None, None]:
        """Around the end of the container: where that is cut short, a second one goes on."""
        self._made = {}
        try:
            yield
        except ExitError as failed:
            self._container = None
            group: Any = failed  # dishka's base class of it is unknown to some type checkers
            raise StopError(group.exceptions) from None
        self._container = None

    def __repr__(self) -> str:
        state = "running" if self._made else "not running"
        return f"<{type(self).__name__} {self.graph.tree.root}, {state}>"

    def __del__(self) -> None:
        if getattr(self, "_container", None) is not None:
            warnings.warn(f"{self!r} was never stopped", ResourceWarning, stacklevel=2, source=self)


@frozen(eq=False)
class Selected(Getter):
    """One module of an application."""

    app: Running[Any]
    name: str

    def _get(self, token: Any, strict: bool) -> Any:
        return self.app.at(self.app.graph.find_in(self.name, token, strict=strict))


@contextmanager
def second() -> Generator[None, None, None]:
    """Around an end that follows on a failed start: the start's error is the one to raise."""
    try:
        yield
    except StopError:
        log.exception("what was built before the start failed could not all be stopped")


class Application(Running[dishka.Container]):
    """A root module with all that it imports, in blocking programs.

    ``with Application(AppModule) as app: app.get(Service)``. All providers are built at the start, asked for or not:
    what something needs before it, imported modules before their importers; generators end in the reverse order.
    Modules made by equal calls are one; with ``identity="reference"`` only the same object is. ``overrides`` replace
    providers in all modules, for tests: ``overrides=[Provider(Service, use_value=fake)]``.
    """

    def __init__(self, module: ModuleRef, *, identity: Identity = "value", overrides: Iterable[Provider] = ()) -> None:
        super().__init__(module, identity=identity, overrides=overrides)
        self.graph.refuse_async()

    def start(self) -> Self:
        """Build everything. Where something fails, what was built before is ended, and its error is raised."""
        if self._container is not None:
            return self
        self._container = dishka.make_container(provider(self.graph), skip_validation=True)
        try:
            self._made = {one: self._container.get(*key(one)) for one in self.graph.bindings}
        except BaseException as error:
            with second():
                self.stop(error)
            raise
        return self

    def stop(self, error: BaseException | None = None) -> None:
        """End everything, the newest first; all is tried, and ``StopError`` has what failed. Twice is fine."""
        if self._container is not None:
            with self._ending():
                self._container.close(error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(error)


class AsyncApplication(Running[dishka.AsyncContainer]):
    """The same for asyncio; factories may be ``async``. Once it runs, ``get`` gives values without waiting."""

    async def start(self) -> Self:
        """Build everything. Where something fails, what was built before is ended, and its error is raised."""
        if self._container is not None:
            return self
        self._container = dishka.make_async_container(provider(self.graph), skip_validation=True)
        try:
            self._made = {one: await self._container.get(*key(one)) for one in self.graph.bindings}
        except BaseException as error:
            with second():
                await self.stop(error)
            raise
        return self

    async def stop(self, error: BaseException | None = None) -> None:
        """End everything, the newest first; all is tried, and ``StopError`` has what failed. Twice is fine."""
        if self._container is not None:
            with self._ending():
                await self._container.close(error)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(error)


def key(address: Address) -> tuple[Any, str]:
    """How dishka is asked for what stands at an address."""
    return key_of(address.token), address.module
