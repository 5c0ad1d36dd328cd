"""Instances by token: what an application and its modules return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, ClassVar, Generic, TypeVar, overload

import dishka
from attrs import frozen

from .errors import ApplicationStateError, ProviderNotFoundError
from .graph import DependencyGraph
from .module_tree import Address
from .modules import ModuleLike
from .tokens import Token, as_token

T = TypeVar("T")
C = TypeVar("C", dishka.Container, dishka.AsyncContainer)


class InstanceResolver(ABC):
    """Returns instances by token: an application, or one of its modules."""

    _strict: ClassVar[bool] = False

    @overload
    def get(self, token: type[T], *, strict: bool | None = None) -> T: ...
    @overload
    def get(self, token: Token[T], *, strict: bool | None = None) -> T: ...
    @overload
    def get(self, token: object, *, strict: bool | None = None) -> Any: ...
    def get(self, token: object, *, strict: bool | None = None) -> object:
        """Return the instance of a token that is visible in the module; if ``strict``, only of its own providers.

        ``strict`` is the default of ``ModuleRef`` only. An application, and a ``ModuleRef`` that is not strict, fall
        back to all modules if exactly one provides the token. Raises ``ProviderNotFoundError``, a ``KeyError``,
        ``ScopeError`` for a provider that ``resolve`` returns, and ``ApplicationStateError`` if the application is not
        running.
        """
        return self._instances_of.instance_at(self._address(token, strict))

    def _address(self, token: object, strict: bool | None) -> Address:
        return self._find(as_token(token), self._strict if strict is None else strict)

    @property
    @abstractmethod
    def _instances_of(self) -> InstanceHost[Any]: ...

    @abstractmethod
    def _find(self, token: Hashable, strict: bool) -> Address: ...


class InstanceHost(InstanceResolver, Generic[C]):
    """What is common to all applications once they are started: the graph, the container, and what was built."""

    graph: DependencyGraph
    _container: C | None
    _instances: dict[Address, object]

    @property
    def container(self) -> C:
        """The dishka container of the running application, for dishka's integrations with other frameworks."""
        if self._container is None or not self._instances:
            root = self.graph.tree.root
            raise ApplicationStateError(f"application {root} is not running; call start() or use it in a 'with' block")
        return self._container

    def select(self, module: ModuleLike | str) -> Selected:
        """Return one module, to get what it sees: by its class, or by its name if it has several configurations.

        Raises ``ProviderNotFoundError`` if there is no such module, or several.
        """
        return Selected(self, self.graph.select(module))

    def instance_at(self, address: Address) -> object:
        """Return the instance at an address; raises ``ApplicationStateError`` if the application is not running."""
        assert self.container
        self.graph.require_static(address)
        return self._instances[address]

    def find_from(self, label: str, token: Hashable) -> Address:
        """Return what a module sees under a token, else what the application finds."""
        try:
            return self.graph.find_in(label, token)
        except ProviderNotFoundError:
            return self.graph.find(token)

    @property
    def _instances_of(self) -> InstanceHost[Any]:
        return self

    def _find(self, token: Hashable, strict: bool) -> Address:
        return self.graph.find_in(self.graph.tree.root, token, strict=True) if strict else self.graph.find(token)


@frozen(eq=False)
class Selected(InstanceResolver):
    """One module of an application, as returned by ``select``."""

    app: InstanceHost[Any]
    name: str

    @property
    def _instances_of(self) -> InstanceHost[Any]:
        return self.app

    def _find(self, token: Hashable, strict: bool) -> Address:
        return self.app.graph.find_in(self.name, token, strict=strict)
