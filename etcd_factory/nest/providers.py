"""``Provider``: how a token is provided. Checked when declared; nothing is built here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable
from enum import Enum
from typing import Final, Literal, get_args

from attrs import field, frozen

from etcd_factory.errors import suggestion

from .errors import DeclarationError, display_name
from .tokens import Inject, as_token, as_tuple, is_class

ProviderKind = Literal["use_class", "use_value", "use_factory", "use_existing"]

Scope = Literal["default", "transient", "request"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
UNSCOPED: tuple[ProviderKind, ...] = ("use_value", "use_existing")

KINDS: tuple[ProviderKind, ...] = ("use_class", "use_value", "use_factory", "use_existing")


class NotGiven(Enum):
    """Marks an omitted argument, since None is a valid value. An enum, so that type checkers narrow ``is``."""

    NOT_GIVEN = "not given"


NOT_GIVEN: Final = NotGiven.NOT_GIVEN


def as_injections(entries: Iterable[object] | None) -> tuple[Inject, ...] | None:
    """Return the tokens of a factory's parameters; None if its annotations name them."""
    return None if entries is None else tuple(Inject.of(entry) for entry in as_tuple("inject", entries))


@frozen
class Provider:
    """How a token is provided, in exactly one of four ways.

    ``use_class``: an instance of the class. ``use_value``: the value, which may be None. ``use_factory``: the result of
    the function, which may be ``async``, or a generator whose code after ``yield`` runs when the application stops.
    ``inject`` lists the tokens of the factory's parameters in order; by default its annotations name them.
    ``use_existing``: an alias of another token that the module sees.

    ``scope``: ``"default"`` is one instance, built when the application starts. ``"transient"`` is a new one for each
    consumer. ``"request"`` is one for each context, in dishka's scope ``REQUEST``; whatever depends on it has that
    scope too. An alias has the scope of its target. Raises ``DeclarationError``.
    """

    token: Hashable = field(converter=as_token)
    use_class: type[object] | NotGiven = field(default=NOT_GIVEN, kw_only=True)
    use_value: object = field(default=NOT_GIVEN, kw_only=True)
    use_factory: Callable[..., object] | NotGiven = field(default=NOT_GIVEN, kw_only=True)
    use_existing: Hashable = field(default=NOT_GIVEN, kw_only=True, converter=as_token)
    inject: tuple[Inject, ...] | None = field(default=None, converter=as_injections, kw_only=True)
    scope: Scope = field(default="default", kw_only=True)

    def __attrs_post_init__(self) -> None:
        given: list[ProviderKind] = [kind for kind in KINDS if getattr(self, kind) is not NOT_GIVEN]
        problem = count_problem(given) if len(given) != 1 else CHECKS[given[0]](self) or scope_problem(self)
        if not problem and self.inject is not None and given != ["use_factory"]:
            problem = "inject is only valid with use_factory; for a class write use_factory=TheClass, inject=[...]"
        if problem:
            raise DeclarationError(f"Provider({display_name(self.token)}): {problem}")

    @property
    def kind(self) -> ProviderKind:
        """Which of the four ways is used: ``"use_value"`` and so on."""
        return next(kind for kind in KINDS if getattr(self, kind) is not NOT_GIVEN)

    def __repr__(self) -> str:
        # A value may be a secret.
        source = "..." if self.kind == "use_value" else display_name(getattr(self, self.kind))
        return f"Provider({display_name(self.token)}, {self.kind}={source})"


def count_problem(given: list[ProviderKind]) -> str:
    """Describe that none or several of the four ways are used."""
    return f"needs exactly one of {', '.join(KINDS)}; got {' and '.join(given) or 'none'}"


def scope_problem(provider: Provider) -> str:
    """Describe what is wrong with ``scope``; empty if nothing is."""
    if provider.scope not in SCOPES:
        near = suggestion(str(provider.scope), SCOPES)
        return f"invalid scope {provider.scope!r}; use one of {', '.join(map(repr, SCOPES))}{near}"
    if provider.scope != "default" and provider.kind in UNSCOPED:
        return f"scope is only valid with use_class and use_factory, not with {provider.kind}"
    return ""


def class_problem(provider: Provider) -> str:
    """Describe what is wrong with ``use_class``; empty if nothing is."""
    cls = provider.use_class
    if not is_class(cls):
        return f"use_class={display_name(cls)} is not a class; use use_factory or use_value"
    if inspect.isabstract(cls):
        return f"use_class={display_name(cls)} is abstract; use a concrete subclass"
    return ""


def factory_problem(provider: Provider) -> str:
    """Describe what is wrong with ``use_factory``, which must accept the arguments listed in ``inject``."""
    factory = provider.use_factory
    if not callable(factory):
        return f"use_factory={display_name(factory)} is not callable; use use_value"
    if provider.inject is None:
        return ""
    try:
        inspect.signature(factory).bind(*provider.inject)
    except TypeError as error:
        return f"use_factory={display_name(factory)} does not accept the arguments listed in inject: {error}"
    except ValueError:  # some built-in functions have no signature
        return ""
    return ""


def alias_problem(provider: Provider) -> str:
    """Describe what is wrong with ``use_existing``."""
    if provider.use_existing == provider.token:
        return "use_existing names the provider's own token; name another one"
    return ""


CHECKS: dict[ProviderKind, Callable[[Provider], str]] = {
    "use_class": class_problem,
    "use_value": lambda _: "",
    "use_factory": factory_problem,
    "use_existing": alias_problem,
}
