"""Items of lists that variables set by index: ``...__HOSTS__0=a:1`` replaces the first of the hosts below."""

from __future__ import annotations

from attrs import frozen

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.kinds import is_list, is_mapping
from etcd_factory.options.schema import Kind

from . import tree
from .faults import noted
from .references import References, rebased
from .tree import Node, Path, nearest
from .variable_values import kind_at, separated

Values = dict[str, object]


@frozen
class Items:
    """Replaces mappings of indices by the lists that they change."""

    below: References
    labels: dict[Path, str]
    faults: list[Fault]

    def applied(self, values: Values, path: Path = ()) -> Values:
        """Return the values with lists in place of such mappings."""
        found: Values = {}
        for key, value in values.items():
            with noted(self.faults):
                found[key] = self._applied(dict(value), (*path, key)) if is_mapping(value) else value
        return found

    def _applied(self, values: Values, path: Path) -> object:
        inner = self.applied(values, path)
        lower = self._lower(path) if inner and all(map(str.isdecimal, inner)) else None
        return inner if lower is None else self._changed(lower, inner, path)

    def _lower(self, path: Path) -> list[object] | None:
        """Return the list in the layers below, None if there is none and there cannot be one."""
        found = self.below.find(path)
        at = found and self.below.followed(found)
        value = tree.values(rebased(at.node, at.at, ())) if at else None
        if is_list(value):
            return [*value]
        if kind_at(path, self.below.section) is not Kind.LIST or is_mapping(value):
            return None
        if isinstance(value, str) and "${" in value:
            message = f"set the whole list: below it is {value}, whose items are not known yet"
            raise ConfigError(Fault(nearest(self.labels, path), ".".join(path), message))
        return [*separated(value)] if isinstance(value, str) else []

    def _changed(self, lower: list[object], changes: Values, path: Path) -> list[object]:
        for index, value in sorted((int(key), value) for key, value in changes.items()):
            if index > len(lower):
                message = f"the list has {len(lower)} items; the next one is {len(lower)}"
                raise ConfigError(
                    Fault(nearest(self.labels, (*path, str(index))), ".".join((*path, str(index))), message)
                )
            old = lower[index] if index < len(lower) else None
            lower[index : index + 1] = [self._overlaid(old, value, (*path, str(index)))]
        return lower

    def _overlaid(self, old: object, new: object, path: Path) -> object:
        node = tree.merged(Node(tree.grown(old, "", {}).value, ""), tree.grown(new, "", {}), self.below.section, path)
        return tree.values(node)
