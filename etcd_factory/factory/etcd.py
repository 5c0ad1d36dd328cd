"""The factories of etcd clients."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import asdict, evolve
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from typing_extensions import Self

from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.model import Health
from etcd_factory.options import ClientOptions, FactoryOptions
from etcd_factory.options.services import ServiceDiscovery
from etcd_factory.options.structure import structure
from etcd_factory.service import AsyncETCDService, ETCDService

from .base import AsyncServiceFactory, ServiceFactory

if TYPE_CHECKING:  # loaded when it is first used: not every program reads files, or registers services
    from etcd_factory.config import Filter, Loaded, Source
    from etcd_factory.configcenter import AsyncConfigCenter, ConfigCenter
    from etcd_factory.registry import AsyncServiceRegistry, ServiceRegistry

S = TypeVar("S")


ABSENT: Any = object()


def section(loaded: Loaded, key: str, read: Callable[[Mapping[str, Any]], Any]) -> FactoryOptions:
    """The factory's options out of a loaded configuration; ``ConfigError`` has all faults of both."""
    from etcd_factory.config import error_for

    faults = list(loaded.faults)
    options = FactoryOptions()
    try:
        found = selected(loaded, key)
        if found is ABSENT and not faults:
            raise ConfigError(Fault("", key, missing(loaded, key)))
        options = FactoryOptions.of(None if found is ABSENT else found, read, loaded.origin, key)
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise error_for(faults)
    return options


def selected(loaded: Loaded, key: str) -> Any:
    """What stands at ``key``."""
    try:
        return OmegaConf.select(loaded.tree, key, default=ABSENT, throw_on_resolution_failure=True)
    except OmegaConfBaseException as error:
        raise ConfigError(Fault(loaded.origin(tuple(key.split("."))), key, str(error.msg).splitlines()[0])) from error


def missing(loaded: Loaded, key: str) -> str:
    """What is wrong where there is nothing at the key."""
    names = [str(name) for name in loaded.tree]
    return f"no such section; there is: {', '.join(names) or 'nothing'}{suggestion(key, names)}"


def options_of(mapping: Mapping[str, Any], face: type[Any]) -> ClientOptions:
    """A client's options from its merged mapping; its class, if one is named, is of the face."""
    options = structure(ClientOptions, mapping)
    if options.client_class is not None and not issubclass(options.client_class, face):
        message = f"{options.client_class.__name__} is no subclass of {face.__name__}"
        raise ConfigError(Fault("", "client_class", message))
    return options


def made(options: ClientOptions, face: Callable[[ClientOptions], S]) -> S:
    """A service of the face, or of the user's own class of it; that class is taken out of the options."""
    chosen: Any = options.client_class or face
    service: S = chosen(evolve(options, client_class=None))
    return service


def rest(options: ServiceDiscovery) -> dict[str, Any]:
    """What a registry is made with beside its client."""
    return {name: value for name, value in asdict(options, recurse=False).items() if name != "client"}


