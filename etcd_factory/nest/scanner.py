"""Scans a root module: finds all modules that it imports, names them, and merges their declarations."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import count
from types import FunctionType

from .dependencies import return_token
from .errors import DeclarationError, ProviderNotFoundError, declared_in, display_name
from .identity import ModuleKeys
from .module_tree import ModuleNode, ModuleTree
from .modules import DynamicModule, Import, ModuleRef, is_forward_ref, is_module, metadata_of, not_a_module
from .providers import Provider
from .tokens import as_tuple, is_function


def scan(root: ModuleRef, keys: ModuleKeys, overrides: Iterable[Provider] = ()) -> ModuleTree:
    """Return the tree of ``root``; ``overrides`` replace the providers of their tokens in every module.

    Raises ``ProviderNotFoundError`` if no module provides the token of an override.
    """
    replacements = {provider.token: provider for provider in map(as_override, as_tuple("overrides", overrides))}
    tree = ModuleScanner(keys, replacements).scan(root)
    for token in replacements:
        if not tree.providing(token):
            near = tree.similar_token(token)
            raise ProviderNotFoundError(f"cannot override {display_name(token)}: no module provides it{near}")
    return tree


def as_override(value: object) -> Provider:
    """Return an entry of ``overrides``; raises ``DeclarationError`` if it is not a provider."""
    if not isinstance(value, Provider):
        raise DeclarationError(f"overrides contains {display_name(value)}; use Provider(token, use_value=...)")
    return value


class ModuleScanner:
    """One scan. Uses a queue, since modules may be nested deeper than Python's recursion limit."""

    def __init__(self, keys: ModuleKeys, overrides: Mapping[Hashable, Provider]) -> None:
        self._keys, self._overrides = keys, overrides
        self._labels: dict[Hashable, str] = {}  # by key
        self._used: set[str] = set()
        self._numbered: dict[str, Iterator[str]] = {}
        self._forward_refs: dict[Hashable, ModuleRef] = {}
        self._queue: deque[tuple[str, ModuleRef]] = deque()

    def scan(self, root: ModuleRef) -> ModuleTree:
        """Return ``root`` and all modules that it imports, directly or not."""
        label = self._label(as_module(root))
        nodes: dict[str, ModuleNode] = {}
        while self._queue:
            node = self._node(*self._queue.popleft())
            nodes[node.label] = node
        return ModuleTree(label, nodes, self._keys, self._labels)

    def _node(self, label: str, module: ModuleRef) -> ModuleNode:
        """Merge the declarations of a module, the dynamic part last, so that its providers replace static ones."""
        cls = class_of(module)
        parts = [metadata_of(cls), *([module] if isinstance(module, DynamicModule) else [])]
        with declared_in(label):
            imports = tuple(dict.fromkeys(self._label(self._resolve(one)) for part in parts for one in part.imports))
            providers = [declared_provider(entry) for part in parts for entry in part.providers]
            exports = tuple(return_token(one) if is_function(one) else one for part in parts for one in part.exports)
        providers.append(Provider(cls, use_class=cls))
        return ModuleNode(
            label=label,
            cls=cls,
            is_dynamic=isinstance(module, DynamicModule),
            imports=imports,
            providers={one.token: self._overrides.get(one.token, one) for one in providers},
            exports=exports,
            is_global=any(part.is_global for part in parts),
        )

    def _resolve(self, module: Import) -> ModuleRef:
        """Return an imported module; a forward reference is called once."""
        if not is_forward_ref(module):
            return as_module(module)
        key = self._keys.forward_key(module)
        if key not in self._forward_refs:
            self._forward_refs[key] = as_module(module())
        return self._forward_refs[key]

    def _label(self, module: ModuleRef) -> str:
        """Return the label of a module; a new module is queued."""
        key = self._keys.key(module)
        if key not in self._labels:
            self._labels[key] = self._new_label(module)
            self._used.add(self._labels[key])
            self._queue.append((self._labels[key], module))
        return self._labels[key]

    def _new_label(self, module: ModuleRef) -> str:
        """Return an unused label: the module's name, else that of its class, with a number from the second on."""
        name = module.name if isinstance(module, DynamicModule) else None
        if name in self._used:
            raise DeclarationError(f"two modules are named {name!r}; give each dynamic module another name")
        if name is not None:
            return name
        base = class_of(module).__name__
        labels = self._numbered.setdefault(base, (base if n == 1 else f"{base}#{n}" for n in count(1)))
        return next(label for label in labels if label not in self._used)


def as_module(value: object) -> ModuleRef:
    """Return a module class or dynamic module; raises ``DeclarationError`` for other values."""
    if isinstance(value, DynamicModule) or is_module(value):
        return value
    raise not_a_module(value)


def class_of(module: ModuleRef) -> type[object]:
    """Return the class of a module."""
    return module.module if isinstance(module, DynamicModule) else module


def declared_provider(entry: Provider | FunctionType) -> Provider:
    """Return an entry of ``providers`` as ``Provider``; a function provides the token that its annotation names."""
    return Provider(return_token(entry), use_factory=entry) if is_function(entry) else entry
