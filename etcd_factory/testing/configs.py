"""Configurations for a test: the clients of an application, on the test's server and in its namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from etcd_factory.factory.recipe import Recipe
from etcd_factory.options import DEFAULT, ClientOptions
from etcd_factory.options.client import non_defaults
from etcd_factory.options.names import canonical
from etcd_factory.options.plan import FactoryPlan
from etcd_factory.options.secret import masked_options
from etcd_factory.options.structure import structure

if TYPE_CHECKING:
    from etcd_factory.config import Filter, Source

PLACE = ("hosts", "auth", "tls", "proxy", "sync", "namespace")  # options that say where a client's keys are


def loaded(
    test: Mapping[str, Any],
    *sources: Source,
    env: str | None = None,
    key: str = "etcd",
    filters: Iterable[Filter] = (),
) -> dict[str, Any]:
    """Return what ``from_config`` would load from these arguments, with every client where the options ``test`` say.

    Each keeps its other options. Its namespace is the test's, then the name of the first client that has the same
    hosts, then its own: clients see keys of each other only where they do with the real configuration.
    """
    plan = Recipe(tuple(map(masked_options, sources)), env, key, tuple(filters)).load(read)
    options = plan.options
    own = {name: options.merged(values) for name, values in options.named.items()}
    return {
        "default": moved(options.default, test, ""),
        "clients": {name: moved(own[name], test, cluster) for name, cluster in clusters(plan).items()},
        "default_client_name": options.default_client_name,
        "client_priority": options.client_priority,
        "service_discovery": non_defaults(options.service_discovery),
        "config_center": non_defaults(options.config_center),
    }


def named(test: Mapping[str, Any], *names: str, **options: Any) -> dict[str, Any]:
    """Return a configuration of clients of these names, each in a namespace of its own: the test's, then its name."""
    if not all(isinstance(name, str) for name in names):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError("the names of clients are texts, one after another: etcd_clients('users', 'flags')")
    clients = {name: {**moved({}, test, f"{name}/"), **options} for name in names}
    return {"default": dict(test), "clients": clients}


def read(options: Mapping[str, Any]) -> ClientOptions:
    """Read a client's options, for either face."""
    return structure(ClientOptions, options)


def clusters(plan: FactoryPlan[ClientOptions]) -> dict[str, str]:
    """Return by client the name of the first one that has the same hosts, the default one before others."""
    first: dict[frozenset[str], str] = {}
    for name in sorted(plan.clients, key=lambda name: name != DEFAULT):
        first.setdefault(frozenset(plan.clients[name].hosts), name)
    return {name: f"{first[frozenset(options.hosts)]}/" for name, options in plan.clients.items()}


def moved(options: Mapping[str, Any], test: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """Return a client's options on the test's server."""
    values = {canonical(name): value for name, value in options.items()}
    kept = {name: value for name, value in values.items() if name not in PLACE}
    space = f"{test['namespace']}{cluster}"
    return {**kept, **test, "namespace": joined(space, values.get("namespace") or "")}


def joined(space: str, namespace: str | bytes) -> str | bytes:
    """Return a namespace within another one."""
    return space + namespace if isinstance(namespace, str) else space.encode() + namespace
