"""What to write so that a module sees what it needs."""

from __future__ import annotations

from typing import Any

from .dependencies import Need
from .errors import Missing, shown
from .scanner import Address
from .visibility import Sight


def missing(sight: Sight, consumer: Address, need: Need) -> Missing:
    """A dependency that is not seen, with the way out."""
    text = advice(sight, consumer.module, need.token)
    return Missing(shown(consumer.token), need.name, need.token, consumer.module, text)


def advice(sight: Sight, label: str, token: Any) -> str:
    """What to export and import."""
    tree = sight.tree
    exporting = [place for place, exported in sight.exports.items() if token in exported]
    if exporting:
        return f"{exporting[0]} exports it: add {named(sight, exporting[0])} to the imports of {label}"
    holders = tree.holders(token)
    if not holders:
        return f"no module provides it: add it to the providers of {label}{tree.near(token)}"
    imported = holders[0] in tree.nodes[label].imports
    also = "" if imported else f", and {named(sight, holders[0])} to the imports of {label}"
    return f"{holders[0]} provides it: add it to the exports of {holders[0]}{also}"


def named(sight: Sight, label: str) -> str:
    """How a module is imported: by its class, or, if it is dynamic, as it was made elsewhere."""
    node = sight.tree.nodes[label]
    return f"that dynamic {shown(node.cls)}" if node.is_dynamic else shown(node.cls)
