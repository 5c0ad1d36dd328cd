"""The factories of etcd clients."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar, cast

from omegaconf import OmegaConf
from typing_extensions import Self

from etcd_factory.config import AsyncConfigError, Filter, Loaded, Source, aread, error_for, read
from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.model import Health
from etcd_factory.options import ClientOptions, FactoryOptions
from etcd_factory.options.structure import structure
from etcd_factory.service import AsyncETCDService, ETCDService

from .base import AsyncServiceFactory, ServiceFactory

S = TypeVar("S")


def section(loaded: Loaded, key: str) -> FactoryOptions:
    """The factory's options out of a loaded configuration; ``ConfigError`` has all faults of both."""
    faults = list(loaded.faults)
    options = FactoryOptions()
    found = OmegaConf.select(loaded.tree, key)
    if found is None and not faults:
        names = ", ".join(map(str, loaded.tree)) or "nothing"
        faults.append(Fault("", key, f"no such section; there is: {names}{suggestion(key, map(str, loaded.tree))}"))
    try:
        options = FactoryOptions.of(found, options_of, loaded.origin)
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise error_for(faults)
    return options


def options_of(mapping: Mapping[str, Any]) -> ClientOptions:
    """A client's options from its merged mapping."""
    return structure(ClientOptions, mapping)


def made(options: ClientOptions, face: Callable[[ClientOptions], S]) -> S:
    """A service of the face, or of the user's own class of it."""
    chosen: Any = options.client_class or face
    if not issubclass(chosen, cast("type", face)):
        raise ConfigError(Fault("", "client_class", f"{chosen.__name__} is no subclass of {face}"))
    service: S = chosen(options)
    return service


class ETCDServiceFactory(ServiceFactory[ETCDService]):
    """etcd clients by name: the configured ones, and those made at run time.

    ``config`` is a mapping of the shape ``{client: {...}, clients: {name: {...}}, default: {...}}``, an OmegaConf tree
    of it or ``FactoryOptions``. No I/O happens before a client's first call.
    """

    @classmethod
    def from_config(
        cls, *sources: Source, env: str | None = None, key: str = "etcd", filters: Iterable[Filter] = ()
    ) -> Self:
        """A factory from layered files and mappings (by default the directory ``config``), at ``key`` in them.

        Raises ``ConfigError`` with every fault of the load: file, key path, what was expected.
        """
        return cls(section(read(*sources, env=env, key=key, filters=filters), key))

    def read_options(self, options: Mapping[str, Any]) -> ClientOptions:
        """The options, checked."""
        return options_of(options)

    def create_client(self, options: ClientOptions, name: str | None) -> ETCDService:
        """A service; override it to make others."""
        del name
        return made(options, ETCDService)

    def destroy_client(self, client: ETCDService, name: str | None) -> None:
        """Close the service."""
        del name
        client.close()

    def check_client(self, client: ETCDService, timeout: float) -> Health:
        """A linearizable read, and the status of the member that answered."""
        return client.health(timeout)


Load = Callable[[], Coroutine[Any, Any, Loaded]]


class AsyncETCDServiceFactory(AsyncServiceFactory[AsyncETCDService]):
    """etcd clients by name for asyncio; see ``ETCDServiceFactory``."""

    _load: Load | None = None
    _key = "etcd"

    @classmethod
    def from_config(
        cls, *sources: Source, env: str | None = None, key: str = "etcd", filters: Iterable[Filter] = ()
    ) -> Self:
        """A factory from layered files and mappings (by default the directory ``config``), at ``key`` in them.

        Raises ``ConfigError`` with every fault of the load: file, key path, what was expected. Where a ``.py`` file has
        an ``async`` ``config`` function, the load is done when the factory is entered: ``async with``.
        """
        filters = tuple(filters)
        try:
            return cls(section(read(*sources, env=env, key=key, filters=filters), key))
        except AsyncConfigError:
            factory = cls()
        factory._waiting, factory._key = True, key
        factory._load = lambda: aread(*sources, env=env, key=key, filters=filters)
        return factory

    async def _start(self) -> None:
        if self._load is not None:
            self._options = section(await self._load(), self._key)
        await super()._start()

    def read_options(self, options: Mapping[str, Any]) -> ClientOptions:
        """The options, checked."""
        return options_of(options)

    def create_client(self, options: ClientOptions, name: str | None) -> AsyncETCDService:
        """A service; override it to make others."""
        del name
        return made(options, AsyncETCDService)

    async def destroy_client(self, client: AsyncETCDService, name: str | None) -> None:
        """Close the service."""
        del name
        await client.aclose()

    async def check_client(self, client: AsyncETCDService, timeout: float) -> Health:
        """A linearizable read, and the status of the member that answered."""
        return await client.health(timeout)
