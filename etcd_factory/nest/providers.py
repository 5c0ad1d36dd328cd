"""How something is provided: one value, checked when it is made; nothing is built here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from attrs import field, frozen

from .errors import DeclarationError, shown
from .tokens import Inject, is_class, listed, token_like

NOT_GIVEN: Any = object()  # None is a value that one may provide
USES = ("use_class", "use_value", "use_factory", "use_existing")


def injected(value: Iterable[Any] | None) -> tuple[Inject, ...] | None:
    """The tokens for a factory's parameters, or None: its annotations tell them."""
    return None if value is None else tuple(Inject.of(one) for one in listed("inject", value))


@frozen
class Provider:
    """How a token is provided, in exactly one way.

    ``use_class``: an instance of that class. ``use_value``: that value, be it None. ``use_factory``: what the function
    gives; it may be ``async``, and a generator: what stands behind its ``yield`` is done when the application stops.
    ``inject`` names the tokens for its parameters, in order; without it their annotations do. ``use_existing``:
    whatever the module sees under that other token.
    """

    token: Hashable = field(converter=token_like)
    use_class: Any = field(default=NOT_GIVEN, kw_only=True)
    use_value: Any = field(default=NOT_GIVEN, kw_only=True)
    use_factory: Any = field(default=NOT_GIVEN, kw_only=True)
    use_existing: Any = field(default=NOT_GIVEN, kw_only=True)
    inject: tuple[Inject, ...] | None = field(default=None, converter=injected, kw_only=True)

    def __attrs_post_init__(self) -> None:
        given = [name for name in USES if getattr(self, name) is not NOT_GIVEN]
        problem = many(given) if len(given) != 1 else CHECKS[given[0]](self)
        if not problem and self.inject is not None and given != ["use_factory"]:
            problem = "has inject, which goes with use_factory; for a class write use_factory=TheClass, inject=[...]"
        if problem:
            raise DeclarationError(f"Provider({shown(self.token)}) {problem}")

    @property
    def way(self) -> str:
        """Which of the four ways it is: ``use_value`` and so on."""
        return next(name for name in USES if getattr(self, name) is not NOT_GIVEN)

    def __repr__(self) -> str:
        value = "..." if self.way == "use_value" else shown(getattr(self, self.way))  # a value may be secret
        return f"Provider({shown(self.token)}, {self.way}={value})"


def many(given: list[str]) -> str:
    """What is wrong where none or several ways are given."""
    return f"needs exactly one of {', '.join(USES)}; got {' and '.join(given) or 'none'}"


def bad_class(provider: Provider) -> str:
    """What is wrong with ``use_class``."""
    cls = provider.use_class
    if not is_class(cls):
        return f"has use_class={shown(cls)}, which is no class; write use_factory= or use_value="
    if inspect.isabstract(cls):
        return f"has use_class={shown(cls)}, which is abstract; write a class that has all its methods"
    return ""


def bad_factory(provider: Provider) -> str:
    """What is wrong with ``use_factory``: it must take what ``inject`` names."""
    factory = provider.use_factory
    if not callable(factory):
        return f"has use_factory={shown(factory)}, which can't be called; write use_value="
    try:
        inspect.signature(factory).bind(*provider.inject or ())
    except TypeError as error:
        return "" if provider.inject is None else f"has a use_factory that does not take what inject names: {error}"
    except ValueError:  # some built-in functions don't tell what they take
        return ""
    return ""


def bad_existing(provider: Provider) -> str:
    """What is wrong with ``use_existing``."""
    other = token_like(provider.use_existing)
    return "stands for itself; use_existing names another token" if other == provider.token else ""


CHECKS: dict[str, Callable[[Provider], str]] = {
    "use_class": bad_class,
    "use_value": lambda _: "",
    "use_factory": bad_factory,
    "use_existing": bad_existing,
}
