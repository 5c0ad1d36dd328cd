"""The whole application before anything is built: every provider of every module, and where its dependencies are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from etcd_factory.errors import suggestion

from .bindings import Binding, binding
from .errors import AsyncFactoryError, CycleError, Missing, ProviderNotFoundError, UnresolvedError, shown
from .identity import Identity, Keys
from .modules import DynamicModule, ModuleRef
from .providers import Provider
from .scanner import Address, Tree, tree_of
from .toposort import bottom_up
from .unresolved import advice, missing
from .visibility import Sight


@frozen(eq=False)
class Graph:
    """Flat bindings, each with the full addresses of its dependencies, in the order in which they are built."""

    tree: Tree
    sight: Sight
    bindings: Mapping[Address, Binding]

    def find(self, token: Any) -> Address:
        """Where an application finds the token: what the root sees, else the only module that provides it."""
        found = self.sight.sees(self.tree.root, token)
        holders = self.tree.holders(token)
        if found is None and len(holders) != 1:
            raise ProviderNotFoundError(self._lost(token, holders))
        return found or Address(holders[0], token)

    def find_in(self, label: str, token: Any, *, strict: bool = False) -> Address:
        """Where a module finds the token; if ``strict``, only among its own providers."""
        found = self.sight.sees(label, token)
        if found is None:
            raise ProviderNotFoundError(f"{label} does not see {shown(token)}; {advice(self.sight, label, token)}")
        if strict and found.module != label:
            raise ProviderNotFoundError(f"{label} does not provide {shown(token)}, it sees that of {found.module}")
        return found

    def select(self, module: ModuleRef | str) -> str:
        """The label of a module, by its class, the dynamic module, or the label itself."""
        if isinstance(module, DynamicModule):
            labels = [label for key, label in self.tree.labels.items() if key == self.tree.keys.key(module)]
        else:
            labels = [label for label, node in self.tree.nodes.items() if module in (label, node.cls)]
        if len(labels) == 1:
            return labels[0]
        name = module if isinstance(module, str) else shown(module)
        if labels:
            raise ProviderNotFoundError(f"{name} has several configurations; select one by name: {', '.join(labels)}")
        raise ProviderNotFoundError(f"the application has no module {name}{suggestion(name, self.tree.nodes)}")

    def refuse_async(self) -> None:
        """For who can't await anything."""
        awaited = [str(address) for address, one in self.bindings.items() if one.is_async]
        if awaited:
            raise AsyncFactoryError(f"made by async factories: {', '.join(awaited)}; use AsyncApplication")

    def _lost(self, token: Any, holders: list[str]) -> str:
        if not holders:
            return f"no module provides {shown(token)}{self.tree.near(token)}"
        return f"several modules provide {shown(token)}; write select(...).get(...) with one of: {', '.join(holders)}"


def graph_of(module: ModuleRef, identity: Identity = "value", overrides: Iterable[Provider] = ()) -> Graph:
    """The graph of an application, all its dependencies found; ``UnresolvedError`` has all that are not."""
    tree = tree_of(module, Keys(identity), overrides)
    sight = Sight(tree)
    bindings: dict[Address, Binding] = {}
    lacking: list[Missing] = []
    for label in bottom_up([tree.root], lambda label: tree.nodes[label].imports):
        for token, provider in tree.nodes[label].providers.items():
            address = Address(label, token)
            bindings[address], needs = binding(sight, address, provider)
            lacking += (missing(sight, address, need) for need in needs)
    if lacking:
        raise UnresolvedError(*lacking)
    ordered = bottom_up(bindings, lambda address: bindings[address].needs, cycle)
    return Graph(tree, sight, {address: bindings[address] for address in ordered})


def cycle(path: list[Address]) -> None:
    """Providers that need one another can't be built."""
    raise CycleError(map(str, path))
