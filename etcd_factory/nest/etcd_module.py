"""etcd as Nest applications are given it: ``EtcdModule.for_root(options)``, one client or several."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.options import ClientOptions
from etcd_factory.registry import AsyncEtcdService, EtcdService
from etcd_factory.service import AsyncETCDService, ETCDService

from .configurable_module import ConfigurableModule
from .modules import DynamicModule, module
from .providers import Provider
from .tokens import Token

Named = ClientOptions | Mapping[str, Any]

ETCD_CLIENT: Token[ETCDService] = Token("ETCD_CLIENT")
ASYNC_ETCD_CLIENT: Token[AsyncETCDService] = Token("ASYNC_ETCD_CLIENT")


@cache
def client_token(name: str) -> Token[ETCDService]:
    """What a client of ``EtcdModule.for_clients`` is asked for by."""
    return Token(f"ETCD_CLIENT_{name}")


@cache
def async_client_token(name: str) -> Token[AsyncETCDService]:
    """What a client of ``AsyncEtcdModule.for_clients`` is asked for by."""
    return Token(f"ASYNC_ETCD_CLIENT_{name}")


def client(options: ClientOptions) -> Iterator[ETCDService]:
    """The client of a module, closed when the application stops."""
    with ETCDService(options) as etcd:
        yield etcd


async def async_client(options: ClientOptions) -> AsyncIterator[AsyncETCDService]:
    """The same for asyncio."""
    async with AsyncETCDService(options) as etcd:
        yield etcd


class Clients(ConfigurableModule[ClientOptions]):
    """What both faces have: how named clients become modules."""

    options_class = ClientOptions
    _client: ClassVar[Any]
    _seed: ClassVar[Any]
    _factory: ClassVar[Any]
    _token_of: ClassVar[Any]

    @classmethod
    def read_options(cls, given: Any) -> ClientOptions:
        """The options, spelled as configuration files spell them."""
        return ClientOptions.of(given)

    @classmethod
    def for_clients(cls, **named: Named) -> DynamicModule:
        """Several clients by name, made by one factory, seen everywhere; ``for_feature`` chooses one for a module."""
        made = Provider(cls._factory, use_factory=opened(cls._factory, named))
        tokens = {name: cls._token_of(name) for name in named}
        clients = [Provider(token, use_factory=chosen(name), inject=[cls._factory]) for name, token in tokens.items()]
        return DynamicModule(
            EtcdClients, providers=[made, *clients], exports=[cls._factory, *tokens.values()], is_global=True
        )

    @classmethod
    def for_feature(cls, name: str) -> DynamicModule:
        """One of the clients of ``for_clients``, as the client and the ``EtcdService`` of the importing module."""
        token = cls._token_of(name)
        return DynamicModule(
            EtcdFeature,
            providers=[
                Provider(cls._client, use_existing=token),
                Provider(cls._seed, use_factory=cls._seed, inject=[token]),
            ],
            exports=[cls._client, cls._seed],
        )


def opened(factory: Any, named: Mapping[str, Named]) -> Any:
    """A function that makes the factory of these clients, closed when the application stops."""

    def make() -> Iterator[Any]:
        with factory({"clients": named}) as made:
            yield made

    async def amake() -> AsyncIterator[Any]:
        async with factory({"clients": named}) as made:
            yield made

    return make if factory is ETCDServiceFactory else amake


def chosen(name: str) -> Any:
    """A function that takes a client out of a factory."""

    def get(factory: Any) -> Any:
        return factory.get(name)

    return get


@module()
class EtcdClients:
    """The module of several clients."""


@module()
class EtcdFeature:
    """The module of one of them."""


@module(
    providers=[
        Provider(ETCD_CLIENT, use_factory=client, inject=[ClientOptions]),
        Provider(EtcdService, use_factory=EtcdService, inject=[ETCD_CLIENT]),
    ],
    exports=[EtcdService],
)
class EtcdModule(Clients):
    """etcd for an ``Application``: ``imports=[EtcdModule.for_root({"hosts": "etcd:2379"})]`` gives ``EtcdService``.

    Its client is its own, under the token ``ETCD_CLIENT``. It is closed when the application stops.
    """

    _client, _seed, _factory, _token_of = ETCDService, EtcdService, ETCDServiceFactory, staticmethod(client_token)


@module(
    providers=[
        Provider(ASYNC_ETCD_CLIENT, use_factory=async_client, inject=[ClientOptions]),
        Provider(AsyncEtcdService, use_factory=AsyncEtcdService, inject=[ASYNC_ETCD_CLIENT]),
    ],
    exports=[AsyncEtcdService],
)
class AsyncEtcdModule(Clients):
    """The same for an ``AsyncApplication``: it gives ``AsyncEtcdService``."""

    _client, _seed, _factory = AsyncETCDService, AsyncEtcdService, AsyncETCDServiceFactory
    _token_of = staticmethod(async_client_token)
