"""The factories of etcd clients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import asdict

import etcd_factory  # its clients are loaded where the first one is made, or where a type is asked for
from etcd_factory.compat import Self
from etcd_factory.core.face import Async, Sync
from etcd_factory.errors import ConfigError, Fault
from etcd_factory.model import Health
from etcd_factory.options import ClientOptions, ClientOptionsLike, FactoryOptionsLike
from etcd_factory.options.client import without_class
from etcd_factory.options.fields import Values
from etcd_factory.options.kinds import kind
from etcd_factory.options.mappings import URLLike
from etcd_factory.options.plan import FactoryPlan
from etcd_factory.options.secret import masked_options
from etcd_factory.options.services import ConfigCenterOptions, ServiceDiscovery
from etcd_factory.options.structure import structure
from etcd_factory.options.urls import is_url

from .base import AsyncServiceFactory, ServiceFactory
from .lifecycle import Config, OnExists
from .recipe import Recipe
from .reloading import Reloading

if TYPE_CHECKING:  # imported on first use: not every program reads files or registers services
    from etcd_factory.config import Filter, Source
    from etcd_factory.configcenter import AsyncConfigCenter, Codec, ConfigCenter
    from etcd_factory.registry import AsyncServiceRegistry, ServiceRegistry

S = TypeVar("S")


def options_of(mapping: Mapping[str, object], face: type[object]) -> ClientOptions:
    """Return a client's options from its merged mapping; a ``client_class`` must be a subclass of the face."""
    options = structure(ClientOptions, mapping)
    if options.client_class is not None and not issubclass(options.client_class, face):
        message = f"{options.client_class.__name__} is not a subclass of {face.__name__}"
        raise ConfigError(Fault("", "client_class", message))
    return options


def made(options: ClientOptions, face: Callable[[ClientOptions], S]) -> S:
    """Return a service of the face, or of its subclass ``client_class``, which is removed from the options."""
    chosen = cast("Callable[[ClientOptions], S]", options.client_class or face)
    return chosen(without_class(options))


def of_kind(client: S, kind: type[S]) -> S:
    """Return a client; ``TypeError`` if it is not of that class."""
    if not isinstance(client, kind):
        raise TypeError(f"a client of this factory is an {kind.__name__}, not {type(client).__name__}")
    return client


def arguments(options: ServiceDiscovery | ConfigCenterOptions) -> Values:
    """Return the arguments of a registry or a configuration center, apart from its client."""
    return {name: value for name, value in asdict(options, recurse=False).items() if name != "client"}


def checked(config: Config | URLLike, factory: type[object]) -> Config:
    """Return the argument of a factory; a URL is that of its client. Raises ``ConfigError`` for other text."""
    if is_url(config):
        return {"client": config}
    if not isinstance(config, (str, os.PathLike)):
        return cast("Config", config)
    shown = "..." if "@" in str(config) else str(config)
    advice = f"write {factory.__name__}.from_config({shown!r}) to read files, or {{'client': {{'hosts': {shown!r}}}}}"
    raise ConfigError(f"expected a mapping, got {kind(config)}; {advice}")


class ETCDServiceFactory(Reloading[Sync, "etcd_factory.ETCDService"], ServiceFactory["etcd_factory.ETCDService"]):
    """etcd clients by name: the configured ones, and those made at run time.

    ``config`` is a mapping of the shape ``{client: {...}, clients: {name: {...}}, default: {...}}``, an OmegaConf tree
    of that shape, ``FactoryOptions``, or the URL of the only client. No I/O happens before a client's first call.
    Raises ``ConfigError`` listing every problem.
    """

    def __init__(self, config: FactoryOptionsLike | FactoryPlan[ClientOptions] | URLLike | None = None) -> None:
        config = masked_options(config)
        super().__init__(checked(config, type(self)))

    @classmethod
    def from_config(
        cls,
        *sources: Source,
        env: str | None = None,
        key: str = "etcd",
        filters: Iterable[Filter] = (),
        concurrent: bool = False,
    ) -> Self:
        """Return a factory from layered files and mappings, by default the directory ``config``.

        ``key`` is the section with the factory's options; the other arguments are those of ``load_config``. With
        ``concurrent`` the clients are made at once, each in a thread, which helps where making one waits. ``reload``
        and ``watch_config`` follow changes of the files. Raises ``ConfigError`` listing every problem of the load:
        file, key path, what was expected.
        """
        sources = tuple(map(masked_options, sources))
        recipe = Recipe(sources, env, key, tuple(filters), concurrent)
        factory = cls(recipe.load(cls.read_options))
        factory._recipe = recipe
        return factory

    @staticmethod
    def read_options(options: Mapping[str, Any]) -> ClientOptions:
        """Return the options, converted and checked. Raises ``ConfigError`` listing every problem."""
        return options_of(options, etcd_factory.ETCDService)

    def create_instance(
        self, options: ClientOptionsLike | None = None, name: str | None = None, *, on_exists: OnExists = "error"
    ) -> etcd_factory.ETCDService:
        """Make a client, the factory's ``default`` merged under ``options``; see ``ServiceFactory``."""
        options = masked_options(options)
        return super().create_instance(options, name, on_exists=on_exists)

    def create_client(self, options: ClientOptions, name: str | None) -> etcd_factory.ETCDService:
        """Return a new service; override it to make another kind of client."""
        del name
        return made(options, etcd_factory.ETCDService)

    def destroy_client(self, client: etcd_factory.ETCDService, name: str | None) -> None:
        """Close the service."""
        del name
        client.close()

    def _accepted(self, client: etcd_factory.ETCDService) -> etcd_factory.ETCDService:
        return of_kind(client, etcd_factory.ETCDService)

    def registry(self) -> ServiceRegistry:
        """Return the service registry of the section ``service_discovery``, on its client.

        It is the same object until its client or the section is replaced.
        """
        from etcd_factory.registry import ServiceRegistry

        return self._registry_of(lambda etcd, chosen: ServiceRegistry(etcd, **arguments(chosen)))

    def config_center(
        self, *, instance: str | None = None, groups: Iterable[str] = (), codec: Codec | None = None
    ) -> ConfigCenter:
        """Return the configuration center of the section ``config_center``, on its client.

        ``instance`` and ``groups`` select whose values it reads, ``codec`` encrypts its fallback file; see
        ``ConfigCenter``.
        """
        from etcd_factory.configcenter import ConfigCenter

        chosen = self._options.config_center
        etcd, given = self.get(chosen.client), arguments(chosen)
        return ConfigCenter(etcd, instance=instance, groups=groups, codec=codec, **given)

    def check_client(self, client: etcd_factory.ETCDService, timeout: float) -> Health:
        """Check a client in ``timeout`` seconds: a linearizable read, and the status of the member that answered."""
        return client.health(timeout)


