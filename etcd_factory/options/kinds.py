"""What kind of value something is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeIs


def is_mapping(value: object) -> TypeIs[Mapping[Any, Any]]:
    """Whether ``value`` has keys."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeIs[list[Any] | tuple[Any, ...]]:
    """Whether ``value`` is a list, or a tuple, which a configuration treats as a list."""
    return isinstance(value, (list, tuple))


def is_omegaconf(value: object) -> bool:
    """Whether a value is a tree of OmegaConf's, which resolves its interpolations when it is read."""
    return type(value).__module__.startswith("omegaconf")


def kind(value: object) -> str:
    """The type of a value as messages name it."""
    if isinstance(value, str):  # of a type of our own, as secrets are
        return "str"
    return "nothing" if value is None else type(value).__name__
