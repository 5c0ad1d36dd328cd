"""Which keys of a configuration are options, and how a layer adopts the spelling of the layer above it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from etcd_factory.options.names import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")

# What the keys at one level are: options, names that the user chose, or not part of our schema.
OPTIONS, NAMES, FOREIGN = "options", "names", "foreign"
BELOW = {"client_priority": FOREIGN, "clients": NAMES, "grpc_options": FOREIGN, "service_options": FOREIGN}


def level(path: Iterable[str], section: tuple[str, ...]) -> str:
    """Return what the keys directly below ``path`` are, in a tree whose options are below ``section``."""
    parts = tuple(path)
    if parts[: len(section)] != section:
        return FOREIGN
    found = OPTIONS
    for name in parts[len(section) :]:
        found = below(found, name)
    return found


def below(found: str, name: str) -> str:
    """Return what the keys are one level down, under the key ``name``."""
    if found == OPTIONS:
        return BELOW.get(canonical(name), OPTIONS)
    return OPTIONS if found == NAMES else FOREIGN


def respelled(old: Mapping[object, T], new: Mapping[object, object]) -> dict[object, T]:
    """Return ``old`` with each option spelled as in ``new``.

    An option that either of them has in two spellings is left alone: the user must say which one counts.
    """
    theirs, ours = unambiguous(old), unambiguous(new)
    names = {theirs[name]: ours[name] for name in theirs.keys() & ours.keys()}
    return {names.get(key, key): value for key, value in old.items()}


def unambiguous(keys: Iterable[object]) -> dict[str, object]:
    """Return a mapping from the canonical name to the key, of the options that occur once."""
    names = [(canonical(str(key)), key) for key in keys]
    times = Counter(name for name, _ in names)
    return {name: key for name, key in names if times[name] == 1}
