"""Environment variables as a layer: ``ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=3`` sets ``etcd.client.timeout``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from etcd_factory.errors import ConfigError, Fault

from .faults import noted
from .items import Items
from .sources import Part
from .tree import Path, nearest
from .variable_names import PREFIX, Names, warn_misplaced
from .variable_values import kind_at, value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .references import References

LAYER = "variables"


def variables(environ: Mapping[str, str], below: References) -> list[Part]:
    """Return the faults of single variables and, if any are set, the layer of the others, over the layers below it."""
    tree: dict[str, object] = {}
    labels: dict[Path, str] = {}
    faults: list[Fault] = []
    names = Names(below)
    paths = named(environ, names, faults)
    for name, path in sorted(paths.items(), key=lambda item: (item[1], item[0])):
        with noted(faults):
            found = value(environ[name], kind_at(path, below.section), f"${name}")
            put(tree, labels, path, f"${name}", found)
    warn_misplaced(environ, paths, names, below)
    tree = Items(below, labels, faults).applied(tree)
    parts = [Part(LAYER, fault.file, fault=fault) for fault in faults]
    return [*parts, Part(LAYER, "environment variables", values=tree, labels=labels)] if tree else parts


def named(environ: Mapping[str, str], names: Names, faults: list[Fault]) -> dict[str, Path]:
    """Return the path that each of our variables sets."""
    paths: dict[str, Path] = {}
    for name in environ:
        if name.startswith(PREFIX):
            with noted(faults):
                paths[name] = names.path(name)
    return paths


def put(tree: dict[str, object], labels: dict[Path, str], path: Path, label: str, value: object) -> None:
    """Set one value. A parent must be set before its children, so that a conflict is detected."""
    branch = descend(tree, path[:-1])
    if branch is None or path[-1] in branch:
        raise ConfigError(Fault(label, ".".join(path), f"is already set by {nearest(labels, path)}"))
    branch[path[-1]] = value
    labels.update((path[:end], label) for end in range(len(path) + 1))


def descend(tree: dict[str, object], path: Path) -> dict[str, object] | None:
    """Return the mapping at ``path``, created if missing, or None if there is another value on the way."""
    for part in path:
        found = tree.setdefault(part, {})
        if not isinstance(found, dict):
            return None
        tree = cast("dict[str, object]", found)
    return tree
