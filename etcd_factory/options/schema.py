"""What the options of a factory hold, by their place: text, a list, or anything that YAML can write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any

import attrs

from . import client, credentials, factory, fields, hosts, pem, services
from .client import ClientOptions
from .factory import FactoryOptions
from .groups import TLS, Auth, Keepalive, Retry
from .names import canonical
from .services import ConfigCenterOptions, ServiceDiscovery

Keys = tuple[str, ...]


class Kind(Enum):
    """How the text of a variable is read."""

    TEXT = auto()  # unchanged
    LIST = auto()  # items separated by commas
    VALUE = auto()  # as YAML
    UNKNOWN = auto()


# What the converter of an option reads: a group of options, one such group for each name, or single values.
GROUPS: dict[Callable[..., Any], type[Any]] = {
    client.auth_of: Auth,
    client.tls_of: TLS,
    client.retry_of: Retry,
    client.keepalive_of: Keepalive,
    factory.client: ClientOptions,
    factory.client_or_none: ClientOptions,
    factory.clients_of: ClientOptions,
    factory.discovery_of: ServiceDiscovery,
    factory.center_of: ConfigCenterOptions,
}
NAMED = {factory.clients_of, factory.priorities_of}
KINDS: dict[Callable[..., Any], Kind] = {
    credentials.password: Kind.TEXT,
    credentials.token: Kind.TEXT,
    credentials.username: Kind.TEXT,
    factory.priorities_of: Kind.TEXT,
    fields.imported: Kind.TEXT,
    fields.name: Kind.TEXT,
    pem.authority: Kind.TEXT,
    pem.certificate: Kind.TEXT,
    pem.private_key: Kind.TEXT,
    fields.prefix: Kind.TEXT,
    fields.text: Kind.TEXT,
    hosts.hosts: Kind.LIST,
    services.balancer: Kind.TEXT,
    services.form: Kind.TEXT,
    services.forms: Kind.LIST,
    services.path: Kind.TEXT,
}
ON_DEMAND = {credentials.password, credentials.token, credentials.username}
SERVICE = {"host": Kind.TEXT, "tags": Kind.LIST}  # service_options


def kind(keys: Keys) -> Kind:
    """Return how to read the text of the option at a path below a factory's section, its keys in any spelling."""
    return kind_in(FactoryOptions, keys) if keys else Kind.VALUE


def kind_in(cls: type[Any], keys: Keys) -> Kind:
    """Return the kind of an option of a class, or of one inside its groups."""
    read = converters(cls).get(canonical(keys[0]))
    rest = keys[2:] if read in NAMED else keys[1:]
    if read is None:
        return Kind.UNKNOWN
    if read in GROUPS and rest:
        return kind_in(GROUPS[read], rest)
    if read is services.service and rest:
        return SERVICE.get(rest[0], Kind.VALUE)
    if read in ON_DEMAND and rest == ("file",):
        return Kind.TEXT
    return KINDS.get(read, Kind.VALUE) if not rest else Kind.VALUE


def converters(cls: type[Any]) -> dict[str, Callable[..., Any]]:
    """Return the converters of a class's options by name."""
    return {field.name: field.metadata["read"] for field in attrs.fields(cls)}


def options(cls: type[Any] = FactoryOptions, above: Keys = ()) -> Iterator[Keys]:
    """Yield the path of every option; ``*`` is for the name of a client."""
    for name, read in converters(cls).items():
        here = (*above, name, "*") if read in NAMED else (*above, name)
        if read in GROUPS:
            yield from options(GROUPS[read], here)
        else:
            yield here
