"""Tokens, by which providers are requested: classes, strings and typed ``Token`` objects."""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen
from typing_extensions import TypeIs

from .errors import DeclarationError, display_name

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@frozen(eq=False)
class Token(Generic[T_co]):
    """A typed token for a value without a class of its own: ``CLIENT = Token[Client]("CLIENT")``.

    Two ``Token`` objects are different, whatever their names. A string is a token too: untyped, and compared by value.
    """

    name: str

    def __repr__(self) -> str:
        return f"Token({self.name!r})"


REQUEST = Token[Any]("REQUEST")  # the object that a context was opened for


@frozen
class ForwardReference:
    """A token or a module that a function names later; see ``forward_ref``."""

    function: Callable[[], object]


def forward_ref(function: Callable[[], object]) -> ForwardReference:
    """Name a class that is defined later, or that injects the injecting class itself: ``forward_ref(lambda: Other)``.

    For ``Inject(...)`` and ``inject=[...]``, and for ``imports``. One reference is enough to close a circle of
    providers, which must all be classes: their objects are created first and initialized after that, so a constructor
    may keep what it receives, but not use it. Raises ``DeclarationError``.
    """
    if not is_function(function):
        name = display_name(function)
        raise DeclarationError(f"forward_ref({name}): use a function that returns it: forward_ref(lambda: {name})")
    return ForwardReference(function)


def is_class(value: object) -> TypeIs[type[object]]:
    """Whether ``value`` is a class; ``list[int]`` is not, although it passes ``isinstance`` on Python 3.10."""
    return isinstance(value, type) and not isinstance(value, types.GenericAlias)


def is_function(value: object) -> TypeIs[types.FunctionType]:
    """Whether ``value`` is a function written in Python, which includes ``lambda``."""
    return isinstance(value, types.FunctionType)


def as_token(value: object) -> Hashable:
    """Return ``value`` if it can be a token; raises ``DeclarationError``."""
    if value is None or not isinstance(value, Hashable) or is_function(value) or isinstance(value, ForwardReference):
        raise DeclarationError(f"invalid token {display_name(value)}; use a class, a string or a Token")
    return value


def as_tuple(name: str, values: Iterable[T]) -> tuple[T, ...]:
    """Return the entries of a list; refuses a string, a mapping or a single entry, which are typical mistakes."""
    if not is_listing(values):
        raise DeclarationError(f"{name} must be a list, not {type(values).__name__}; write {name}=[...]")
    return tuple(values)


def is_listing(value: object) -> bool:
    """Whether ``value`` is iterable and neither text nor a mapping."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def as_injected(value: object) -> Hashable:
    """Return ``value`` if it can be a token, or a reference to one."""
    return value if isinstance(value, ForwardReference) else as_token(value)


@frozen
class Inject:
    """Set the token that a parameter is resolved by: ``client: Annotated[Client, Inject(CLIENT)]``.

    Also valid as an entry of ``inject=[...]``. If ``optional`` and no provider is visible, the parameter gets its
    default, or None if it has none.
    """

    token: Hashable = field(converter=as_injected)
    optional: bool = field(default=False, kw_only=True)

    @property
    def is_forward(self) -> bool:
        """Whether a function names the token."""
        return isinstance(self.token, ForwardReference)

    def resolve(self) -> Hashable:
        """Return the token, of a forward reference by calling its function."""
        return as_token(self.token.function()) if isinstance(self.token, ForwardReference) else self.token

    @classmethod
    def of(cls, entry: object) -> Inject:
        """Return an entry of ``inject=[...]``, which may be a plain token, as ``Inject``."""
        return entry if isinstance(entry, cls) else cls(entry)
