"""``ModuleRef``: a module's own access to its instances, injected into its providers."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar, TypeVar, cast

from .contexts import AsyncContext, AsyncScopedHost, AsyncScopedResolver, Context, ScopedHost, ScopedResolver
from .instances import InstanceHost
from .module_tree import Address

T = TypeVar("T")


class ModuleRef(ScopedResolver):
    """The module of the provider that injects it: ``get``, ``resolve`` and ``create`` by token or class.

    By default only the module's own providers are returned; with ``strict=False`` those of all modules. Constructors
    may keep it, and life-cycle hooks and methods may use it: the application must be running. In an
    ``AsyncApplication`` inject ``AsyncModuleRef``, which is also what this class is the token of there.
    """

    __nest_unresolved__: ClassVar[str] = "only an Application provides it, not a provider for dishka's own containers"
    _strict: ClassVar[bool] = True

    def __init__(self, app: ScopedHost, name: str) -> None:
        self._app, self.name = app, name

    def create(self, cls: type[T], *, context: Context | None = None) -> T:
        """Build a class that is not a provider, with what its module sees; each call builds another instance.

        The scopes are those of ``resolve``. Raises ``UnresolvedError`` if a dependency is not visible.
        """
        binding = self._app.graph.bind_class(self.name, cls)
        opened = self._app.context_for(context, binding.dependencies)
        created = binding.build(*(opened.value_at(one) for one in binding.dependencies))
        return cast(T, created)

    @property
    def _scoped(self) -> ScopedHost:
        return self._app

    @property
    def _instances_of(self) -> InstanceHost[Any]:
        return self._app

    def _find(self, token: Hashable, strict: bool) -> Address:
        return find(self._app, self.name, token, strict)

    def __repr__(self) -> str:
        return f"<ModuleRef {self.name}>"


class AsyncModuleRef(AsyncScopedResolver):
    """``ModuleRef`` for asyncio: ``resolve`` and ``create`` are awaited."""

    __nest_unresolved__: ClassVar[str] = "only an AsyncApplication provides it; use ModuleRef in an Application"
    _strict: ClassVar[bool] = True

    def __init__(self, app: AsyncScopedHost, name: str) -> None:
        self._app, self.name = app, name

    async def create(self, cls: type[T], *, context: AsyncContext | None = None) -> T:
        """Build a class that is not a provider, with what its module sees; each call builds another instance.

        The scopes are those of ``resolve``. Raises ``UnresolvedError`` if a dependency is not visible.
        """
        binding = self._app.graph.bind_class(self.name, cls)
        opened = self._app.context_for(context, binding.dependencies)
        created = binding.build(*[await opened.value_at(one) for one in binding.dependencies])
        return cast(T, created)

    @property
    def _scoped(self) -> AsyncScopedHost:
        return self._app

    @property
    def _instances_of(self) -> InstanceHost[Any]:
        return self._app

    def _find(self, token: Hashable, strict: bool) -> Address:
        return find(self._app, self.name, token, strict)

    def __repr__(self) -> str:
        return f"<AsyncModuleRef {self.name}>"


def find(app: InstanceHost[Any], label: str, token: Hashable, strict: bool) -> Address:
    """Return where a module finds a token, among its own providers or everywhere."""
    return app.graph.find_in(label, token, strict=True) if strict else app.find_from(label, token)
