"""Clients in a dishka container: ``make_container(etcd_provider(config))``, then ``container.get(ETCDService)``.

The factory is made when it is first asked for and closed with the container. The default client is in the default
component, each named one in the component of its name: ``Annotated[ETCDService, FromComponent("instance1")]``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.options import FactoryOptions
from etcd_factory.service import AsyncETCDService, ETCDService

try:
    import dishka
except ImportError as error:
    raise ImportError("etcd_factory.integrations.dishka needs dishka: pip install 'etcd-factory[dishka]'") from error

Config = FactoryOptions | Mapping[str, Any]


def etcd_provider(config: Config | ETCDServiceFactory) -> dishka.Provider:
    """The factory, its default client and its named ones, from a configuration or from a factory of one's own.

    ``etcd_provider(load_config("config").etcd)`` reads files. A factory that was given is not closed.
    """

    def factory() -> Iterator[ETCDServiceFactory]:
        if isinstance(config, ETCDServiceFactory):
            yield config
            return
        with ETCDServiceFactory(config) as made:
            yield made

    names = config if isinstance(config, ETCDServiceFactory) else FactoryOptions.of(config).named
    return provider(ETCDServiceFactory, ETCDService, factory, names)


def async_etcd_provider(config: Config | AsyncETCDServiceFactory) -> dishka.Provider:
    """The same for asyncio, for ``make_async_container``: ``AsyncETCDServiceFactory`` and ``AsyncETCDService``."""

    async def factory() -> AsyncIterator[AsyncETCDServiceFactory]:
        if isinstance(config, AsyncETCDServiceFactory):
            yield config
            return
        async with AsyncETCDServiceFactory(config) as made:
            yield made

    names = config if isinstance(config, AsyncETCDServiceFactory) else FactoryOptions.of(config).named
    return provider(AsyncETCDServiceFactory, AsyncETCDService, factory, names)


def provider(factory: Any, service: Any, make: Any, names: Iterable[str]) -> dishka.Provider:
    """The factory and its clients, of one face."""
    made = dishka.Provider(scope=dishka.Scope.APP)
    annotated: Any = Annotated
    made.provide(make, provides=factory)
    made.provide(source(factory, None), provides=service)
    for name in names:
        made.provide(source(factory, name), provides=annotated[service, dishka.FromComponent(name)])
    return made


def source(factory: Any, name: str | None) -> Callable[[Any], Any]:
    """A function that takes a client out of the factory, which stands in the default component."""

    def get(given: Any) -> Any:
        return given.get(name)

    annotated: Any = Annotated
    get.__annotations__ = {"given": annotated[factory, dishka.FromComponent("")]}
    return get
