"""From OmegaConf's trees to plain values, interpolations resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig
from omegaconf.errors import OmegaConfBaseException

from etcd_factory.errors import Fault

from .kinds import is_list, is_mapping
from .structure import below

Read = tuple[Any, tuple[Fault, ...]]


def plain(value: Any) -> Read:
    """A copy without OmegaConf, and a fault for each place that can't be resolved."""
    if isinstance(value, DictConfig):
        return branch({key: leaf(value, key) for key in value})
    if isinstance(value, ListConfig):
        items, faults = branch({index: leaf(value, index) for index in range(len(value))})
        return list(items.values()), faults
    if is_mapping(value):
        return branch({key: plain(inner) for key, inner in value.items()})
    if is_list(value) and isinstance(value, list):
        items, faults = branch({index: plain(inner) for index, inner in enumerate(value)})
        return list(items.values()), faults
    return value, ()


def leaf(parent: Any, key: Any) -> Read:
    """One entry of a container; where it can't be read, why."""
    try:
        return plain(parent[key])
    except OmegaConfBaseException as error:
        return None, (Fault("", "", str(error.msg).splitlines()[0]),)


def branch(entries: Mapping[Any, Read]) -> tuple[dict[Any, Any], tuple[Fault, ...]]:
    """Entries put together, their faults below their keys. An entry that can't be read is left out."""
    faults = [fault for key, (_, found) in entries.items() for fault in below(str(key), found)]
    broken = {key for key, (value, found) in entries.items() if found and value is None}
    return {key: value for key, (value, _) in entries.items() if key not in broken}, tuple(faults)
