"""From OmegaConf trees to plain values, interpolations resolved.

Only this module and ``unresolved`` know OmegaConf. Importing that takes 40 ms, and a program that reads no file has no
tree: nothing here imports it before one exists.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from etcd_factory.errors import Fault

from .fields import is_list, is_mapping
from .nesting import check_nesting
from .numbers import Resolved
from .structure import below

if TYPE_CHECKING:
    from omegaconf import DictConfig, ListConfig

TREES = ("DictConfig", "ListConfig", "TupleConfig")  # the last one is new in 2.4

Read = tuple[Any, tuple[Fault, ...]]


def is_tree(value: object) -> TypeGuard[DictConfig | ListConfig]:
    """Whether ``value`` is a container of OmegaConf; there is none before OmegaConf has been imported."""
    omegaconf = sys.modules.get("omegaconf")  # without the names while another thread is importing it
    return isinstance(value, tuple(getattr(omegaconf, name, ()) for name in TREES))


def plain(value: object) -> Read:
    """Return a copy without OmegaConf, and a fault for each place that cannot be resolved.

    Raises ``ConfigError`` for values that contain themselves or are nested too deeply.
    """
    check_nesting(value)
    return copied(value)


def copied(value: object) -> Read:
    """Return a copy without OmegaConf; see ``plain``."""
    if is_tree(value):
        return resolved(value)
    if is_mapping(value):
        return branch({key: copied(inner) for key, inner in value.items()})
    if is_list(value) and isinstance(value, list):
        return items([copied(inner) for inner in value])
    return value, ()


def resolved(tree: DictConfig | ListConfig) -> Read:
    """Return a container of OmegaConf as a dict or a list."""
    if is_mapping(tree):
        return branch({key: leaf(tree, key) for key in tree})
    return items([leaf(tree, index) for index in range(len(tree))])


def leaf(parent: DictConfig | ListConfig, key: Any) -> Read:
    """Return one entry of a container, or the reason why it cannot be read."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        value = parent[key]
        if type(value) is str and OmegaConf.is_interpolation(parent, key):
            return Resolved(value), ()
        return copied(value)
    except OmegaConfBaseException as error:
        from .unresolved import reason

        return None, (Fault("", "", reason(error, parent, key)),)


def items(entries: list[Read]) -> Read:
    """Put the entries of a list together; see ``branch``."""
    values, faults = branch(dict(enumerate(entries)))
    return list(values.values()), faults


def branch(entries: Mapping[Any, Read]) -> tuple[dict[Any, Any], tuple[Fault, ...]]:
    """Put entries together, their faults below their keys. An entry that cannot be read is left out."""
    faults = [fault for key, (_, found) in entries.items() for fault in below(str(key), found)]
    broken = {key for key, (value, found) in entries.items() if found and value is None}
    return {key: value for key, (value, _) in entries.items() if key not in broken}, tuple(faults)


def path_of(value: object) -> str:
    """Return the key path of an OmegaConf tree in its root, empty for anything else."""
    return str(value._get_full_key("")) if is_tree(value) else ""  # pyright: ignore[reportPrivateUsage]
