"""The dependency graph of an application before anything is built: every provider and where its dependencies are."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from attrs import evolve, frozen

from etcd_factory.errors import suggestion

from .bindings import Binding, FactoryKind, bind
from .circles import Bindings, with_circles
from .errors import (
    AsyncFactoryError,
    CycleError,
    DeclarationError,
    Missing,
    ProviderNotFoundError,
    ScopeError,
    UnresolvedError,
    display_name,
)
from .identity import Identity, ModuleKeys
from .module_tree import Address, ModuleTree
from .modules import DynamicModule, ModuleLike
from .providers import Provider
from .scanner import HostProviders, ModuleOverrides, no_providers, scan
from .tokens import as_token
from .toposort import topological_order
from .unresolved import advice_for, missing_dependency
from .visibility import REQUEST_ADDRESS, Visibility

REQUEST_BINDING = Binding(REQUEST_ADDRESS, FactoryKind.FUNCTION, lambda: None, (), "request")  # dishka's context has it


@frozen(eq=False)
class DependencyGraph:
    """All bindings by address, in the order in which they are built."""

    tree: ModuleTree
    visibility: Visibility
    bindings: Bindings

    def require_static(self, address: Address) -> None:
        """Raise ``ScopeError`` if the provider does not have one instance for the application."""
        binding = self.bindings[address]
        if not binding.is_static:
            scope = "request" if binding.is_request else "transient"
            name = display_name(address.token)
            raise ScopeError(f"{address} has the scope {scope!r}; use resolve({name}) in place of get({name})")

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

    def select(self, module: ModuleLike | str) -> str:
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

    def bind_class(self, label: str, cls: type[object]) -> Binding:
        """Return how a module would build a class that it does not provide; raises ``UnresolvedError``."""
        address = Address(label, as_token(cls))
        binding, unseen = bind(self.visibility, address, Provider(cls, use_class=cls))
        if unseen:
            raise UnresolvedError(*(missing_dependency(self.visibility, address, one) for one in unseen))
        return binding

    def opens(self, addresses: Iterable[Address]) -> bool:
        """Whether building these for one request opens something that has to be closed."""

        def scoped(address: Address) -> list[Address]:
            return [one for one in self.bindings[address].dependencies if not self.bindings[one].is_static]

        built = (self.bindings[one] for one in topological_order(addresses, scoped))
        return any(one.is_generator and not one.is_static for one in built)

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
    module: ModuleLike,
    identity: Identity = "value",
    overrides: Iterable[Provider] = (),
    application: str | None = None,
    *,
    module_overrides: ModuleOverrides = (),
    host_providers: HostProviders = no_providers,
) -> DependencyGraph:
    """Return the graph of an application, of a class if its name is given.

    ``module_overrides`` are pairs of a module and its replacement. ``host_providers`` returns what the application
    itself provides to a module.

    Raises ``UnresolvedError`` listing every dependency that is not visible, ``CycleError``, and ``DeclarationError``
    for a module that is for another class of application.
    """
    tree = scan(module, ModuleKeys(identity), overrides, module_overrides, host_providers)
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
    bindings[REQUEST_ADDRESS] = REQUEST_BINDING
    return DependencyGraph(tree, visibility, with_scopes(in_order(bindings)))


def in_order(bindings: Bindings) -> Bindings:
    """Return the bindings in the order in which they are built, circles as one; raises ``CycleError``."""
    first = topological_order(bindings, lambda address: bindings[address].constructing, refuse_cycle)
    found = with_circles({address: bindings[address] for address in first})
    return {address: found[address] for address in topological_order(found, lambda one: found[one].dependencies)}


def with_scopes(bindings: Bindings) -> Bindings:
    """Return ordered bindings with what their dependencies make of their scopes.

    As in Nest, the scope ``request`` is passed on to consumers, and ``transient`` is not.
    """
    found: dict[Address, Binding] = {}
    for address, binding in bindings.items():
        needed = [found[one] for one in binding.dependencies]
        is_request = binding.scope == "request" or any(one.is_request for one in needed)
        is_transient = needed[0].is_transient if binding.is_alias else binding.scope == "transient"
        found[address] = evolve(binding, is_request=is_request, is_transient=is_transient)
    return found


def refuse_misplaced(tree: ModuleTree, application: str | None) -> None:
    """Raise ``DeclarationError`` for a module whose ``ADVICE`` says what to use in an application of this class."""
    for label, node in tree.nodes.items():
        advice: Mapping[str, str] = getattr(node.cls, "ADVICE", {})
        if application is not None and application in advice:
            raise DeclarationError(f"{label} in {tree.root}: {advice[application]}")


def refuse_cycle(path: list[Address]) -> None:
    """Raise ``CycleError``."""
    raise CycleError(map(str, path))
