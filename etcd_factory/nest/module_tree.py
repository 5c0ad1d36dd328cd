"""The modules of an application, as scanned: each once, static and dynamic declarations merged."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from attrs import field, frozen

from etcd_factory.errors import suggestion

from .errors import display_name
from .identity import ModuleKeys
from .providers import Provider


class Address(NamedTuple):
    """Where a provider is: the label of its module, and its token."""

    module: str
    token: Hashable

    def __str__(self) -> str:
        name = display_name(self.token)
        return f"{name} in {self.module}" if self.module else name


@frozen(eq=False)
class ModuleNode:
    """One module: what ``@module`` declares for its class, and what a dynamic module adds. Imports are labels."""

    label: str
    cls: type[object]
    is_dynamic: bool
    imports: tuple[str, ...]
    providers: Mapping[Hashable, Provider]
    exports: tuple[Hashable, ...]
    is_global: bool


@frozen(eq=False)
class ModuleTree:
    """All modules by label, the root first."""

    root: str
    nodes: Mapping[str, ModuleNode]
    keys: ModuleKeys = field(repr=False)
    labels: Mapping[Hashable, str] = field(repr=False)  # by key

    def providing(self, token: Hashable) -> list[str]:
        """Return the labels of the modules that provide the token."""
        return [label for label, node in self.nodes.items() if token in node.providers]

    def similar_token(self, token: Hashable) -> str:
        """Return a hint for messages: a different token of the same name, else one of a similar name."""
        name = display_name(token)
        known = {display_name(one) for node in self.nodes.values() for one in node.providers}
        return f"; a different token is also named {name}" if name in known else suggestion(name, known)
