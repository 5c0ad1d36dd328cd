"""The options of what stands on clients: the service registry and the configuration centre."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from etcd_factory.errors import ConfigError, suggestion

from . import fields
from .structure import named

BALANCERS = ("round_robin", "random", "weighted", "least_connections", "consistent_hash")


def whole_seconds(value: Any) -> int:
    """A lease's ttl."""
    return fields.count(value)


def chooser(value: Any) -> Any:
    """A balancer's name, or a function."""
    return value if callable(value) else fields.choice(BALANCERS, value)


def service(value: Any) -> dict[str, Any]:
    """What an instance is registered with where it is not told."""
    known = ("host", "port", "metadata", "weight", "tags")
    found = dict(fields.mapping(value))
    for name in found:
        if name not in known:
            near = suggestion(name, known)
            raise ConfigError(f"unknown service option {name!r}{near}; there are: {', '.join(known)}")
    return found


def path(value: Any) -> str | None:
    """A file, or none."""
    return None if value is None else fields.text(value)


@frozen(field_transformer=named)
class ServiceDiscovery:
    """``service_discovery``: what ``factory.registry()`` is made from. ``client`` names one, by default the default."""

    client: str | None = field(default=None, converter=fields.name)
    namespace: str = field(default="services", converter=fields.text)
    ttl: int = field(default=10, converter=whole_seconds)
    load_balancer: Any = field(default="round_robin", converter=chooser)
    service_options: dict[str, Any] = field(factory=dict[str, Any], converter=service)


@frozen(field_transformer=named)
class ConfigCenterOptions:
    """``config_center``: what ``factory.config_center()`` is made from. ``fallback`` is its file, by default none."""

    client: str | None = field(default=None, converter=fields.name)
    prefix: str = field(default="config/", converter=fields.text)
    fallback: str | None = field(default=None, converter=path)
