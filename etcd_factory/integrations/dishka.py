"""Clients in a dishka container: ``make_container(etcd_provider(config))``, then ``container.get(ETCDService)``.

The factory is created when it is first requested, and closed with the container. The default client is in the default
component, each named one in the component of its name: ``Annotated[ETCDService, FromComponent("instance1")]``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Annotated, Any

from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.options import FactoryOptions, FactoryOptionsLike
from etcd_factory.service import AsyncETCDService, ETCDService

try:
    import dishka
except ImportError as error:
    raise ImportError("etcd_factory.integrations.dishka needs dishka: pip install 'etcd-factory[dishka]'") from error

FactoryClass = type[ETCDServiceFactory] | type[AsyncETCDServiceFactory]
ServiceClass = type[ETCDService] | type[AsyncETCDService]


def etcd_provider(config: FactoryOptionsLike | ETCDServiceFactory) -> dishka.Provider:
    """Return a provider of a factory, its default client and its named ones, for ``make_container``.

    ``config`` is the configuration of the factory, for example ``load_config("config").etcd``, or a factory, which is
    not closed with the container. Raises ``ConfigError`` if the configuration has unknown sections.
    """

    def open_factory() -> Iterator[ETCDServiceFactory]:
        if isinstance(config, ETCDServiceFactory):
            yield config
            return
        with ETCDServiceFactory(config) as factory:
            yield factory

    names = config if isinstance(config, ETCDServiceFactory) else FactoryOptions.of(config).named
    return provider(ETCDServiceFactory, ETCDService, open_factory, names)


def async_etcd_provider(config: FactoryOptionsLike | AsyncETCDServiceFactory) -> dishka.Provider:
    """Return a provider for ``make_async_container``, of ``AsyncETCDServiceFactory`` and ``AsyncETCDService``.

    See ``etcd_provider``.
    """

    async def open_factory() -> AsyncIterator[AsyncETCDServiceFactory]:
        if isinstance(config, AsyncETCDServiceFactory):
            yield config
            return
        async with AsyncETCDServiceFactory(config) as factory:
            yield factory

    names = config if isinstance(config, AsyncETCDServiceFactory) else FactoryOptions.of(config).named
    return provider(AsyncETCDServiceFactory, AsyncETCDService, open_factory, names)


def provider(
    factory: FactoryClass, service: ServiceClass, open_factory: Callable[[], object], names: Iterable[str]
) -> dishka.Provider:
    """Return a provider of a factory and its clients, of one face."""
    annotated: Any = Annotated  # subscripted at run time
    created = dishka.Provider(scope=dishka.Scope.APP)
    created.provide(open_factory, provides=factory)
    created.provide(getter(factory, None), provides=service)
    for name in names:
        created.provide(getter(factory, name), provides=annotated[service, dishka.FromComponent(name)])
    return created


def getter(factory: FactoryClass, name: str | None) -> Callable[..., object]:
    """Return a function that gets a client from the factory, which is in the default component."""
    annotated: Any = Annotated

    def get(opened: ETCDServiceFactory | AsyncETCDServiceFactory) -> object:
        return opened.get(name)

    get.__annotations__ = {"opened": annotated[factory, dishka.FromComponent("")]}
    return get
