"""An etcd module on an in-memory store, as a library author would write it: by hand, typed and static."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

from attrs import define, field, frozen

from etcd_factory.nest import ConfigurableModule, DynamicModule, Inject, Provider, Token, module


@frozen
class Options:
    """Options like those of a client."""

    hosts: str = "http://localhost:2379"
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class Etcd:
    """A store that records its options and whether it is closed."""

    def __init__(self, options: Options | None) -> None:
        self.options, self.values, self.closed = options, {}, False


CLIENT = Token[Etcd]("ETCD_CLIENT")
CLIENT_OPTIONS = Token[Options]("ETCD_CLIENT_OPTIONS")


@define
class EtcdService:
    """Injects the client as a field, where Nest injects a property."""

    client: Annotated[Etcd, Inject(CLIENT)]

    def save_config(self, key: str, value: str) -> None:
        self.client.values[key] = value

    def get_config(self, key: str) -> str | None:
        return self.client.values.get(key)


def connect(options: Options | None) -> Iterator[Etcd]:
    """Yield a client; closed when the application stops."""
    client = Etcd(options)
    yield client
    client.closed = True


PROVIDERS = [EtcdService, Provider(CLIENT, use_factory=connect, inject=[CLIENT_OPTIONS])]


@module()
class EtcdModule:
    """Written by hand."""

    @staticmethod
    def for_root(options: Options | None = None) -> DynamicModule:
        bound = Provider(CLIENT_OPTIONS, use_value=options)
        return DynamicModule(EtcdModule, providers=[*PROVIDERS, bound], exports=[EtcdService])

    @staticmethod
    def for_root_async(*, use_factory: Callable[..., object], inject: Iterable[object] = ()) -> DynamicModule:
        bound = Provider(CLIENT_OPTIONS, use_factory=use_factory, inject=inject)
        return DynamicModule(EtcdModule, providers=[*PROVIDERS, bound], exports=[EtcdService])


@module(
    providers=[EtcdService, Provider(CLIENT, use_factory=connect, inject=[Options])],
    exports=[EtcdService],
)
class TypedEtcdModule(ConfigurableModule[Options]):
    """The same as a ``ConfigurableModule``."""


@module(
    providers=[EtcdService, Provider(CLIENT, use_factory=lambda: Etcd(None))],
    exports=[EtcdService],
)
class StaticEtcdModule:
    """The same without options."""
