"""Circles of classes that inject each other by forward references: created together, then initialized one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from attrs import evolve, frozen

from .bindings import Argument, Binding, FactoryKind
from .dependencies import Dependency
from .errors import CycleError
from .module_tree import Address
from .providers import Scope
from .tokens import is_class
from .toposort import topological_order

Bindings = Mapping[Address, Binding]

CIRCLE_ADVICE = "in a circle with a forward_ref every provider must be a class that is not transient; {} is not"


@frozen(eq=False)
class Circle:
    """The token of a circle, whose value is its instances by address; the members in the order of initialization."""

    members: tuple[Binding, ...]

    @property
    def address(self) -> Address:
        """Where the circle is: in the module of its first member."""
        return Address(self.members[0].address.module, self)

    @property
    def outside(self) -> tuple[Address, ...]:
        """What the members need from outside of the circle."""
        own = {member.address for member in self.members}
        return tuple(dict.fromkeys(one for member in self.members for one in member.dependencies if one not in own))

    def build(self, *built: object) -> Mapping[Address, object]:
        """Create all instances, so that each can be passed to the others, and then initialize them."""
        created = {member.address: create(member.factory) for member in self.members}
        values = {**dict(zip(self.outside, built, strict=True)), **created}
        for member in self.members:
            initialized = partial(initialize, member.factory, created[member.address])
            evolve(member, factory=initialized).build(*(values[one] for one in member.dependencies))
        return created

    def bindings(self) -> Iterable[Binding]:
        """Return the binding of the circle, and those of its members, which take their instances out of it."""
        scope: Scope = "request" if any(member.scope == "request" for member in self.members) else "default"
        arguments = tuple(Argument(Dependency(one.token, str(one)), one) for one in self.outside)
        yield Binding(self.address, FactoryKind.FUNCTION, self.build, arguments, scope)
        for member in self.members:
            taken = (Argument(Dependency(self, "circle"), self.address),)
            yield evolve(member, factory=itemgetter(member.address), arguments=taken)

    def __repr__(self) -> str:
        return f"the circle of {', '.join(str(member.address) for member in self.members)}"


def create(cls: Any) -> object:
    """Return an instance without calling its constructor."""
    instance: object = cls.__new__(cls)
    return instance


def initialize(cls: Any, instance: object, *args: object, **kwargs: object) -> object:
    """Call the constructor of an instance that was created before."""
    cls.__init__(instance, *args, **kwargs)
    return instance


def with_circles(bindings: Bindings) -> Bindings:
    """Return the bindings with those of circles in place of their members; raises ``CycleError``.

    ``bindings`` are in an order in which only forward references refer to later ones.
    """
    forward = [address for address, one in bindings.items() if one.dependencies != one.constructing]
    found = dict(bindings)
    for address in forward:
        if found[address] is bindings[address]:  # not a member of a circle that was found before
            members = circle_of(address, lambda one: bindings[one].dependencies)
            ordered = tuple(one for place, one in bindings.items() if place in members)
            found |= {one.address: one for one in (closed(ordered) if ordered else ())}
    return found


def circle_of(address: Address, dependencies: Callable[[Address], Iterable[Address]]) -> set[Address]:
    """Return everything that the address needs and that needs the address; empty if it does not need itself."""

    def needs(one: Address) -> list[Address]:
        return topological_order(dependencies(one), dependencies)

    return {one for one in needs(address) if address in needs(one)}


def closed(members: tuple[Binding, ...]) -> Iterable[Binding]:
    """Return the bindings of a circle; raises ``CycleError`` if a member is not a class, or is transient."""
    for one in members:
        if not is_class(one.factory) or one.scope == "transient":
            path = [*(str(member.address) for member in members), str(members[0].address)]
            raise CycleError(path, CIRCLE_ADVICE.format(one.address))
    return Circle(members).bindings()
