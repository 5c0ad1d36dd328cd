"""Converters of single options: each returns the checked value, or raises ``ConfigError`` with what it expected.

The declared types are what a user writes in code; a configuration file may hold anything, so every converter checks.
The errors have no file and no path: ``structure`` adds them. No message shows the value of a secret.
"""

# pyright: reportUnnecessaryIsInstance=false

from __future__ import annotations

import os
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, cast

from etcd_factory import errors
from etcd_factory.errors import ConfigError

from .kinds import is_list as is_list  # for those who import both from here
from .kinds import is_mapping as is_mapping
from .kinds import kind
from .models import unmodeled
from .numbers import flag
from .secret import SecretValue, reveal
from .settings import Settings, settings

S = TypeVar("S", bound=str)

BatchingMode = Literal[False, "reads", "all"]
BATCHING: dict[str, BatchingMode] = {"false": False, "reads": "reads", "all": "all"}
Values = dict[str, Any]  # options as a mapping
TRANSPORTS: tuple[Literal["h2"], Literal["grpc"]] = ("h2", "grpc")
PEMText = str | SecretValue | os.PathLike[str]


def expected(what: str, value: object) -> ConfigError:
    """The error for a value of the wrong type."""
    return ConfigError(f"expected {what}, got {kind(value)}")


def text(value: str) -> str:
    """Check a non-empty string. Numbers are invalid: YAML has already dropped their leading zeros and signs."""
    if not isinstance(value, str):
        hint = "; write it in quotes" if isinstance(value, (int, float)) else ""
        raise ConfigError(f"expected text, got {kind(value)}{hint}")
    if not value:
        raise ConfigError("expected text, got an empty string")
    utf_8(value)
    return str(value)


def utf_8(value: str) -> None:
    """Check that a text can be written as UTF-8; one of a variable, or a file name, may not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError("expected text that can be written as UTF-8") from None


def name(value: str | None) -> str | None:
    """Check a non-empty string, or None."""
    return None if value is None else text(value)


def plain_text(value: Any) -> str:
    """Check a non-empty string, which a secret may hold."""
    return text(cast("str", unmodeled(reveal(value))))


def header(value: str) -> str:
    """Check a string that can be sent in a header; the message does not show it."""
    written = plain_text(value)
    if not written.isascii() or not written.isprintable() or written != written.strip():
        raise ConfigError("expected printable ASCII without surrounding space; does it end with a line break?")
    return written


def prefix(value: str | bytes) -> str | bytes:
    """Check a key prefix; empty means none."""
    if not isinstance(value, (str, bytes)):
        raise expected("text or bytes", value)
    if isinstance(value, str):
        utf_8(value)
    return value


def mapping(value: object) -> Values:
    """Return a copy of a mapping whose keys are text, or of a pydantic model."""
    value = unmodeled(value)
    if not is_mapping(value):
        raise expected("a mapping", value)
    for key in value:
        if not isinstance(key, str):
            raise ConfigError(f"expected names as keys, got {kind(key)} {key!r}")
    return dict(value)


def grpc_options(value: Mapping[str, object]) -> Settings:
    """Return a read-only copy of a mapping from gRPC's names to values that it takes."""
    return settings(mapping(value))


def batching(value: BatchingMode) -> BatchingMode:
    """Check which concurrent calls are merged: none (False), ``reads`` or ``all``."""
    found = flag(value)
    if found is False:
        return False
    if not isinstance(found, str):
        raise expected("false, reads or all", value)
    return BATCHING[choice(found, BATCHING)]


def switch(value: bool) -> bool:
    """Check true or false."""
    found = flag(value)
    if not isinstance(found, bool):
        raise expected("true or false", value)
    return found


def transport(value: str) -> Literal["h2", "grpc"]:
    """Check the name of a transport."""
    return choice(value, TRANSPORTS)


def imported(value: type[object] | str | None) -> type[object] | None:
    """Return a class from itself or from its import path, ``package.module:Class``, or None."""
    if value is None or isinstance(value, type):
        return value
    if not isinstance(value, str):
        raise expected("a class or its import path", value)
    try:
        found: object = pkgutil.resolve_name(value)
    except Exception as error:  # a module may raise anything
        raise ConfigError(f"cannot import {value!r}: {type(error).__name__}: {error}") from error
    if not isinstance(found, type):
        raise expected("the import path of a class", found)
    return found


def choice(value: object, allowed: Iterable[S]) -> S:
    """Check one of several strings."""
    try:
        return errors.choice(value, allowed)
    except ValueError as error:
        raise ConfigError(str(error)) from None
