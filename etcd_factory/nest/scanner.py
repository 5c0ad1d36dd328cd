"""From a root module to all modules below it, each once, with what was written merged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from attrs import field, frozen

from etcd_factory.errors import suggestion

from .dependencies import given_by
from .errors import DeclarationError, ProviderNotFoundError, shown
from .identity import Keys
from .modules import DynamicModule, ModuleRef, metadata_of, module_class
from .providers import Provider
from .tokens import is_function, listed


class Address(NamedTuple):
    """Where something is provided: the module's label, and the token."""

    module: str
    token: Any

    def __str__(self) -> str:
        return f"{shown(self.token)} in {self.module}"


@frozen(eq=False)
class Node:
    """One module of an application: what ``@module`` says of its class, and what a dynamic one adds."""

    label: str
    cls: type[Any]
    is_dynamic: bool
    imports: tuple[str, ...]
    providers: Mapping[Any, Provider]
    exports: tuple[Any, ...]
    is_global: bool


@frozen(eq=False)
class Tree:
    """All modules by label, the root first."""

    root: str
    nodes: Mapping[str, Node]
    keys: Keys = field(repr=False)
    labels: Mapping[Any, str] = field(repr=False)

    def holders(self, token: Any) -> list[str]:
        """The modules that provide the token."""
        return [label for label, node in self.nodes.items() if token in node.providers]

    def near(self, token: Any) -> str:
        """A token much like that one, as a suggestion."""
        name = shown(token)
        known = {shown(one) for node in self.nodes.values() for one in node.providers}
        return f"; there is another {name}, but that is not the same" if name in known else suggestion(name, known)


def tree_of(root: ModuleRef, keys: Keys, overrides: Iterable[Provider] = ()) -> Tree:
    """The tree below ``root``; ``overrides`` take the place of what any module provides under their tokens."""
    replaced = {provider.token: provider for provider in map(override_like, listed("overrides", overrides))}
    tree = Scan(keys, replaced).tree(root)
    for token in replaced:
        if not tree.holders(token):
            raise ProviderNotFoundError(f"no module provides {shown(token)}: nothing to override{tree.near(token)}")
    return tree


def override_like(value: Any) -> Provider:
    """What stands in ``overrides``."""
    if not isinstance(value, Provider):
        raise DeclarationError(f"overrides has {shown(value)}; write Provider(token, use_value=...)")
    return value


class Scan:
    """The walk from the root. A worklist, for modules may be nested deeper than Python recurses."""

    def __init__(self, keys: Keys, overrides: Mapping[Any, Provider]) -> None:
        self._keys, self._overrides = keys, overrides
        self._labels: dict[Any, str] = {}
        self._taken: set[str] = set()
        self._names: dict[str, Iterator[str]] = {}
        self._later: dict[Any, ModuleRef] = {}
        self._waiting: deque[tuple[str, ModuleRef]] = deque()

    def tree(self, root: ModuleRef) -> Tree:
        """The modules below ``root``, and itself."""
        label = self._label(ready(root))
        nodes: dict[str, Node] = {}
        while self._waiting:
            node = self._node(*self._waiting.popleft())
            nodes[node.label] = node
        return Tree(label, nodes, self._keys, self._labels)

    def _node(self, label: str, module: ModuleRef) -> Node:
        """What was written of one module: the dynamic part stands behind the static one, so that it wins."""
        cls = class_of(module)
        parts = [metadata_of(cls), *([module] if isinstance(module, DynamicModule) else [])]
        providers = [normal(one) for part in parts for one in part.providers]
        return Node(
            label,
            cls,
            isinstance(module, DynamicModule),
            tuple(dict.fromkeys(self._label(self._now(one)) for part in parts for one in part.imports)),
            {one.token: self._overrides.get(one.token, one) for one in (*providers, Provider(cls, use_class=cls))},
            tuple(given_by(one) if is_function(one) else one for part in parts for one in part.exports),
            any(part.is_global for part in parts),
        )

    def _now(self, module: Any) -> ModuleRef:
        """A module that stands in ``imports``; one behind a function is asked for once."""
        if not is_function(module):
            return ready(module)
        key = self._keys.forward(module)
        if key not in self._later:
            self._later[key] = ready(module())
        return self._later[key]

    def _label(self, module: ModuleRef) -> str:
        key = self._keys.key(module)
        if key not in self._labels:
            self._labels[key] = self._new(module)
            self._taken.add(self._labels[key])
            self._waiting.append((self._labels[key], module))
        return self._labels[key]

    def _new(self, module: ModuleRef) -> str:
        """A name that no other module has: the given one, else the class's, numbered where there are several."""
        name = module.name if isinstance(module, DynamicModule) else None
        if name in self._taken:
            raise DeclarationError(f"two modules have the name {name!r}; give each one of its own")
        base = class_of(module).__name__
        if name is None:
            names = self._names.setdefault(base, (base if n == 1 else f"{base}#{n}" for n in count(1)))
            return next(one for one in names if one not in self._taken)
        return name


def ready(module: Any) -> ModuleRef:
    """A module, and no longer a function that gives one."""
    if isinstance(module, DynamicModule):
        return module
    cls: type[Any] = module_class(module)
    return cls


def class_of(module: ModuleRef) -> type[Any]:
    """The class of a module."""
    return module.module if isinstance(module, DynamicModule) else module


def normal(entry: Any) -> Provider:
    """What stands in ``providers``, as a ``Provider``."""
    return Provider(given_by(entry), use_factory=entry) if is_function(entry) else entry
