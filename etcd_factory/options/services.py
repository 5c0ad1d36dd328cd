"""The options of what is built on clients: the service registry and the configuration center."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar, get_args

from attrs import field, frozen

from etcd_factory.errors import ConfigError, Fault, suggestion

from . import fields, files, numbers
from .fields import Values
from .kinds import is_list, kind
from .mappings import AnyMapping, BalancerName, FormatName, ServiceOptionsDict
from .numbers import Resolved
from .structure import named

FORMATS: tuple[FormatName, ...] = get_args(FormatName)
BALANCERS: tuple[BalancerName, ...] = get_args(BalancerName)
SERVICE_OPTIONS = ("host", "port", "metadata", "weight", "tags")


def separated(value: object) -> object:
    """Return the items of a resolved text with commas, anything else unchanged."""
    return [part for part in map(str.strip, value.split(",")) if part] if isinstance(value, Resolved) else value


# ``register`` checks them; here text that an interpolation resolved to becomes a number or a list.
READ: dict[str, Callable[[object], object]] = {"port": numbers.number, "weight": numbers.number, "tags": separated}


def balancer(value: BalancerName | Callable[..., object]) -> BalancerName | Callable[..., object]:
    """Check the name of a balancer, or a function that chooses an instance."""
    return value if callable(value) else fields.choice(value, BALANCERS)


def form(value: object) -> object:
    """Check the name of a format of registrations; another object with both its methods is the registry's to check."""
    if isinstance(value, str):
        return fields.choice(value, FORMATS)
    if callable(getattr(value, "encode", None)) and callable(getattr(value, "decode", None)):
        return value
    raise ConfigError(f"expected the name of a format, or a Format, got {kind(value)}")


def forms(value: object) -> tuple[object, ...]:
    """Check one format of registrations, or several."""
    found = separated(value)
    return tuple(map(form, found if is_list(found) else [found]))


def ttl(value: int | str | None) -> int | None:
    """Check a whole number of seconds above 0, or None."""
    return None if value is None else numbers.whole_seconds(value)


def service(value: ServiceOptionsDict | AnyMapping) -> Values:
    """Check the defaults of ``register``."""
    found = fields.mapping(value)
    unknown = [name for name in found if name not in SERVICE_OPTIONS]
    if unknown:
        raise ConfigError(*(Fault("", name, f"unknown option{suggestion(name, SERVICE_OPTIONS)}") for name in unknown))
    return {name: READ[name](each) if name in READ else each for name, each in found.items()}


def path(value: str | os.PathLike[str] | None) -> str | None:
    """Check a file path, its ``~`` replaced by the home directory, or None."""
    return None if value is None else files.expanded(value)


@frozen(field_transformer=named)
class ServiceDiscovery:
    """The section ``service_discovery``: the options of ``factory.registry()``.

    ``client``: the name of the client to use, by default the default one. ``format``: how instances are written,
    ``etcd_factory`` or as another system does. ``read``: other formats that are read too. ``namespace``: the prefix of
    the keys, by default that of the format. ``ttl``: the seconds after which an instance that stopped is gone, by
    default those of the format. ``load_balancer``: how a view picks an instance. ``service_options``: what
    ``register`` uses unless its arguments say otherwise.
    """

    client: str | None = field(default=None, converter=fields.name)
    namespace: str | None = field(default=None, converter=fields.name)
    format: object = field(default="etcd_factory", converter=form)
    read: tuple[object, ...] = field(default=(), converter=forms)
    ttl: int | None = field(default=None, converter=ttl)
    load_balancer: BalancerName | Callable[..., object] = field(default="round_robin", converter=balancer)
    service_options: Values = field(factory=Values, converter=service, hash=False)  # mappings have none

    INSIDE: ClassVar[dict[str, str]] = {"service_discovery_client": "client: ..."}  # as Midway has it
    ADVICE: ClassVar[dict[str, str]] = {"self_register": "call factory.registry().register() where the program starts"}


@frozen(field_transformer=named)
class ConfigCenterOptions:
    """The section ``config_center``: the options of ``factory.config_center()``.

    ``client``: the name of the client to use, by default the default one. ``prefix``: the prefix of the keys.
    ``fallback``: the file with the last good configuration, by default none. ``resolve``: resolve interpolations in the
    values in etcd, by default not.
    """

    client: str | None = field(default=None, converter=fields.name)
    prefix: str = field(default="config/", converter=fields.text)
    fallback: str | None = field(default=None, converter=path)
    resolve: bool = field(default=False, converter=fields.switch)
