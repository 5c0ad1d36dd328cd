"""Where in a configuration a secret may stand: below its key, or in a wrong place near it."""

from __future__ import annotations

import os
from functools import lru_cache

from etcd_factory.options import pem
from etcd_factory.options.groups import Auth
from etcd_factory.options.kinds import is_list, is_mapping
from etcd_factory.options.names import canonical
from etcd_factory.options.secret import MASK, is_secret, redacted
from etcd_factory.options.structure import shown_key

from .aliases import NAMES, OPTIONS, level

Path = tuple[str, ...]

SHOWN = (str, int, float, os.PathLike)
ITEM = "[]"  # the key of the items of a list
PLACES = {
    "auth": "auth",
    "authentication": "auth",
    "authorization": "auth",
    "basic_auth": "auth",
    "hosts": "hosts",
    "tls": "tls",
}
VISIBLE = {("auth", "username"), ("auth", "timeout"), ("tls", "ca"), ("tls", "cert"), ("tls", "server_name")}


def is_secret_at(path: Path, section: Path) -> bool:
    """Whether the last key of a path is that of a secret. A client's name is not a key: it may be called ``token``."""
    return bool(path) and is_secret(path[-1]) and level(path[:-1], section) != NAMES


def may_be_secret(path: Path, section: Path, value: object) -> bool:
    """Whether a value, whose key is not that of a secret, may be one that was written in the wrong place."""
    place = place_of(path, section)
    if not place or value is None or is_mapping(value):
        return False
    if place[0] == "hosts" and is_list(value):
        return any(may_be_secret(path, section, each) for each in value)
    if place == ("hosts",):  # what is recognized as a password is redacted where it is shown
        return isinstance(value, str) and "@" in value and redacted(value) == value
    if place == ("tls", "key"):
        return not (isinstance(value, str) and pem.is_path(value))
    return place not in VISIBLE or not (isinstance(value, SHOWN) or callable(value))


@lru_cache(maxsize=4096)
def place_of(path: Path, section: Path) -> Path:
    """Return the canonical keys from ``auth``, ``tls`` or ``hosts`` on; nothing for a path that has none of them."""
    for end, key in enumerate(path):
        place = PLACES.get(canonical(key))
        if place is not None and level(path[:end], section) == OPTIONS:
            return (place, *(canonical(each) for each in path[end + 1 :] if each != ITEM))
    return ()


def shown(path: Path, section: Path) -> Path:
    """Return a path as it may be shown: a key where only credentials belong may be one, in a mapping by mistake."""
    place = place_of(path, section)
    if place[:1] != ("auth",) or len(place) == 1:
        return path
    at = len(path) - len(place) + 1
    return (*path[:at], shown_key(Auth, path[at]), *(key if key == "file" else MASK for key in path[at + 1 :]))
