"""Environment variables as a layer: ``ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=3`` sets ``etcd.client.timeout``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from etcd_factory.errors import ConfigError, Fault

from .faults import noted
from .formats import from_yaml
from .sources import Part
from .tree import Path, checked, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "ETCD_FACTORY__"
LAYER = "variables"


def variables(environ: Mapping[str, str]) -> list[Part]:
    """Return the faults of single variables and, if any are set, the layer of the others."""
    tree: dict[str, object] = {}
    labels: dict[Path, str] = {}
    faults: list[Fault] = []
    for path, name in sorted(named(environ)):
        with noted(faults):
            place(tree, labels, path, f"${name}", environ[name])
    parts = [Part(LAYER, fault.file, fault=fault) for fault in faults]
    return [*parts, Part(LAYER, "environment variables", values=tree, labels=labels)] if tree else parts


def named(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the path that each of our variables sets, and the variable's name."""
    for name in environ:
        if name.startswith(PREFIX):
            yield tuple(name.removeprefix(PREFIX).lower().split("__")), name


def place(tree: dict[str, object], labels: dict[Path, str], path: Path, label: str, text: str) -> None:
    """Set one value. A parent must be set before its children, so that a conflict is detected."""
    if not all(path):
        raise ConfigError(Fault(label, "", "a part of this name is empty; write ETCD_FACTORY__A__B"))
    value, branch = read(text, label), descend(tree, path[:-1])
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


def read(text: str, label: str) -> object:
    """Parse a value as YAML. Raises ``ConfigError``, which does not show the value."""
    try:
        return checked(from_yaml(text), label)
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError(Fault(label, "", "nested too deeply")) from None
    except ValueError:
        raise ConfigError(Fault(label, "", "is not valid YAML; put the value in quotes")) from None
