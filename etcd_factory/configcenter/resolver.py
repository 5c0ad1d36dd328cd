"""``${etcd:instance1,key}`` in a configuration: one value, read from etcd when it is needed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from omegaconf import OmegaConf

from etcd_factory.config.resolvers import register_resolver
from etcd_factory.config.variable_values import read
from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.service import ETCDService

NAME = "etcd"
NO_DEFAULT = object()

Clients = Mapping[str, ETCDService]


@runtime_checkable
class HasClients(Protocol):
    """A factory of clients."""

    @property
    def clients(self) -> Clients:
        """The clients by name."""
        ...


@contextmanager
def etcd_resolver(clients: Clients | HasClients) -> Generator[None, None, None]:
    """Resolve ``${etcd:client,key}`` inside the block to the value of a client's key, read as YAML.

    ``${etcd:client,key,default}`` has a default. Interpolations in the value are text: it is data. ``clients`` is a
    mapping from names to services, or a factory. A value is read once in each configuration, when it is first needed,
    which must be inside the block. Blocks cannot overlap.
    """
    known: Clients = clients.clients if isinstance(clients, HasClients) else clients

    def resolve(client: object, key: object, default: object = NO_DEFAULT) -> object:
        return value_of(known, str(client), str(key), default)  # OmegaConf parses numbers in them

    register_resolver(NAME, resolve, use_cache=True)
    try:
        yield
    finally:
        OmegaConf.clear_resolver(NAME)


def value_of(clients: Clients, client: str, key: str, default: object) -> object:
    """Return the value of one interpolation; raises ``ConfigError``."""
    if client not in clients:
        raise unresolved(client, key, f"there is no etcd client {client!r}{suggestion(client, clients)}")
    found = clients[client].get(key).string()
    if found is not None:
        return read(found, f"etcd {client} {key}", resolve=False)
    if default is NO_DEFAULT:
        raise unresolved(client, key, "there is no such key")
    return default


def unresolved(client: str, key: str, message: str) -> ConfigError:
    """Return the error of one interpolation."""
    return ConfigError(Fault("", f"${{{NAME}:{client},{key}}}", message))
