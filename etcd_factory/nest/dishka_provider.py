"""From a graph to one dishka provider: a module is a component."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from inspect import Parameter, Signature
from typing import Annotated, Any

from .bindings import Binding, Kind
from .errors import shown
from .graph import Graph, graph_of
from .identity import Identity
from .modules import ModuleRef
from .providers import Provider
from .scanner import Address

try:
    import dishka
except ImportError as error:
    raise ImportError("etcd_factory.nest needs dishka: pip install 'etcd-factory[nest]'") from error

POSITIONAL = Parameter.POSITIONAL_ONLY


def provider_of(
    module: ModuleRef, *, identity: Identity = "value", overrides: Iterable[Provider] = ()
) -> dishka.Provider:
    """A module with all that it imports, as a provider for a container of one's own.

    What the module sees is in the container's default component; what is in another module is in the component of
    that name: ``container.get(EtcdService, component="EtcdModule")``. A text or a ``Token`` is asked for as
    ``key_of(token)``. All is made once for the whole container, when it is first asked for. ``identity`` and
    ``overrides`` are those of ``Application``.
    """
    return provider(graph_of(module, identity, overrides))


def provider(graph: Graph) -> dishka.Provider:
    """The graph's bindings as they are."""
    made = dishka.Provider(scope=dishka.Scope.APP)
    for binding in graph.bindings.values():
        made.provide(source(binding), provides=hint(binding.address))
    for token, address in graph.sight.seen(graph.tree.root).items():
        made.alias(key_of(token), component=address.module, provides=key_of(token))
    return made


@cache
def key_of(token: Any) -> Any:
    """What dishka knows a token by: a type as it is, a text or a ``Token`` by a type of its own."""
    return token if callable(token) else type(f"Token({shown(token)})", (), {})


def hint(address: Address) -> Any:
    """An address as dishka writes it."""
    annotated: Any = Annotated
    return annotated[key_of(address.token), dishka.FromComponent(address.module)]


def source(binding: Binding) -> Callable[..., Any]:
    """The binding as a function of the kind that dishka tells kinds by, its dependencies as annotations."""
    build: Any = SHAPES[binding.kind](binding.make)
    parameters = [Parameter(f"p{i}", POSITIONAL, annotation=hint(need)) for i, need in enumerate(binding.needs)]
    build.__signature__ = Signature(parameters)
    build.__annotations__ = {one.name: one.annotation for one in parameters}
    build.__name__ = build.__qualname__ = shown(binding.address.token)
    function: Callable[..., Any] = build
    return function


def plain(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function of dishka's."""

    def build(*given: Any) -> Any:
        return make(*given)

    return build


def awaited(make: Callable[..., Any]) -> Callable[..., Any]:
    """An async function of dishka's."""

    async def build(*given: Any) -> Any:
        return await make(*given)

    return build


def generator(make: Callable[..., Any]) -> Callable[..., Any]:
    """A generator of dishka's, which sends it the error that it ends with."""

    def build(*given: Any) -> Iterator[Any]:
        yield from make(*given)

    return build


def async_generator(make: Callable[..., Any]) -> Callable[..., Any]:
    """The same, async."""

    async def build(*given: Any) -> AsyncGenerator[Any, Any]:
        inner: AsyncGenerator[Any, Any] = make(*given)
        error = yield await anext(inner)
        with suppress(StopAsyncIteration):
            await inner.asend(error)

    return build


SHAPES = {
    Kind.PLAIN: plain,
    Kind.AWAITED: awaited,
    Kind.GENERATOR: generator,
    Kind.ASYNC_GENERATOR: async_generator,
}
