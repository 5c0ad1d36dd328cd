"""Life-cycle hooks: which methods of the instances are called, in Nest's order.

``on_module_init`` of all, then ``on_application_bootstrap`` of all, when the application starts; ``on_module_destroy``,
``before_application_shutdown(signal)`` and ``on_application_shutdown(signal)`` when it stops.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from .errors import AsyncFactoryError
from .graph import DependencyGraph
from .module_tree import Address, ModuleTree
from .tokens import as_token
from .toposort import topological_order

INIT = "on_module_init"
STARTING = (INIT, "on_application_bootstrap")
STOPPING = ("on_module_destroy", "before_application_shutdown", "on_application_shutdown")
TAKING_SIGNAL = STOPPING[1:]


@frozen(eq=False)
class Hosted:
    """One instance of a provider."""

    address: Address
    instance: object

    def hook(self, name: str) -> Callable[..., Any] | None:
        """Return the method of a hook, if the class of the instance has it.

        Not what only the instance has: a mock or a client of remote calls has a method of every name.
        """
        return getattr(self.instance, name) if hasattr(type(self.instance), name) else None


@frozen(eq=False)
class HookCall:
    """One call of a hook, not made yet."""

    name: str
    address: Address
    method: Callable[..., Any]
    arguments: tuple[object, ...] = ()

    def run(self) -> None:
        """Call it; raises ``AsyncFactoryError`` if the result would have to be awaited."""
        result = self.method(*self.arguments)
        if inspect.iscoroutine(result):
            result.close()
            raise self.refusal()

    async def run_async(self) -> None:
        """Call it, and await the result if it is awaitable."""
        result = self.method(*self.arguments)
        if inspect.isawaitable(result):
            await result

    def refusal(self) -> AsyncFactoryError:
        """Return the error of an async hook in a blocking application."""
        return AsyncFactoryError(f"Application cannot await {self.name} of {self.address}; use AsyncApplication")


@frozen(eq=False)
class ModuleInstances:
    """The instances of one module: its providers, dependencies first, those of transient ones, and its class."""

    providers: tuple[Hosted, ...]
    transients: tuple[Hosted, ...]
    of_class: tuple[Hosted, ...]

    def starting(self) -> Iterable[Hosted]:
        """Return them in the order in which they are initialized."""
        return (*self.providers, *self.transients, *self.of_class)

    def stopping(self) -> Iterable[Hosted]:
        """Return them in the order in which they are destroyed; the class of the module is last in both, as in Nest."""
        return (*reversed(self.providers), *reversed(self.transients), *self.of_class)


class LifeCycle:
    """The hooks of a started application, as calls to make one after the other."""

    def __init__(
        self, graph: DependencyGraph, instances: Mapping[Address, object], transients: Iterable[tuple[Address, object]]
    ) -> None:
        shared = [Hosted(one, instance) for one, instance in instances.items() if not graph.bindings[one].is_alias]
        single = [Hosted(one, instance) for one, instance in transients]
        self._modules = [
            instances_of(Address(label, as_token(graph.tree.nodes[label].cls)), shared, single)
            for label in module_order(graph.tree)
        ]
        self._reached: set[Hosted] = set()

    def require_sync(self) -> None:
        """Raise ``AsyncFactoryError`` if a hook is async."""
        hosted = [one for module in self._modules for one in module.starting()]
        for call in (call for name in (*STARTING, *STOPPING) for one in hosted for call in calls(one, name)):
            if inspect.iscoroutinefunction(call.method):
                raise call.refusal()

    def starting(self) -> Iterator[HookCall]:
        """Yield the calls of the start; the next one is requested after the last one succeeded."""
        for name in STARTING:
            for one in (one for module in self._modules for one in module.starting()):
                yield from calls(one, name)
                self._reached.add(one)

    def stopping(self, signal: str | None) -> Iterator[HookCall]:
        """Yield the calls of the stop, for the instances that were initialized; importers before their imports."""
        for name in STOPPING:
            for one in (one for module in reversed(self._modules) for one in module.stopping()):
                yield from calls(one, name, signal) if one in self._reached else ()


def calls(hosted: Hosted, name: str, signal: str | None = None) -> Iterator[HookCall]:
    """Yield the call of a hook, if the instance has it; the signal is passed if the method takes it."""
    method = hosted.hook(name)
    if method is not None:
        arguments = (signal,) if name in TAKING_SIGNAL and takes_one(method) else ()
        yield HookCall(name, hosted.address, method, arguments)


def takes_one(method: Callable[..., object]) -> bool:
    """Whether a method accepts one argument."""
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        return False
    return True


def instances_of(of_class: Address, shared: Iterable[Hosted], single: Iterable[Hosted]) -> ModuleInstances:
    """Return the instances of one module, given as the address of its class."""
    own = [one for one in shared if one.address.module == of_class.module]
    return ModuleInstances(
        tuple(one for one in own if one.address != of_class),
        tuple(one for one in single if one.address.module == of_class.module),
        tuple(one for one in own if one.address == of_class),
    )


def module_order(tree: ModuleTree) -> list[str]:
    """Return the labels of all modules: the farthest from the root first, and global modules before them.

    Global ones are the farthest in Nest, too. What a module imports is always farther than itself.
    """
    distance = {label: len(tree.nodes) if node.is_global else 0 for label, node in tree.nodes.items()}
    for label in reversed(topological_order([tree.root], lambda one: tree.nodes[one].imports)):
        for imported in tree.nodes[label].imports:
            distance[imported] = max(distance[imported], distance[label] + 1)
    return sorted(tree.nodes, key=lambda label: -distance[label])
