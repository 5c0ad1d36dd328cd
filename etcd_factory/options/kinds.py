"""The two kinds of containers in a configuration, told apart in a way that type checkers follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypeIs


def is_mapping(value: object) -> TypeIs[Mapping[Any, Any]]:
    """Whether ``value`` has keys."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeIs[list[Any] | tuple[Any, ...]]:
    """Whether ``value`` is a list, or a tuple, which a configuration takes for one."""
    return isinstance(value, (list, tuple))
