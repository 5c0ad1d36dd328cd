"""The module of seed 000 with a store in memory in the place of etcd: what a library's author writes."""

from __future__ import annotations

from typing import Annotated, Any

from attrs import define, field, frozen

from etcd_factory.nest import ConfigurableModule, DynamicModule, Inject, Provider, Token, module


@frozen
class Options:
    """As a client's options."""

    hosts: str = "http://localhost:2379"
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class Etcd:
    """A store that remembers how it was made and ended."""

    def __init__(self, options: Options | None) -> None:
        self.options, self.values, self.closed = options, {}, False


CLIENT = Token[Etcd]("ETCD_CLIENT")
CLIENT_OPTIONS = Token[Options]("ETCD_CLIENT_OPTIONS")


@define
class EtcdService:
    """Gets the client as a property, which is a field here."""

    client: Annotated[Etcd, Inject(CLIENT)]

    def save_config(self, key: str, value: str) -> None:
        self.client.values[key] = value

    def get_config(self, key: str) -> str | None:
        return self.client.values.get(key)


def connected(options: Options | None):
    """A client that is closed when the application stops."""
    client = Etcd(options)
    yield client
    client.closed = True


SHARED = [EtcdService, Provider(CLIENT, use_factory=connected, inject=[CLIENT_OPTIONS])]


@module()
class EtcdModule:
    """By hand, as in the seed."""

    @staticmethod
    def for_root(options: Options | None = None) -> DynamicModule:
        bound = Provider(CLIENT_OPTIONS, use_value=options)
        return DynamicModule(EtcdModule, providers=[*SHARED, bound], exports=[EtcdService])

    @staticmethod
    def for_root_async(*, use_factory: Any, inject: Any = ()) -> DynamicModule:
        bound = Provider(CLIENT_OPTIONS, use_factory=use_factory, inject=inject)
        return DynamicModule(EtcdModule, providers=[*SHARED, bound], exports=[EtcdService])


@module(
    providers=[EtcdService, Provider(CLIENT, use_factory=connected, inject=[Options])],
    exports=[EtcdService],
)
class TypedEtcdModule(ConfigurableModule[Options]):
    """The same in the typed way."""


@module(
    providers=[EtcdService, Provider(CLIENT, use_factory=lambda: Etcd(None))],
    exports=[EtcdService],
)
class StaticEtcdModule:
    """Before it took options."""
