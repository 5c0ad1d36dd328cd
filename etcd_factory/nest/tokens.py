"""What providers are asked by: classes, texts and typed tokens."""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen
from typing_extensions import TypeIs

from .errors import DeclarationError, shown

T_co = TypeVar("T_co", covariant=True)


@frozen(eq=False)
class Token(Generic[T_co]):
    """A typed name for what is no class of its own: ``CLIENT = Token[Client]("CLIENT")``.

    Two tokens are two, whatever their names. A plain text is a token too: untyped, and equal by its letters.
    """

    name: str

    def __repr__(self) -> str:
        return f"Token({self.name!r})"


def is_class(value: object) -> TypeIs[type[Any]]:
    """Whether ``value`` is a class; ``list[int]`` is none, though Python 3.10 says so."""
    return isinstance(value, type) and not isinstance(value, types.GenericAlias)


def is_function(value: object) -> TypeIs[Callable[..., Any]]:
    """Whether ``value`` is a function of Python's own kind, a ``lambda`` among them."""
    return isinstance(value, types.FunctionType)


def token_like(value: Any) -> Hashable:
    """A value that may stand for a provider."""
    if value is None or not isinstance(value, Hashable) or is_function(value):
        raise DeclarationError(f"a token is a class, a text or a Token; got {shown(value)}")
    return value


def listed(what: str, value: Iterable[Any]) -> tuple[Any, ...]:
    """The entries of a list; a text or a single entry is a slip."""
    single: Any = value
    if isinstance(single, (str, bytes, Mapping)) or not isinstance(single, Iterable):
        raise DeclarationError(f"{what} is a list; write {what}=[...]")
    return tuple(value)


@frozen
class Inject:
    """Says by which token a parameter is filled: ``client: Annotated[Client, Inject(CLIENT)]``.

    It may stand in ``inject=[...]`` as well. Where nobody provides an ``optional`` one, it is the parameter's default,
    else None.
    """

    token: Hashable = field(converter=token_like)
    optional: bool = field(default=False, kw_only=True)

    @classmethod
    def of(cls, given: Any) -> Inject:
        """An entry of ``inject=[...]``: a token, or this."""
        return given if isinstance(given, cls) else cls(given)