class AsyncETCDServiceFactory(
    Reloading[Async, "etcd_factory.AsyncETCDService"], AsyncServiceFactory["etcd_factory.AsyncETCDService"]
):
    """etcd clients by name for asyncio; see ``ETCDServiceFactory``."""

    _unread = False  # its sources have to be awaited

    def __init__(self, config: FactoryOptionsLike | FactoryPlan[ClientOptions] | URLLike | None = None) -> None:
        config = masked_options(config)
        super().__init__(checked(config, type(self)))

    @classmethod
    def from_config(
        cls,
        *sources: Source,
        env: str | None = None,
        key: str = "etcd",
        filters: Iterable[Filter] = (),
        concurrent: bool = False,
    ) -> Self:
        """Return a factory from layered files and mappings, by default the directory ``config``.

        ``key`` is the section with the factory's options; the other arguments are those of ``load_config``. If a
        ``.py`` file has an ``async`` ``config`` function, loading is done when the factory is entered with
        ``async with``. With ``concurrent`` clients whose ``create_client`` is ``async`` are made at once. ``reload``
        and ``watch_config`` follow changes of the files. Raises ``ConfigError`` listing every problem of the load:
        file, key path, what was expected.
        """
        from etcd_factory.config import AsyncConfigError

        sources = tuple(map(masked_options, sources))
        recipe = Recipe(sources, env, key, tuple(filters), concurrent)
        try:
            factory = cls(recipe.load(cls.read_options))
        except AsyncConfigError:
            factory = cls()
            factory._waiting = factory._unread = True
        factory._recipe = recipe
        return factory

    async def _start(self) -> None:
        if self._unread and self._recipe is not None:
            self._plan = await self._recipe.aload(self.read_options)
            self._options, self._unread = self._plan.options, False
        await super()._start()

    @staticmethod
    def read_options(options: Mapping[str, Any]) -> ClientOptions:
        """Return the options, converted and checked. Raises ``ConfigError`` listing every problem."""
        return options_of(options, etcd_factory.AsyncETCDService)

    async def create_instance(
        self, options: ClientOptionsLike | None = None, name: str | None = None, *, on_exists: OnExists = "error"
    ) -> etcd_factory.AsyncETCDService:
        """Make a client, the factory's ``default`` merged under ``options``; see ``AsyncServiceFactory``."""
        options = masked_options(options)
        return await super().create_instance(options, name, on_exists=on_exists)

    def create_client(self, options: ClientOptions, name: str | None) -> etcd_factory.AsyncETCDService:
        """Return a new service; override it to make another kind of client."""
        del name
        return made(options, etcd_factory.AsyncETCDService)

    async def destroy_client(self, client: etcd_factory.AsyncETCDService, name: str | None) -> None:
        """Close the service."""
        del name
        await client.aclose()

    def _accepted(self, client: etcd_factory.AsyncETCDService) -> etcd_factory.AsyncETCDService:
        return of_kind(client, etcd_factory.AsyncETCDService)

    def registry(self) -> AsyncServiceRegistry:
        """Return the service registry of the section ``service_discovery``, on its client.

        It is the same object until its client or the section is replaced.
        """
        from etcd_factory.registry import AsyncServiceRegistry

        return self._registry_of(lambda etcd, chosen: AsyncServiceRegistry(etcd, **arguments(chosen)))

    def config_center(
        self, *, instance: str | None = None, groups: Iterable[str] = (), codec: Codec | None = None
    ) -> AsyncConfigCenter:
        """Return the configuration center of the section ``config_center``, on its client.

        ``instance`` and ``groups`` select whose values it reads, ``codec`` encrypts its fallback file; see
        ``AsyncConfigCenter``.
        """
        from etcd_factory.configcenter import AsyncConfigCenter

        chosen = self._options.config_center
        etcd, given = self.get(chosen.client), arguments(chosen)
        return AsyncConfigCenter(etcd, instance=instance, groups=groups, codec=codec, **given)

    async def check_client(self, client: etcd_factory.AsyncETCDService, timeout: float) -> Health:
        """Check a client in ``timeout`` seconds: a linearizable read, and the status of the member that answered."""
        return await client.health(timeout)
