"""From a loaded configuration to what a factory starts from."""

from __future__ import annotations

from typing import Any, TypeVar

from attrs import fields
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.options import FactoryOptions
from etcd_factory.options.names import canonical
from etcd_factory.options.plan import FactoryPlan, Reader, plan
from etcd_factory.options.unresolved import reason

from .faults import error_for
from .loader import Loaded

O = TypeVar("O")  # noqa: E741  # options of a client

ABSENT: Any = object()
OPTIONS = {option.name for option in fields(FactoryOptions)}


def section(loaded: Loaded, key: str, read: Reader[O]) -> FactoryPlan[O]:
    """Return the factory's options at ``key``, each client's read once.

    Raises ``ConfigError`` listing every problem of the load and of the options, each with its file and key path.
    """
    try:
        made = plan(selected(loaded, key), read, loaded.origin, key)
    except ConfigError as error:
        raise error_for((*loaded.faults, *error.faults)) from None
    loaded.checked()
    return made


def selected(loaded: Loaded, key: str) -> Any:
    """Return the value at ``key``; None if it is missing from a load with faults, since it may be in a broken file."""
    try:
        found = OmegaConf.select(loaded.tree, key, default=ABSENT, throw_on_resolution_failure=True)
    except OmegaConfBaseException:
        raise ConfigError(unresolved(loaded, key)) from None
    if found is not ABSENT:
        return found
    if loaded.faults:
        return None
    raise ConfigError(Fault(loaded.origin((str(next(iter(loaded.tree), "")),)), key, missing(loaded, key)))


def unresolved(loaded: Loaded, key: str) -> Fault:
    """Return the fault of the part of ``key`` that is an interpolation and cannot be resolved."""
    node: Any = loaded.tree
    path: tuple[str, ...] = ()
    for name in key.split("."):
        path = (*path, name)
        try:
            node = node[name]
        except OmegaConfBaseException as error:
            return Fault(loaded.origin(path), ".".join(path), reason(error, node, name))
    raise AssertionError("it was not resolved before")


def missing(loaded: Loaded, key: str) -> str:
    """Return the message for a section that does not exist."""
    names = [str(name) for name in loaded.tree]
    misplaced = [name for name in names if canonical(name) in OPTIONS]
    advice = f"; put {', '.join(misplaced)} below {key}:" if misplaced else suggestion(key, names)
    return f"no such section; there is: {', '.join(names) or 'nothing'}{advice}"
