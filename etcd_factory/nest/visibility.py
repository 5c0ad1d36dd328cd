"""Who sees what: a module its own providers, what its imports export, and what global modules export, in that order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import DeclarationError, shown
from .modules import is_module
from .scanner import Address, Node, Tree

Exports = dict[str, dict[Any, Address]]


class Sight:
    """What the modules of a tree see."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.exports = exports_of(tree)
        self._globals = tuple(label for label, node in tree.nodes.items() if node.is_global)

    def sees(self, label: str, token: Any) -> Address | None:
        """Where that module finds the token."""
        if token in self.tree.nodes[label].providers:
            return Address(label, token)
        places = (self.exports[place] for place in self._places(label))
        return next((exported[token] for exported in places if token in exported), None)

    def seen(self, label: str) -> dict[Any, Address]:
        """All that the module sees."""
        found = {token: Address(label, token) for token in self.tree.nodes[label].providers}
        for place in self._places(label):
            found = {**self.exports[place], **found}
        return found

    def _places(self, label: str) -> tuple[str, ...]:
        return (*self.tree.nodes[label].imports, *self._globals)


def exports_of(tree: Tree) -> Exports:
    """What each module exports, what it passes on of its imports among it.

    Modules may import one another, so this goes on until nothing is added; own ones come first.
    """
    found = {label: own(tree, node) for label, node in tree.nodes.items()}
    passing = {label: passed(tree.nodes, node) for label, node in tree.nodes.items()}
    grows = True
    while grows:
        before = sum(map(len, found.values()))
        for label in reversed(found):  # the deepest first, so that one round is mostly enough
            for imported in passing[label]:
                found[label] = {**found[imported], **found[label]}
        grows = sum(map(len, found.values())) > before
    return found


def own(tree: Tree, node: Node) -> dict[Any, Address]:
    """What the module exports of its own."""
    for token in node.exports:
        if token not in node.providers and not any(tree.nodes[label].cls is token for label in node.imports):
            problem = f"{node.label} exports {shown(token)}, which it neither provides nor imports"
            raise DeclarationError(f"{problem}; {instead(tree, node, token)}")
    return {token: Address(node.label, token) for token in node.exports if token in node.providers}


def passed(nodes: Mapping[str, Node], node: Node) -> list[str]:
    """The imported modules that the module exports as a whole."""
    whole = [token for token in node.exports if token not in node.providers]
    return [label for label in node.imports if nodes[label].cls in whole]


def instead(tree: Tree, node: Node, token: Any) -> str:
    """What to write instead of a wrong export."""
    if is_module(token):
        return f"add {shown(token)} to the imports of {node.label}"
    holder = next((tree.nodes[label] for label in tree.holders(token)), None)
    if holder is None:
        return f"add it to the providers of {node.label}{tree.near(token)}"
    return f"{holder.label} provides it: export that module, {shown(holder.cls)}, instead"
