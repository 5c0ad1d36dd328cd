"""Bindings: how each provider is built, with the addresses of its dependencies."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import TypeVar

from attrs import frozen

from .dependencies import Dependency, Factory, annotated_function, dependencies_of
from .errors import AsyncFactoryError, declared_in, display_name
from .module_tree import Address
from .providers import NOT_GIVEN, Provider, Scope
from .visibility import Visibility

T = TypeVar("T")


class FactoryKind(Enum):
    """How a factory returns its value."""

    FUNCTION = "function"
    ASYNC_FUNCTION = "async function"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async generator"


KINDS = (
    (inspect.isasyncgenfunction, FactoryKind.ASYNC_GENERATOR),
    (inspect.isgeneratorfunction, FactoryKind.GENERATOR),
    (inspect.iscoroutinefunction, FactoryKind.ASYNC_FUNCTION),
)


@frozen(eq=False)
class Argument:
    """One argument of a factory: the value at the address, or, if that is None, the parameter's default."""

    dependency: Dependency
    address: Address | None

    def value(self, built: Iterator[object]) -> object:
        """Return the argument; ``built`` yields the values of the addresses in order."""
        return self.dependency.default if self.address is None else next(built)


@frozen(eq=False)
class Binding:
    """One provider of one module, ready to be built.

    ``scope`` is the declared one. The graph sets ``is_request`` if it depends on a provider of that scope, too, and
    ``is_transient`` for aliases of transient providers, too.
    """

    address: Address
    kind: FactoryKind
    factory: Factory
    arguments: tuple[Argument, ...]
    scope: Scope = "default"
    is_alias: bool = False
    is_request: bool = False
    is_transient: bool = False

    @property
    def dependencies(self) -> tuple[Address, ...]:
        """The addresses of what ``build`` takes, in that order."""
        return tuple(argument.address for argument in self.arguments if argument.address is not None)

    @property
    def constructing(self) -> tuple[Address, ...]:
        """Those of the dependencies that must be complete before: not the forward references."""
        found = ((one.address, one.dependency.is_forward) for one in self.arguments)
        return tuple(address for address, is_forward in found if address is not None and not is_forward)

    @property
    def is_static(self) -> bool:
        """Whether there is one instance, built when the application starts."""
        return not self.is_request and not self.is_transient

    @property
    def is_async(self) -> bool:
        """Whether building it has to be awaited."""
        return self.kind in (FactoryKind.ASYNC_FUNCTION, FactoryKind.ASYNC_GENERATOR)

    @property
    def is_generator(self) -> bool:
        """Whether it has to be closed."""
        return self.kind in (FactoryKind.GENERATOR, FactoryKind.ASYNC_GENERATOR)

    def build(self, *built: object) -> object:
        """Call the factory with the values of ``dependencies``; returns a value, coroutine or generator by ``kind``."""
        values = iter(built)
        filled = [(argument.dependency, argument.value(values)) for argument in self.arguments]
        args = [value for parameter, value in filled if not parameter.is_keyword]
        result = self.factory(*args, **{parameter.name: value for parameter, value in filled if parameter.is_keyword})
        if self.kind is FactoryKind.FUNCTION and inspect.iscoroutine(result):
            result.close()
            name = display_name(self.factory)
            raise AsyncFactoryError(
                f"factory {name} of {self.address} returned a coroutine; declare it with 'async def' to have it awaited"
            )
        return result


def bind(visibility: Visibility, address: Address, provider: Provider) -> tuple[Binding, list[Dependency]]:
    """Return how the provider is built, and its required dependencies that are not visible to its module."""
    with declared_in(address):
        dependencies = dependencies_of(provider)
    arguments = tuple(Argument(one, visibility.find(address.module, one.token)) for one in dependencies)
    missing = [one.dependency for one in arguments if one.address is None and one.dependency.default is NOT_GIVEN]
    factory = factory_of(provider)
    is_alias = provider.kind == "use_existing"
    return Binding(address, factory_kind(factory), factory, arguments, provider.scope, is_alias), missing


def factory_of(provider: Provider) -> Factory:
    """Return the function that builds the provider's value."""
    if provider.use_class is not NOT_GIVEN:
        return provider.use_class
    if provider.use_factory is not NOT_GIVEN:
        return provider.use_factory
    return unchanged if provider.kind == "use_existing" else lambda: provider.use_value


def unchanged(value: T) -> T:
    """Return the value of the aliased token."""
    return value


def factory_kind(factory: Factory) -> FactoryKind:
    """Return how the factory returns its value."""
    function = annotated_function(factory)
    return next((kind for matches, kind in KINDS if matches(function)), FactoryKind.FUNCTION)
