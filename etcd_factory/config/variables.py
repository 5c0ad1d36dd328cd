"""Environment variables as a layer: ``ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=3`` sets ``etcd.client.timeout``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from omegaconf.errors import OmegaConfBaseException

from etcd_factory.errors import ConfigError, Fault

from .faults import noted
from .formats import ROOT, from_yaml
from .sources import Part
from .tree import Path, nearest, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "ETCD_FACTORY__"
WORD = "variables"


def variables(environ: Mapping[str, str]) -> list[Part]:
    """The layer that the variables make, or none, and what is wrong with single ones."""
    tree: dict[str, Any] = {}
    labels: dict[Path, str] = {}
    faults: list[Fault] = []
    for path, name in sorted(named(environ)):
        with noted(faults):
            place(tree, labels, path, f"${name}", environ[name])
    parts = [Part(WORD, fault.file, fault=fault) for fault in faults]
    return [*parts, Part(WORD, "environment variables", values=tree, labels=labels)] if tree else parts


def named(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Where each of our variables points to, and its name."""
    for name in environ:
        if name.startswith(PREFIX):
            yield tuple(name.removeprefix(PREFIX).lower().split("__")), name


def place(tree: dict[str, Any], labels: dict[Path, str], path: Path, label: str, text: str) -> None:
    """Set one value; those that stand above it have to be there already, so that a conflict is seen."""
    if not all(path):
        raise ConfigError(Fault(label, "", "a part of this name is empty; write ETCD_FACTORY__A__B"))
    value, branch = read(text, label), descend(tree, path[:-1])
    if branch is None or path[-1] in branch:
        raise ConfigError(Fault(label, ".".join(path), f"is already set by {nearest(labels, path)}"))
    branch[path[-1]] = value
    labels.update((path[:end], label) for end in range(len(path) + 1))


def descend(tree: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """The mapping at ``path``, made if need be, or ``None`` where another value stands in the way."""
    for part in path:
        found: Any = tree.setdefault(part, {})
        if not isinstance(found, dict):
            return None
        tree = cast("dict[str, Any]", found)
    return tree


def read(text: str, label: str) -> Any:
    """The value, read as YAML; what is wrong with it is told without showing it."""
    try:
        return from_yaml(text)
    except OmegaConfBaseException as error:
        raise ConfigError(refusal(error, label, ROOT)) from None
    except ValueError:
        raise ConfigError(Fault(label, "", "is not valid YAML; put the value in quotes")) from None
