"""A limit to how deep and how large values may be: they are walked recursively, and shared parts are copied."""

from __future__ import annotations

from collections.abc import Collection

from etcd_factory.errors import ConfigError, Fault

from .kinds import is_list, is_mapping, is_omegaconf
from .models import is_model, unmodeled

# OmegaConf uses 11 frames a level; configurations that people write have fewer than 10 levels.
DEEPEST = 32
# Values may be this many, or this many times more than were written: parts of parts that are shared grow exponentially.
LARGE, GROWTH = 10_000, 100

# The value, which is kept so that its id is not used again, its size, and how many values are written directly in it.
Sizes = dict[int, tuple[object, int, int]]


def check_nesting(value: object) -> int:
    """Return how many values there are, those of a shared part once for each place.

    Raises ``ConfigError`` for values that contain themselves, are nested too deeply or grow without measure.
    """
    sizes: Sizes = {}
    if is_mapping(value) and not is_omegaconf(value):
        total = sum(size_at(str(key), each, sizes) for key, each in value.items())
    else:
        total = size(value, sizes, 0)
    if total > max(LARGE, GROWTH * sum(written for _, _, written in sizes.values())):
        raise ConfigError(f"shared parts make these values more than {GROWTH} times larger")
    return total


def size_at(key: str, value: object, sizes: Sizes) -> int:
    """Return the size of a value; its error has the key."""
    try:
        return size(value, sizes, 1)
    except ConfigError as error:
        raise ConfigError(*(Fault("", key, fault.message) for fault in error.faults)) from None


def size(value: object, sizes: Sizes, depth: int) -> int:
    """Return the number of values inside, those of a shared part once for each place."""
    inside = parts(value)
    if inside is None:
        return 1
    _, known, written = sizes.setdefault(id(value), (value, -1, len(inside)))
    if known == 0:
        raise ConfigError("contains itself")
    if depth > DEEPEST:
        raise ConfigError(f"nested more than {DEEPEST} levels deep")
    if known < 0:
        sizes[id(value)] = value, 0, written
        sizes[id(value)] = value, 1 + sum(size(each, sizes, depth + 1) for each in inside), written
    return sizes[id(value)][1]


def parts(value: object) -> Collection[object] | None:
    """Return what is inside a mapping, a pydantic model or a list, None for a single value."""
    if is_omegaconf(value):  # checked when it was made
        return None
    if is_model(value):
        value = unmodeled(value)
    if is_mapping(value):
        return value.values()
    return value if is_list(value) else None
