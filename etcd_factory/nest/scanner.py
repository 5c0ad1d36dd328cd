"""Scans a root module: finds all modules that it imports, names them, and merges their declarations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from itertools import count
from types import FunctionType
from typing import TypeAlias

from .dependencies import return_token
from .errors import DeclarationError, ProviderNotFoundError, declared_in, display_name
from .identity import ModuleKeys
from .module_tree import ModuleNode, ModuleTree
from .modules import (
    DecidedLate,
    DynamicModule,
    Import,
    ModuleLike,
    is_forward_ref,
    is_module,
    metadata_of,
    not_a_module,
)
from .providers import Provider
from .tokens import as_token, as_tuple, is_function

HostProviders: TypeAlias = Callable[[str], Iterable[Provider]]
ModuleOverrides: TypeAlias = "Iterable[tuple[ModuleLike, ModuleLike]]"


def no_providers(_: str) -> Iterable[Provider]:
    """Provide nothing to a module."""
    return ()


def scan(
    root: ModuleLike,
    keys: ModuleKeys,
    overrides: Iterable[Provider] = (),
    module_overrides: ModuleOverrides = (),
    host_providers: HostProviders = no_providers,
) -> ModuleTree:
    """Return the tree of ``root``; ``overrides`` replace the providers of their tokens in every module.

    ``module_overrides`` replace modules wherever they are imported. ``host_providers`` are added to each module.
    Raises ``ProviderNotFoundError`` for an override of what no module provides or imports.
    """
    replacements = {provider.token: provider for provider in map(as_override, as_tuple("overrides", overrides))}
    replaced = Replacements(keys, module_overrides)
    tree = ModuleScanner(keys, replacements, replaced, host_providers).scan(root)
    replaced.require_used()
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


class Replacements:
    """Modules that replace others, for tests."""

    def __init__(self, keys: ModuleKeys, pairs: ModuleOverrides) -> None:
        self._keys = keys
        self._pairs = {keys.key(as_module(replaced)): (replaced, as_module(other)) for replaced, other in pairs}
        self._classes = {as_token(class_of(old)): as_token(class_of(new)) for old, new in self._pairs.values()}
        self._used: set[Hashable] = set()

    def of(self, module: ModuleLike) -> ModuleLike:
        """Return what replaces a module, which by default is the module itself."""
        key = self._keys.key(module)
        if key not in self._pairs:
            return module
        self._used.add(key)
        return self._pairs[key][1]

    def of_export(self, token: Hashable) -> Hashable:
        """Return what replaces the class of a module in ``exports``."""
        return self._classes.get(token, token)

    def require_used(self) -> None:
        """Raise ``ProviderNotFoundError`` for the replacement of a module that is not imported."""
        for key, (module, _) in self._pairs.items():
            if key not in self._used:
                name = display_name(class_of(module))
                advice = "a dynamic module is named by the same object or an equal call, not by its class"
                raise ProviderNotFoundError(f"cannot override {name}: no module imports it; {advice}")


class ModuleScanner:
    """One scan. Uses a queue, since modules may be nested deeper than Python's recursion limit."""

    def __init__(
        self,
        keys: ModuleKeys,
        overrides: Mapping[Hashable, Provider],
        replaced: Replacements,
        host_providers: HostProviders,
    ) -> None:
        self._keys, self._overrides = keys, overrides
        self._replaced, self._host_providers = replaced, host_providers
        self._labels: dict[Hashable, str] = {}  # by key
        self._used: set[str] = set()
        self._numbered: dict[str, Iterator[str]] = {}
        self._forward_refs: dict[Hashable, ModuleLike] = {}
        self._queue: deque[tuple[str, ModuleLike]] = deque()
        self._late: deque[tuple[str, DynamicModule]] = deque()

    def scan(self, root: ModuleLike) -> ModuleTree:
        """Return ``root`` and all modules that it imports, directly or not."""
        label = self._label(as_module(root))
        nodes: dict[str, ModuleNode] = {}
        while self._queue or self._late:
            node = self._node(*self._next(nodes.values()))
            nodes[node.label] = node
        return ModuleTree(label, nodes, self._keys, self._labels)

    def _next(self, nodes: Iterable[ModuleNode]) -> tuple[str, ModuleLike]:
        """Return the next module; those that are decided late follow all others."""
        if self._queue:
            return self._queue.popleft()
        label, module = self._late.popleft()
        with declared_in(label):
            return label, decided(module, [provider for node in nodes for provider in node.providers.values()])

    def _node(self, label: str, module: ModuleLike) -> ModuleNode:
        """Merge the declarations of a module, the dynamic part last, so that its providers replace static ones."""
        cls = class_of(module)
        parts = [metadata_of(cls), *([module] if isinstance(module, DynamicModule) else [])]
        with declared_in(label):
            imports = tuple(dict.fromkeys(self._label(self._resolve(one)) for part in parts for one in part.imports))
            providers = [declared_provider(entry) for part in parts for entry in part.providers]
            exports = tuple(return_token(one) if is_function(one) else one for part in parts for one in part.exports)
        providers += (Provider(cls, use_class=cls), *self._host_providers(label))
        return ModuleNode(
            label=label,
            cls=cls,
            is_dynamic=isinstance(module, DynamicModule),
            imports=imports,
            providers={one.token: self._overrides.get(one.token, one) for one in providers},
            exports=tuple(map(self._replaced.of_export, exports)),
            is_global=any(part.is_global for part in parts),
        )

    def _resolve(self, module: Import) -> ModuleLike:
        """Return an imported module; a forward reference is called once."""
        if not is_forward_ref(module):
            return as_module(module)
        key = self._keys.forward_key(module)
        if key not in self._forward_refs:
            self._forward_refs[key] = as_module(module())
        return self._forward_refs[key]

    def _label(self, imported: ModuleLike) -> str:
        """Return the label of a module, or of what replaces it; a new module is queued."""
        module = self._replaced.of(imported)
        key = self._keys.key(module)
        if key not in self._labels:
            self._labels[key] = self._new_label(module)
            self._used.add(self._labels[key])
            self._append(self._labels[key], module)
        return self._labels[key]

    def _append(self, label: str, module: ModuleLike) -> None:
        """Append a module to its queue."""
        if isinstance(module, DynamicModule) and issubclass(module.module, DecidedLate):
            self._late.append((label, module))
        else:
            self._queue.append((label, module))

    def _new_label(self, module: ModuleLike) -> str:
        """Return an unused label: the module's name, else that of its class, with a number from the second on."""
        name = module.name if isinstance(module, DynamicModule) else None
        if name in self._used:
            raise DeclarationError(f"two modules are named {name!r}; give each dynamic module another name")
        if name is not None:
            return name
        base = class_of(module).__name__
        labels = self._numbered.setdefault(base, (base if n == 1 else f"{base}#{n}" for n in count(1)))
        return next(label for label in labels if label not in self._used)


def decided(module: DynamicModule, providers: Iterable[Provider]) -> DynamicModule:
    """Return the definition that the class of a module decides on, from the providers of all others."""
    assert issubclass(module.module, DecidedLate)
    return module.module.decide(module, providers)


def as_module(value: object) -> ModuleLike:
    """Return a module class or dynamic module; raises ``DeclarationError`` for other values."""
    if isinstance(value, DynamicModule) or is_module(value):
        return value
    raise not_a_module(value)


def class_of(module: ModuleLike) -> type[object]:
    """Return the class of a module."""
    return module.module if isinstance(module, DynamicModule) else module


def declared_provider(entry: Provider | FunctionType) -> Provider:
    """Return an entry of ``providers`` as ``Provider``; a function provides the token that its annotation names."""
    return Provider(return_token(entry), use_factory=entry) if is_function(entry) else entry
