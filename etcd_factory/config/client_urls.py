"""Where in a configuration the options of a client are, and may be a URL that stands for them."""

from __future__ import annotations

from etcd_factory.options.names import canonical
from etcd_factory.options.secret import reveal
from etcd_factory.options.urls import is_url

Path = tuple[str, ...]

DEPTHS = {"client": 1, "default": 1, "clients": 2}  # keys below the section


def is_client(path: Path, section: Path) -> bool:
    """Whether the options of one client are at a path, in a tree whose options are below ``section``."""
    inside = path[len(section) :]
    return path[: len(section)] == section and bool(inside) and DEPTHS.get(canonical(inside[0])) == len(inside)


def may_be_url(value: object) -> bool:
    """Whether a value is a URL, or text that may become one when its interpolations are resolved."""
    return is_url(reveal(value)) or (isinstance(value, str) and "${" in value)
