"""Explains an unresolved dependency: what to export and import so that its module sees it."""

from __future__ import annotations

from collections.abc import Hashable

from .dependencies import Dependency
from .errors import Missing, display_name
from .module_tree import Address
from .visibility import Visibility

UNRESOLVED = "__nest_unresolved__"  # of a token: the advice, if it is not one that a user provides


def missing_dependency(visibility: Visibility, consumer: Address, dependency: Dependency) -> Missing:
    """Return the entry of ``UnresolvedError`` for a dependency that is not visible to its consumer."""
    advice = advice_for(visibility, consumer.module, dependency.token)
    return Missing(display_name(consumer.token), dependency.name, dependency.token, consumer.module, advice)


def advice_for(visibility: Visibility, label: str, token: Hashable) -> str:
    """Return what to change so that the module sees the token."""
    tree = visibility.tree
    if hasattr(token, UNRESOLVED):
        return str(getattr(token, UNRESOLVED))
    exporting = [source for source, exported in visibility.exports.items() if token in exported]
    if exporting:
        return f"{exporting[0]} exports it: add {import_name(visibility, exporting[0])} to the imports of {label}"
    providing = tree.providing(token)
    node = tree.nodes[label]
    if not node.is_dynamic and token == getattr(node.cls, "options_class", None):  # imported without its options
        return f"import {display_name(node.cls)}.for_root({{...}}) in place of {display_name(node.cls)}"
    if not providing:
        return f"no module provides it: add it to the providers of {label}{tree.similar_token(token)}"
    imported = providing[0] in tree.nodes[label].imports
    also = "" if imported else f", and {import_name(visibility, providing[0])} to the imports of {label}"
    return f"{providing[0]} provides it: add it to the exports of {providing[0]}{also}"


def import_name(visibility: Visibility, label: str) -> str:
    """Return how to import a module: by its class, or, if it is dynamic, by the same call or object."""
    node = visibility.tree.nodes[label]
    return f"the same dynamic {display_name(node.cls)}" if node.is_dynamic else display_name(node.cls)
