"""Readers of single options: each takes what was written and gives the value, or says what it expected.

A reader raises ``ConfigError`` with no file and no path; ``structure`` knows those. What a secret holds is never in
a message.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from etcd_factory.errors import ConfigError, suggestion

from .kinds import is_mapping


def kind(value: object) -> str:
    """How a value's type is called in messages."""
    return "nothing" if value is None else type(value).__name__


def expected(what: str, value: object) -> ConfigError:
    """The error for a value of a wrong type."""
    return ConfigError(f"expected {what}, got {kind(value)}")


def text(value: Any) -> str:
    """A text that is not empty. Numbers are refused: YAML has already lost their zeros and signs."""
    if not isinstance(value, str):
        hint = "; write it in quotes" if isinstance(value, (int, float)) else ""
        raise ConfigError(f"expected text, got {kind(value)}{hint}")
    if not value:
        raise ConfigError("expected text, got an empty one")
    return value


def name(value: Any) -> str | None:
    """A text, or None."""
    return None if value is None else text(value)


def secret(value: Any) -> Any:
    """A text, or a function that gives one when it is needed, or None."""
    return value if callable(value) else name(value)


def seconds(value: Any) -> float:
    """A duration above zero."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise expected("a number of seconds", value)
    if not 0 < value < float("inf"):
        raise ConfigError(f"expected a number of seconds above 0, got {value}")
    return value


def interval(value: Any) -> float | None:
    """A duration above zero, or nothing."""
    return None if value is None else seconds(value)


def count(value: Any) -> int:
    """A whole number above zero."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise expected("a whole number", value)
    if value < 1:
        raise ConfigError(f"expected a whole number above 0, got {value}")
    return value


def prefix(value: Any) -> str | bytes:
    """A key prefix; empty means none."""
    if not isinstance(value, (str, bytes)):
        raise expected("text or bytes", value)
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping whose keys are text."""
    if not is_mapping(value):
        raise expected("a mapping", value)
    for key in value:
        if not isinstance(key, str):
            raise ConfigError(f"expected names as keys, got {kind(key)} {key!r}")
    return dict(value)


EMPTY: Mapping[str, Any] = MappingProxyType({})


def settings(value: Any) -> Mapping[str, Any]:
    """A mapping that can't be changed."""
    return MappingProxyType(mapping(value))


def pem(value: Any) -> str | None:
    """PEM text, or the path of a file that can be read now, or None."""
    if value is None:
        return None
    path = str(value) if isinstance(value, Path) else text(value)
    if "-----BEGIN" in path:
        return path
    if not os.path.isfile(path):
        raise ConfigError(f"expected PEM text or a file's path; no such file: {path}")
    if not os.access(path, os.R_OK):
        raise ConfigError(f"the file can't be read: {path}")
    return path


def disabled(value: Any) -> bool:
    """Reserved for merging concurrent operations into transactions."""
    if value is not False:
        raise ConfigError("reserved; only false is accepted so far. batch([...]) merges operations by hand")
    return False


def imported(value: Any) -> type[Any] | None:
    """A class, or the import path of one: ``package.module:Class``, or None."""
    if value is None or isinstance(value, type):
        return value
    if not isinstance(value, str):
        raise expected("a class or its import path", value)
    try:
        found = pkgutil.resolve_name(value)
    except Exception as error:  # a module may raise whatever it likes
        raise ConfigError(f"{value!r} can't be imported: {type(error).__name__}: {error}") from error
    if not isinstance(found, type):
        raise expected("the import path of a class", found)
    return found


def choice(allowed: Sequence[str], value: Any) -> str:
    """One of a few words."""
    if value not in allowed:
        raise ConfigError(f"expected one of {', '.join(allowed)}, got {value!r}{suggestion(str(value), allowed)}")
    return str(value)
