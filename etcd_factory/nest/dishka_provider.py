"""Turns a dependency graph into one dishka provider, with a component for each module."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Hashable, Iterable
from contextlib import suppress
from functools import cache
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeVar, overload

from .bindings import Binding, FactoryKind
from .errors import display_name
from .graph import DependencyGraph, build_graph
from .identity import Identity
from .module_tree import Address
from .modules import ModuleRef
from .providers import Provider
from .tokens import Token

try:
    import dishka
except ImportError as error:
    raise ImportError("etcd_factory.nest needs dishka: pip install 'etcd-factory[nest]'") from error

T = TypeVar("T")
Build = Callable[..., Any]  # a binding's build: a value, coroutine or generator by its kind
POSITIONAL = Parameter.POSITIONAL_ONLY


def provider_of(
    module: ModuleRef, *, identity: Identity = "value", overrides: Iterable[Provider] = ()
) -> dishka.Provider:
    """Return a module with everything that it imports as a provider for your own dishka container.

    What the module sees is in the default component, each other module in the component of its name:
    ``container.get(EtcdService, component="EtcdModule")``. Request a string or ``Token`` as ``key_of(token)``. Each
    provider is built once per container, when first requested. ``identity`` and ``overrides`` are those of
    ``Application``. Raises ``UnresolvedError``, ``CycleError`` and ``DeclarationError``.
    """
    return dishka_provider(build_graph(module, identity, overrides))


def dishka_provider(graph: DependencyGraph) -> dishka.Provider:
    """Return the bindings of a graph as one provider."""
    provider = dishka.Provider(scope=dishka.Scope.APP)
    for binding in graph.bindings.values():
        provider.provide(source_of(binding), provides=hint_of(binding.address))
    for token, address in graph.visibility.visible(graph.tree.root).items():
        provider.alias(key_of(token), component=address.module, provides=key_of(token))
    return provider


@overload
def key_of(token: type[T] | Token[T]) -> type[T]: ...
@overload
def key_of(token: Hashable) -> Any: ...
def key_of(token: Any) -> Any:
    """Return the type that a dishka container knows a token by: a class itself, a generated type for other tokens."""
    return token if callable(token) else generated_type(token)


@cache
def generated_type(token: Hashable) -> type[object]:
    """Return the type that represents a string or a ``Token``."""
    return type(f"Token({display_name(token)})", (), {})


def hint_of(address: Address) -> object:
    """Return the annotation by which dishka finds an address."""
    annotated: Any = Annotated
    return annotated[key_of(address.token), dishka.FromComponent(address.module)]


def source_of(binding: Binding) -> Build:
    """Return a function that dishka reads the kind and the dependencies of a binding from."""
    source = WRAPPERS[binding.kind](binding.build)
    describe(source, binding)
    return source


def describe(source: Any, binding: Binding) -> None:
    """Set the signature, the annotations and the name that dishka reads."""
    parameters = [Parameter(f"p{i}", POSITIONAL, annotation=hint_of(one)) for i, one in enumerate(binding.dependencies)]
    source.__signature__ = Signature(parameters)
    source.__annotations__ = {one.name: one.annotation for one in parameters}
    source.__name__ = source.__qualname__ = display_name(binding.address.token)


def wrap_function(build: Build) -> Build:
    """Return a plain function, in which dishka's attributes can be set."""

    def source(*dependencies: object) -> object:
        return build(*dependencies)

    return source


def wrap_async_function(build: Build) -> Build:
    """Return an async function."""

    async def source(*dependencies: object) -> object:
        return await build(*dependencies)

    return source


def wrap_generator(build: Build) -> Build:
    """Return a generator function; ``yield from`` passes on the error that dishka sends when it closes."""

    def source(*dependencies: object) -> Generator[object, object, None]:
        yield from build(*dependencies)

    return source


def wrap_async_generator(build: Build) -> Build:
    """Return an async generator function."""

    async def source(*dependencies: object) -> AsyncGenerator[object, object]:
        generator: AsyncGenerator[object, object] = build(*dependencies)
        error = yield await anext(generator)
        with suppress(StopAsyncIteration):
            await generator.asend(error)

    return source


WRAPPERS: dict[FactoryKind, Callable[[Build], Build]] = {
    FactoryKind.FUNCTION: wrap_function,
    FactoryKind.ASYNC_FUNCTION: wrap_async_function,
    FactoryKind.GENERATOR: wrap_generator,
    FactoryKind.ASYNC_GENERATOR: wrap_async_generator,
}
