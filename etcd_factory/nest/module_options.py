"""Reads the options of a module, given as an instance of the options class, a mapping, or an OmegaConf tree."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.options.fields import mapping
from etcd_factory.options.resolve import plain

O = TypeVar("O")  # noqa: E741

Values: TypeAlias = Mapping[str, Any]


def read_options(cls: type[O], options: O | Values | None) -> O:
    """Return an instance of the options class; raises ``ConfigError`` listing all unknown and missing options."""
    if isinstance(options, cls):
        return options
    values = entries_of(options)
    faults = [*unknown_options(cls, values), *missing_options(cls, values)]
    if faults:
        raise ConfigError(*faults)
    return cls(**values)


def entries_of(options: object) -> dict[str, Any]:
    """Return the entries of a mapping or an OmegaConf tree with its interpolations resolved; None has none."""
    values, faults = plain({} if options is None else options)
    if faults:
        raise ConfigError(*faults)
    return dict(mapping(values))


def unknown_options(cls: type[object], values: Values) -> list[Fault]:
    """Return a fault for each entry that the class does not accept."""
    known = constructor_parameters(cls)
    if any(one.kind is one.VAR_KEYWORD for one in known.values()):
        return []
    unknown = [name for name in values if name not in known]
    return [Fault("", name, f"unknown option of {cls.__name__}{suggestion(name, known)}") for name in unknown]


def missing_options(cls: type[object], values: Values) -> list[Fault]:
    """Return a fault for each required parameter of the class that has no entry."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = constructor_parameters(cls).items()
    required = [name for name, one in parameters if one.default is one.empty and one.kind not in variadic]
    return [Fault("", name, f"required option of {cls.__name__} is missing") for name in required if name not in values]


def constructor_parameters(cls: type[object]) -> Mapping[str, inspect.Parameter]:
    """Return what the class is constructed from; a built-in without a signature, like ``dict``, accepts anything."""
    try:
        return inspect.signature(cls).parameters
    except ValueError:
        return {"any": inspect.Parameter("any", inspect.Parameter.VAR_KEYWORD)}
