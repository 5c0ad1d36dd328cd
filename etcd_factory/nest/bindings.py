"""From what a module provides to a function of its dependencies, each of them with its full address."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from attrs import frozen

from .dependencies import Need, body_of, needs_of
from .errors import AsyncFactoryError, shown
from .providers import NOT_GIVEN, Provider
from .scanner import Address
from .visibility import Sight


class Kind(Enum):
    """How a value comes out of a function."""

    PLAIN = "a function"
    AWAITED = "an async function"
    GENERATOR = "a generator"
    ASYNC_GENERATOR = "an async generator"


KINDS = (
    (inspect.isasyncgenfunction, Kind.ASYNC_GENERATOR),
    (inspect.isgeneratorfunction, Kind.GENERATOR),
    (inspect.iscoroutinefunction, Kind.AWAITED),
)


@frozen(eq=False)
class Slot:
    """What fills one parameter: what is at the address, else the default."""

    need: Need
    address: Address | None


@frozen(eq=False)
class Binding:
    """One provider of one module, ready to be built: ``make`` takes what is at ``needs``, in that order."""

    address: Address
    kind: Kind
    call: Callable[..., Any]
    slots: tuple[Slot, ...]

    @property
    def needs(self) -> tuple[Address, ...]:
        """Where its dependencies are."""
        return tuple(slot.address for slot in self.slots if slot.address is not None)

    @property
    def is_async(self) -> bool:
        """Whether it has to be awaited."""
        return self.kind in (Kind.AWAITED, Kind.ASYNC_GENERATOR)

    def make(self, *given: Any) -> Any:
        """The value, or for other kinds than ``PLAIN`` what gives it."""
        values = iter(given)
        filled = [(slot.need, value_of(slot, values)) for slot in self.slots]
        args = [value for need, value in filled if not need.is_named]
        made = self.call(*args, **{need.name: value for need, value in filled if need.is_named})
        if self.kind is Kind.PLAIN and inspect.iscoroutine(made):
            made.close()
            raise AsyncFactoryError(
                f"{shown(self.call)} gave a coroutine for {self.address}; write it with 'async def', then it is awaited"
            )
        return made


def value_of(slot: Slot, given: Iterator[Any]) -> Any:
    """What fills the parameter."""
    return slot.need.default if slot.address is None else next(given)


def binding(sight: Sight, address: Address, provider: Provider) -> tuple[Binding, list[Need]]:
    """What builds the provider's value, and the needs that its module does not see."""
    call = maker(provider)
    slots = tuple(Slot(need, sight.sees(address.module, need.token)) for need in needs_of(provider))
    lacking = [slot.need for slot in slots if slot.address is None and slot.need.default is NOT_GIVEN]
    return Binding(address, kind_of(call), call, slots), lacking


def maker(provider: Provider) -> Callable[..., Any]:
    """The function that makes the provider's value."""
    if provider.way == "use_value":
        return lambda: provider.use_value
    if provider.way == "use_existing":
        return same
    call: Callable[..., Any] = getattr(provider, provider.way)
    return call


def same(value: Any) -> Any:
    """What another token stands for."""
    return value


def kind_of(call: Callable[..., Any]) -> Kind:
    """How a value comes out of it."""
    body = body_of(call)
    return next((kind for fits, kind in KINDS if fits(body)), Kind.PLAIN)
