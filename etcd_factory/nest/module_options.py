"""Options as a module's user writes them: an instance of the options class, a mapping, or an OmegaConf tree."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.options.fields import mapping
from etcd_factory.options.resolve import plain

C = TypeVar("C")


def read_options(cls: type[C], given: C | Mapping[str, Any] | None) -> C:
    """An instance of the options class. What a mapping has too much or too little is told at once: ``ConfigError``."""
    if isinstance(given, cls):
        return given
    values = entries_of(given)
    faults = [*unknown(cls, values), *lacking(cls, values)]
    if faults:
        raise ConfigError(*faults)
    return cls(**values)


def entries_of(given: Any) -> dict[str, Any]:
    """The entries of a mapping or an OmegaConf tree, its interpolations resolved; None has none."""
    values, faults = plain({} if given is None else given)
    if faults:
        raise ConfigError(*faults)
    return dict(mapping(values))


def unknown(cls: type[Any], values: Mapping[str, Any]) -> list[Fault]:
    """Entries that the class does not take."""
    known = parameters(cls)
    if any(one.kind is one.VAR_KEYWORD for one in known.values()):
        return []
    wrong = [name for name in values if name not in known]
    return [Fault("", name, f"unknown option of {cls.__name__}{suggestion(name, known)}") for name in wrong]


def lacking(cls: type[Any], values: Mapping[str, Any]) -> list[Fault]:
    """What the class needs and does not get."""
    swallows = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [name for name, one in parameters(cls).items() if one.default is one.empty and one.kind not in swallows]
    return [Fault("", name, f"{cls.__name__} needs this option") for name in needed if name not in values]


def parameters(cls: type[Any]) -> Mapping[str, inspect.Parameter]:
    """What the class is made from; a built-in like ``dict``, that does not tell, takes anything."""
    try:
        return inspect.signature(cls).parameters
    except ValueError:
        return {"any": inspect.Parameter("any", inspect.Parameter.VAR_KEYWORD)}
