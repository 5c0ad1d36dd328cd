"""The values that a client's URL stands for, as a configuration writes them."""

from __future__ import annotations

from typing import Any

from etcd_factory.errors import ConfigError
from etcd_factory.options import schema
from etcd_factory.options.interpolation import escaped
from etcd_factory.options.kinds import is_mapping
from etcd_factory.options.numbers import Resolved
from etcd_factory.options.secret import reveal
from etcd_factory.options.urls import is_url, url_options

from .tree import Path
from .variable_values import read


def url_values(value: object) -> dict[str, Any] | None:
    """Return what a URL means; None for anything else, also for a URL that is wrong.

    That one is reported where the options are read.
    """
    text = reveal(value)
    if not isinstance(text, str) or not is_url(text):
        return None
    try:
        found: dict[str, Any] = escaped(settled(url_options(text), ("client",)))
    except ConfigError:
        return None
    return found


def settled(value: object, keys: Path) -> Any:
    """Return options with the texts of a URL's query as those of variables are: YAML, or text where options are."""
    if is_mapping(value):
        return {key: settled(each, (*keys, key)) for key, each in value.items()}
    if not isinstance(value, Resolved):
        return value
    return str(value) if schema.kind(keys) is schema.Kind.TEXT else read(str(value), "", resolve=False)