class ETCDServiceFactory(ServiceFactory[ETCDService]):
    """etcd clients by name: the configured ones, and those made at run time.

    ``config`` is a mapping of the shape ``{client: {...}, clients: {name: {...}}, default: {...}}``, an OmegaConf tree
    of it or ``FactoryOptions``. No I/O happens before a client's first call.
    """

    _registry: ServiceRegistry | None = None

    @classmethod
    def from_config(
        cls, *sources: Source, env: str | None = None, key: str = "etcd", filters: Iterable[Filter] = ()
    ) -> Self:
        """A factory from layered files and mappings (by default the directory ``config``), at ``key`` in them.

        Raises ``ConfigError`` with every fault of the load: file, key path, what was expected.
        """
        from etcd_factory.config import read

        return cls(section(read(*sources, env=env, key=key, filters=filters), key, cls.read_options))

    @staticmethod
    def read_options(options: Mapping[str, Any]) -> ClientOptions:
        """The options, checked."""
        return options_of(options, ETCDService)

    def create_client(self, options: ClientOptions, name: str | None) -> ETCDService:
        """A service; override it to make others."""
        del name
        return made(options, ETCDService)

    def destroy_client(self, client: ETCDService, name: str | None) -> None:
        """Close the service."""
        del name
        client.close()

    def registry(self) -> ServiceRegistry:
        """The service registry that ``service_discovery`` describes, on its client; always the same one."""
        from etcd_factory.registry import ServiceRegistry

        if self._registry is None:
            chosen = self._options.service_discovery
            self._registry = ServiceRegistry(self.get(chosen.client), **rest(chosen))
        return self._registry

    def config_center(self, **whom: Any) -> ConfigCenter:
        """The configuration centre that ``config_center`` describes, on its client.

        ``instance`` and ``groups`` say whom it is for; see ``ConfigCenter``.
        """
        from etcd_factory.configcenter import ConfigCenter

        chosen = self._options.config_center
        return ConfigCenter(self.get(chosen.client), chosen.prefix, fallback=chosen.fallback, **whom)

    def check_client(self, client: ETCDService, timeout: float) -> Health:
        """A linearizable read, and the status of the member that answered."""
        return client.health(timeout)


class AsyncETCDServiceFactory(AsyncServiceFactory[AsyncETCDService]):
    """etcd clients by name for asyncio; see ``ETCDServiceFactory``."""

    _load: Callable[[], Coroutine[Any, Any, Loaded]] | None = None
    _key = "etcd"
    _registry: AsyncServiceRegistry | None = None

    @classmethod
    def from_config(
        cls, *sources: Source, env: str | None = None, key: str = "etcd", filters: Iterable[Filter] = ()
    ) -> Self:
        """A factory from layered files and mappings (by default the directory ``config``), at ``key`` in them.

        Raises ``ConfigError`` with every fault of the load: file, key path, what was expected. Where a ``.py`` file has
        an ``async`` ``config`` function, the load is done when the factory is entered: ``async with``.
        """
        from etcd_factory.config import AsyncConfigError, aread, read

        filters = tuple(filters)
        try:
            return cls(section(read(*sources, env=env, key=key, filters=filters), key, cls.read_options))
        except AsyncConfigError:
            factory = cls()
        factory._waiting, factory._key = True, key
        factory._load = lambda: aread(*sources, env=env, key=key, filters=filters)
        return factory

    async def _start(self) -> None:
        if self._load is not None:
            self._options = section(await self._load(), self._key, self.read_options)
        await super()._start()

    @staticmethod
    def read_options(options: Mapping[str, Any]) -> ClientOptions:
        """The options, checked."""
        return options_of(options, AsyncETCDService)

    def create_client(self, options: ClientOptions, name: str | None) -> AsyncETCDService:
        """A service; override it to make others."""
        del name
        return made(options, AsyncETCDService)

    async def destroy_client(self, client: AsyncETCDService, name: str | None) -> None:
        """Close the service."""
        del name
        await client.aclose()

    def registry(self) -> AsyncServiceRegistry:
        """The service registry that ``service_discovery`` describes, on its client; always the same one."""
        from etcd_factory.registry import AsyncServiceRegistry

        if self._registry is None:
            chosen = self._options.service_discovery
            self._registry = AsyncServiceRegistry(self.get(chosen.client), **rest(chosen))
        return self._registry

    def config_center(self, **whom: Any) -> AsyncConfigCenter:
        """The configuration centre that ``config_center`` describes, on its client.

        ``instance`` and ``groups`` say whom it is for; see ``AsyncConfigCenter``.
        """
        from etcd_factory.configcenter import AsyncConfigCenter

        chosen = self._options.config_center
        return AsyncConfigCenter(self.get(chosen.client), chosen.prefix, fallback=chosen.fallback, **whom)

    async def check_client(self, client: AsyncETCDService, timeout: float) -> Health:
        """A linearizable read, and the status of the member that answered."""
        return await client.health(timeout)
