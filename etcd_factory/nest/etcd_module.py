"""``EtcdModule`` and ``AsyncEtcdModule``: provide etcd clients, one by ``for_root`` or several by ``for_clients``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import cache
from typing import ClassVar, TypeAlias

from attrs import frozen

from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.options import ClientOptions
from etcd_factory.registry import AsyncEtcdService, EtcdService
from etcd_factory.service import AsyncETCDService, ETCDService

from .configurable_module import ConfigurableModule
from .dependencies import Factory
from .module_options import Values
from .modules import DynamicModule, module
from .providers import Provider
from .tokens import Token

ClientConfig: TypeAlias = ClientOptions | Values | str  # the text is a URL

ETCD_CLIENT: Token[ETCDService] = Token("ETCD_CLIENT")
ASYNC_ETCD_CLIENT: Token[AsyncETCDService] = Token("ASYNC_ETCD_CLIENT")


@cache
def client_token(name: str) -> Token[ETCDService]:
    """Return the token of a client of ``EtcdModule.for_clients``."""
    return Token(f"ETCD_CLIENT_{name}")


@cache
def async_client_token(name: str) -> Token[AsyncETCDService]:
    """Return the token of a client of ``AsyncEtcdModule.for_clients``."""
    return Token(f"ASYNC_ETCD_CLIENT_{name}")


def open_client(options: ClientOptions) -> Iterator[ETCDService]:
    """Yield a client; closed when the application stops."""
    with ETCDService(options) as etcd:
        yield etcd


async def open_async_client(options: ClientOptions) -> AsyncIterator[AsyncETCDService]:
    """Yield an asyncio client; closed when the application stops."""
    async with AsyncETCDService(options) as etcd:
        yield etcd


def open_factory(clients: Mapping[str, ClientConfig]) -> Factory:
    """Return a generator function that opens a factory of these clients."""

    def factory() -> Iterator[ETCDServiceFactory]:
        with ETCDServiceFactory({"clients": clients}) as opened:
            yield opened

    return factory


def open_async_factory(clients: Mapping[str, ClientConfig]) -> Factory:
    """Return an async generator function that opens a factory of these clients."""

    async def factory() -> AsyncIterator[AsyncETCDServiceFactory]:
        async with AsyncETCDServiceFactory({"clients": clients}) as opened:
            yield opened

    return factory


def client_named(name: str) -> Factory:
    """Return a function that gets a client from a factory."""

    def client(factory: ETCDServiceFactory | AsyncETCDServiceFactory) -> ETCDService | AsyncETCDService:
        return factory.get(name)

    return client


@frozen(eq=False)
class Face:
    """The classes and functions of one face, blocking or asyncio."""

    client: type[ETCDService | AsyncETCDService]
    service: type[EtcdService | AsyncEtcdService]
    factory: type[ETCDServiceFactory | AsyncETCDServiceFactory]
    open_factory: Callable[[Mapping[str, ClientConfig]], Factory]
    token: Callable[[str], Token[ETCDService] | Token[AsyncETCDService]]
    clients: type[object]
    feature: type[object]


class EtcdModuleBase(ConfigurableModule[ClientOptions]):
    """What both faces share: how named clients become modules."""

    options_class = ClientOptions
    ADVICE: ClassVar[Mapping[str, str]]  # by the class of application for which this module is not
    _face: ClassVar[Face]

    @classmethod
    def read_options(cls, options: ClientConfig | None) -> ClientOptions:
        """Return the options of a client, spelled as in configuration files."""
        return ClientOptions.of(options)

    @classmethod
    def for_clients(cls, **clients: ClientConfig) -> DynamicModule:
        """Provide several clients by name, of one factory, visible everywhere; ``for_feature`` selects one.

        Invalid options raise ``ConfigError`` when the application starts.
        """
        face = cls._face
        tokens = {name: face.token(name) for name in clients}
        factory = Provider(face.factory, use_factory=face.open_factory(clients))
        providers = [
            Provider(token, use_factory=client_named(name), inject=[face.factory]) for name, token in tokens.items()
        ]
        exports = [face.factory, *tokens.values()]
        return DynamicModule(face.clients, providers=[factory, *providers], exports=exports, is_global=True)

    @classmethod
    def for_feature(cls, name: str) -> DynamicModule:
        """Provide one client of ``for_clients`` as the client and the ``EtcdService`` of the importing module.

        An unknown name raises ``UnresolvedError`` in the constructor of the application.
        """
        face = cls._face
        token = face.token(name)
        return DynamicModule(
            face.feature,
            providers=[
                Provider(face.client, use_existing=token),
                Provider(face.service, use_factory=face.service, inject=[token]),
            ],
            exports=[face.client, face.service],
        )


BLOCKING = {"AsyncApplication": "EtcdModule blocks, and would stop the event loop; use AsyncEtcdModule"}
ASYNCIO = {"Application": "AsyncEtcdModule needs an event loop; use EtcdModule, or AsyncApplication"}


@module()
class EtcdClients:
    """The module of ``EtcdModule.for_clients``."""

    ADVICE = BLOCKING


@module()
class EtcdFeature:
    """The module of ``EtcdModule.for_feature``."""

    ADVICE = BLOCKING


@module()
class AsyncEtcdClients:
    """The module of ``AsyncEtcdModule.for_clients``."""

    ADVICE = ASYNCIO


@module()
class AsyncEtcdFeature:
    """The module of ``AsyncEtcdModule.for_feature``."""

    ADVICE = ASYNCIO


@module(
    providers=[
        Provider(ETCD_CLIENT, use_factory=open_client, inject=[ClientOptions]),
        Provider(EtcdService, use_factory=EtcdService, inject=[ETCD_CLIENT]),
    ],
    exports=[EtcdService],
)
class EtcdModule(EtcdModuleBase):
    """etcd for an ``Application``: ``imports=[EtcdModule.for_root({"hosts": "etcd:2379"})]`` provides ``EtcdService``.

    The client is private to the module, under the token ``ETCD_CLIENT``, and closed when the application stops.
    """

    ADVICE = BLOCKING
    _face = Face(ETCDService, EtcdService, ETCDServiceFactory, open_factory, client_token, EtcdClients, EtcdFeature)


@module(
    providers=[
        Provider(ASYNC_ETCD_CLIENT, use_factory=open_async_client, inject=[ClientOptions]),
        Provider(AsyncEtcdService, use_factory=AsyncEtcdService, inject=[ASYNC_ETCD_CLIENT]),
    ],
    exports=[AsyncEtcdService],
)
class AsyncEtcdModule(EtcdModuleBase):
    """etcd for an ``AsyncApplication``; provides ``AsyncEtcdService``, its client under ``ASYNC_ETCD_CLIENT``."""

    ADVICE = ASYNCIO
    _face = Face(
        AsyncETCDService,
        AsyncEtcdService,
        AsyncETCDServiceFactory,
        open_async_factory,
        async_client_token,
        AsyncEtcdClients,
        AsyncEtcdFeature,
    )
