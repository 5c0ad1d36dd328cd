"""Nodes of an OmegaConf tree that do not show secrets, and how YAML writes them: as ``***``."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import yaml
from omegaconf import AnyNode, ValueNode
from omegaconf.base import Metadata

from etcd_factory.options.secret import MASK, RedactedText, Secret, SecretText, redacted

FLAGS = {"allow_objects": True}
SCALARS = (bytes, int, float, type(None))


class SecretNode(ValueNode):
    """The text of a secret, or an interpolation that resolves to it. It is a ``SecretText`` when it is read.

    It counts as a typed node, so that OmegaConf converts what an interpolation resolves to.
    """

    def __init__(self, value: Any = None, key: Any = None, parent: Any = None) -> None:
        metadata = Metadata(ref_type=Any, object_type=None, key=key, optional=True, flags={**FLAGS})
        super().__init__(parent=parent, value=value, metadata=metadata)

    def _validate_and_convert_impl(self, value: Any) -> Any:
        return SecretText(value) if isinstance(value, str) else value

    def _value(self) -> Any:
        return self._validate_and_convert_impl(super()._value())  # OmegaConf does not convert interpolations

    def __repr__(self) -> str:
        return MASK

    def __deepcopy__(self, memo: dict[int, Any]) -> SecretNode:
        made = SecretNode()
        self._deepcopy_impl(made, memo)
        return made


class HiddenNode(AnyNode):
    """A secret that is not text: a number, a function."""

    def __repr__(self) -> str:
        return MASK

    def __deepcopy__(self, memo: dict[int, Any]) -> HiddenNode:
        made = HiddenNode()
        self._deepcopy_impl(made, memo)
        return made


def secret_node(value: object) -> Any:
    """Return the node of a value below a secret's key."""
    if value is None or isinstance(value, bool):
        return value
    return SecretNode(str(value)) if isinstance(value, str) else HiddenNode(value, flags={**FLAGS})


def leaf_node(value: object) -> Any:
    """Return a value, in a node if it is an object: OmegaConf would turn attrs and data classes into mappings."""
    if isinstance(value, str):
        return str(value) if redacted(value) == value else AnyNode(RedactedText(value), flags={**FLAGS})
    return value if isinstance(value, SCALARS) else AnyNode(value, flags={**FLAGS})


def masked(dumper: Any, value: object) -> yaml.ScalarNode:
    """Return how YAML writes a secret."""
    shown = redacted(str(value)) if isinstance(value, RedactedText) else MASK
    written: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", shown)
    return written


def dumpers(kind: type[Any]) -> list[type[Any]]:
    """Return a class with all its subclasses: each keeps a table of its own."""
    return [kind, *(inner for each in kind.__subclasses__() for inner in dumpers(each))]


def register() -> None:
    """Make every dumper of YAML write secrets as ``***``."""
    for dumper in dumpers(yaml.representer.SafeRepresenter):
        for kind in (Secret, SecretText, RedactedText):
            dumper.add_representer(kind, masked)


register()
