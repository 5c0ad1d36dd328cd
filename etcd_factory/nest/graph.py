"""The dependency graph of an application before anything is built: every provider and where its dependencies are."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from attrs import frozen

from etcd_factory.errors import suggestion

from .bindings import Binding, bind
from .errors import (
    AsyncFactoryError,
    CycleError,
    DeclarationError,
    Missing,
    ProviderNotFoundError,
    UnresolvedError,
    display_name,
)
from .identity import Identity, ModuleKeys
from .module_tree import Address, ModuleTree
from .modules import DynamicModule, ModuleRef
from .providers import Provider
from .scanner import scan
from .toposort import topological_order
from .unresolved import advice_for, missing_dependency
from .visibility import Visibility


@frozen(eq=False)
class DependencyGraph:
    """All bindings by address, in the order in which they are built."""

    tree: ModuleTree
    visibility: Visibility
    bindings: Mapping[Address, Binding]

    def find(self, token: Hashable) -> Address:
        """Return where an application finds a token: what the root sees, else the only module that provides it."""
        found = self.visibility.find(self.tree.root, token)
        providing = self.tree.providing(token)
        if found is None and len(providing) != 1:
            raise ProviderNotFoundError(self._not_found(token, providing))
        return found or Address(providing[0], token)

    def find_in(self, label: str, token: Hashable, *, strict: bool = False) -> Address:
        """Return where a module finds a token; if ``strict``, only among its own providers."""
        found = self.visibility.find(label, token)
        name = display_name(token)
        if found is None:
            advice = advice_for(self.visibility, label, token)
            raise ProviderNotFoundError(f"{name} is not visible in {label}; {advice}")
        if strict and found.module != label:
            raise ProviderNotFoundError(
                f"{label} does not provide {name} itself; it sees the one of {found.module}, which strict=True excludes"
            )
        return found

    def select(self, module: ModuleRef | str) -> str:
        """Return the label of a module, by its class, the dynamic module, or the label itself."""
        if isinstance(module, DynamicModule):
            labels = [label for key, label in self.tree.labels.items() if key == self.tree.keys.key(module)]
        else:
            labels = [label for label, node in self.tree.nodes.items() if module in (label, node.cls)]
        if len(labels) == 1:
            return labels[0]
        name = module if isinstance(module, str) else display_name(module)
        if labels:
            raise ProviderNotFoundError(f"{name} has several configurations; select one by name: {', '.join(labels)}")
        raise ProviderNotFoundError(f"the application has no module {name}{suggestion(name, self.tree.nodes)}")

    def require_sync(self) -> None:
        """Raise ``AsyncFactoryError`` if a provider has an async factory."""
        found = [str(address) for address, binding in self.bindings.items() if binding.is_async]
        if found:
            raise AsyncFactoryError(f"Application cannot await the factory of {', '.join(found)}; use AsyncApplication")

    def _not_found(self, token: Hashable, providing: list[str]) -> str:
        name = display_name(token)
        if not providing:
            return f"no module provides {name}{self.tree.similar_token(token)}"
        return f"several modules provide {name}: {', '.join(providing)}; select one with select(...).get(...)"


def build_graph(
    module: ModuleRef,
    identity: Identity = "value",
    overrides: Iterable[Provider] = (),
    application: str | None = None,
) -> DependencyGraph:
    """Return the graph of an application, of a class if its name is given.

    Raises ``UnresolvedError`` listing every dependency that is not visible, ``CycleError``, and ``DeclarationError``
    for a module that is for another class of application.
    """
    tree = scan(module, ModuleKeys(identity), overrides)
    refuse_misplaced(tree, application)
    visibility = Visibility(tree)
    bindings: dict[Address, Binding] = {}
    missing: list[Missing] = []
    for label in topological_order([tree.root], lambda label: tree.nodes[label].imports):
        for token, provider in tree.nodes[label].providers.items():
            address = Address(label, token)
            bindings[address], unseen = bind(visibility, address, provider)
            missing += (missing_dependency(visibility, address, one) for one in unseen)
    if missing:
        raise UnresolvedError(*missing)
    ordered = topological_order(bindings, lambda address: bindings[address].dependencies, refuse_cycle)
    return DependencyGraph(tree, visibility, {address: bindings[address] for address in ordered})


def refuse_misplaced(tree: ModuleTree, application: str | None) -> None:
    """Raise ``DeclarationError`` for a module whose ``ADVICE`` says what to use in an application of this class."""
    for label, node in tree.nodes.items():
        advice: Mapping[str, str] = getattr(node.cls, "ADVICE", {})
        if application is not None and application in advice:
            raise DeclarationError(f"{label} in {tree.root}: {advice[application]}")


def refuse_cycle(path: list[Address]) -> None:
    """Raise ``CycleError``."""
    raise CycleError(map(str, path))
