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
from .modules import ModuleLike
from .providers import Provider
from .tokens import REQUEST, Token
from .visibility import REQUEST_ADDRESS

try:
    import dishka
except ImportError as error:
    raise ImportError("etcd_factory.nest needs dishka: pip install 'etcd-factory[nest]'") from error

T = TypeVar("T")
Build = Callable[..., Any]  # a binding's build: a value, coroutine or generator by its kind
Observe = Callable[[Address, object], None]
POSITIONAL = Parameter.POSITIONAL_ONLY


def provider_of(
    module: ModuleLike, *, identity: Identity = "value", overrides: Iterable[Provider] = ()
) -> dishka.Provider:
    """Return a module with everything that it imports as a provider for your own dishka container.

    What the module sees is in the default component, each other module in the component of its name:
    ``container.get(EtcdService, component="EtcdModule")``. Request a string or ``Token`` as ``key_of(token)``. Each
    provider is built once per container, when first requested; one of the scope ``request`` once per child container.
    ``identity`` and ``overrides`` are those of ``Application``, whose hooks and ``ModuleRef`` are not available. Raises
    ``UnresolvedError``, ``CycleError`` and ``DeclarationError``.
    """
    return dishka_provider(build_graph(module, identity, overrides))


def unobserved(_: Address, __: object) -> None:
    """Forget a transient instance."""


def dishka_provider(graph: DependencyGraph, observe: Observe = unobserved) -> dishka.Provider:
    """Return the bindings of a graph as one provider; ``observe`` receives each transient instance of a consumer."""
    provider = dishka.Provider(scope=dishka.Scope.APP)
    provider.from_context(provides=key_of(REQUEST), scope=dishka.Scope.REQUEST)
    for address, binding in graph.bindings.items():
        if address != REQUEST_ADDRESS:
            provide(provider, graph, binding, observe)
    for token, address in graph.visibility.visible(graph.tree.root).items():
        is_cached = not graph.bindings[address].is_transient
        provider.alias(key_of(token), component=address.module, provides=key_of(token), cache=is_cached)
    return provider


def provide(provider: dishka.Provider, graph: DependencyGraph, binding: Binding, observe: Observe) -> None:
    """Add one binding, a transient one in both scopes: what it opens is closed with what it was built for."""
    provides, is_cached = hint_of(binding.address), not binding.is_transient
    scope = dishka.Scope.REQUEST if binding.is_request else dishka.Scope.APP
    source = source_of(graph, binding, observe, in_request=binding.is_request)
    provider.provide(source, provides=provides, scope=scope, cache=is_cached)
    if binding.is_transient and not binding.is_request:
        source = source_of(graph, binding, observe, in_request=True)
        provider.provide(source, provides=request_hint(binding.address), scope=dishka.Scope.REQUEST, cache=False)


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


def request_hint(address: Address) -> object:
    """Return the annotation by which what is built for one request finds a transient provider."""
    annotated: Any = Annotated
    return annotated[request_type(address.token), dishka.FromComponent(address.module)]


@cache
def request_type(token: Hashable) -> type[object]:
    """Return the type that represents a transient token in the scope of a request."""
    return type(f"Token({display_name(token)} in a request)", (), {})


def request_key(binding: Binding) -> Any:
    """Return the type by which a container of a request knows a provider."""
    is_copied = binding.is_transient and not binding.is_request
    return request_type(binding.address.token) if is_copied else key_of(binding.address.token)


def source_of(graph: DependencyGraph, binding: Binding, observe: Observe, *, in_request: bool) -> Build:
    """Return a function that dishka reads the kind and the dependencies of a binding from."""
    needed = [graph.bindings[one] for one in binding.dependencies]
    build = binding.build if in_request else observed(binding.build, needed, observe)
    source = WRAPPERS[binding.kind](build)
    describe(source, binding.address.token, [dependency_hint(one, in_request) for one in needed])
    return source


def dependency_hint(binding: Binding, in_request: bool) -> object:
    """Return the annotation of a dependency, for a consumer of one request or of the application."""
    is_copied = in_request and binding.is_transient and not binding.is_request
    return request_hint(binding.address) if is_copied else hint_of(binding.address)


def observed(build: Build, needed: list[Binding], observe: Observe) -> Build:
    """Return the function with its transient arguments observed, if it has any."""
    places = [(place, one.address) for place, one in enumerate(needed) if one.is_transient and not one.is_alias]
    if not places:
        return build

    def observing(*built: object) -> object:
        for place, address in places:
            observe(address, built[place])
        return build(*built)

    return observing


def describe(source: Any, token: Hashable, hints: list[object]) -> None:
    """Set the signature, the annotations and the name that dishka reads."""
    parameters = [Parameter(f"p{i}", POSITIONAL, annotation=hint) for i, hint in enumerate(hints)]
    source.__signature__ = Signature(parameters)
    source.__annotations__ = {one.name: one.annotation for one in parameters}
    source.__name__ = source.__qualname__ = display_name(token)


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
