"""Which providers a module sees: its own, then the exports of its imports, then those of global modules."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from .errors import DeclarationError, display_name
from .module_tree import Address, ModuleNode, ModuleTree
from .modules import is_module
from .tokens import REQUEST

REQUEST_ADDRESS = Address("", REQUEST)  # of no module, and visible in each

Exports = dict[str, dict[Hashable, Address]]


class Visibility:
    """What the modules of a tree see."""

    def __init__(self, tree: ModuleTree) -> None:
        self.tree = tree
        self.exports = collect_exports(tree)
        self._globals = tuple(label for label, node in tree.nodes.items() if node.is_global)

    def find(self, label: str, token: Hashable) -> Address | None:
        """Return where a module finds a token; None if it is not visible."""
        if token in self.tree.nodes[label].providers:
            return Address(label, token)
        sources = (self.exports[source] for source in self._sources(label))
        hosted = REQUEST_ADDRESS if token is REQUEST else None
        return next((exported[token] for exported in sources if token in exported), hosted)

    def visible(self, label: str) -> dict[Hashable, Address]:
        """Return everything that a module sees."""
        found = {token: Address(label, token) for token in self.tree.nodes[label].providers}
        for source in self._sources(label):
            found = {**self.exports[source], **found}
        return found

    def _sources(self, label: str) -> tuple[str, ...]:
        """Return the modules whose exports a module sees, by precedence (the first import first, as in Nest 11)."""
        return (*self.tree.nodes[label].imports, *self._globals)


def collect_exports(tree: ModuleTree) -> Exports:
    """Return what each module exports, including what it re-exports; its own providers take precedence.

    Modules may import each other, so this repeats until nothing is added.
    """
    found = {label: own_exports(tree, node) for label, node in tree.nodes.items()}
    reexports = {label: reexported_modules(tree.nodes, node) for label, node in tree.nodes.items()}
    grows = True
    while grows:
        before = sum(map(len, found.values()))
        for label in reversed(found):  # deepest first, so that one round is usually enough
            for imported in reexports[label]:
                found[label] = {**found[imported], **found[label]}
        grows = sum(map(len, found.values())) > before
    return found


def own_exports(tree: ModuleTree, node: ModuleNode) -> dict[Hashable, Address]:
    """Return the exported providers of a module; raises ``DeclarationError`` for an invalid export."""
    imported: list[object] = [tree.nodes[label].cls for label in node.imports]
    for token in node.exports:
        if token not in node.providers and token not in imported:
            problem = f"{node.label} exports {display_name(token)}, which it neither provides nor imports"
            raise DeclarationError(f"{problem}; {export_advice(tree, node, token)}")
    return {token: Address(node.label, token) for token in node.exports if token in node.providers}


def reexported_modules(nodes: Mapping[str, ModuleNode], node: ModuleNode) -> list[str]:
    """Return the labels of the imported modules that a module exports as a whole."""
    whole: list[object] = [token for token in node.exports if token not in node.providers]
    return [label for label in node.imports if nodes[label].cls in whole]


def export_advice(tree: ModuleTree, node: ModuleNode, token: Hashable) -> str:
    """Return what to write instead of an invalid export."""
    if is_module(token):
        return f"add {display_name(token)} to the imports of {node.label}"
    provider = next((tree.nodes[label] for label in tree.providing(token)), None)
    if provider is None:
        return f"add it to the providers of {node.label}{tree.similar_token(token)}"
    return f"{provider.label} provides it: export the module {display_name(provider.cls)} instead"
