"""``${etcd:instance1,key}`` in a configuration: one value, read from etcd where it is needed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from omegaconf import OmegaConf

from etcd_factory.config.resolvers import register_resolver
from etcd_factory.config.variables import read
from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.service import ETCDService

NAME = "etcd"
NOT_GIVEN: Any = object()


@contextmanager
def etcd_resolver(clients: Mapping[str, ETCDService] | Any) -> Generator[None, None, None]:
    """Inside the block ``${etcd:client,key}`` is the value of a client's key, read as YAML; a third part the default.

    ``clients`` is a mapping from names to services, or a factory. A value is read once in each configuration, when it
    is first needed; it has to be needed inside the block. One block at a time.
    """
    known: Mapping[str, ETCDService] = getattr(clients, "clients", clients)

    def resolve(client: Any, key: Any, default: Any = NOT_GIVEN) -> Any:
        client, key = str(client), str(key)  # OmegaConf reads numbers in them
        if client not in known:
            raise wrong(client, key, f"there is no etcd client {client!r}{suggestion(client, known)}")
        found = known[client].get(key).string()
        if found is None and default is NOT_GIVEN:
            raise wrong(client, key, "there is no such key")
        return default if found is None else read(found, f"etcd {client} {key}")

    register_resolver(NAME, resolve, use_cache=True)
    try:
        yield
    finally:
        OmegaConf.clear_resolver(NAME)


def wrong(client: str, key: str, message: str) -> ConfigError:
    """The error of one interpolation."""
    return ConfigError(Fault("", f"${{{NAME}:{client},{key}}}", message))
