"""What a class or a function needs and gives, read from its annotations."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from attrs import evolve, frozen

from .errors import DeclarationError, shown
from .providers import NOT_GIVEN, Provider
from .tokens import Inject, is_class

EMPTY = inspect.Parameter.empty
NAMED = inspect.Parameter.KEYWORD_ONLY
SWALLOWS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@frozen
class Need:
    """One parameter to be filled: by which token, and with what where nobody provides that."""

    token: Any
    name: str
    default: Any = NOT_GIVEN
    is_named: bool = False  # it is passed by name


def needs_of(provider: Provider) -> tuple[Need, ...]:
    """What has to be there before the provider's value can be made."""
    if provider.way == "use_existing":
        return (Need(provider.use_existing, "use_existing"),)
    if provider.way == "use_value":
        return ()
    if provider.inject is not None:
        return tuple(entry(provider.use_factory, i, one) for i, one in enumerate(provider.inject))
    return parameters(getattr(provider, provider.way))


def entry(factory: Callable[..., Any], index: int, given: Inject) -> Need:
    """One entry of ``inject=[...]``; an optional one is the parameter's own default, else None."""
    name = f"inject[{index}]"
    if not given.optional:
        return Need(given.token, name)
    own = [one.default for one in signature(factory) if one.kind is not NAMED]
    default = own[index] if index < len(own) else None
    return Need(given.token, name, None if default is EMPTY else default)


def parameters(call: Callable[..., Any]) -> tuple[Need, ...]:
    """What a class or a function takes, by its annotations."""
    found = signature(call)
    hints = hints_of(call) if found else {}
    return tuple(need(call, one, hints) for one in found if one.name in hints or one.default is EMPTY)


def signature(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that can be filled; some built-in functions don't tell theirs."""
    try:
        found = inspect.signature(call).parameters.values()
    except ValueError:
        return []
    filled = call.keywords if isinstance(call, partial) else {}
    return [one for one in found if one.kind not in SWALLOWS and one.name not in filled]


def need(call: Callable[..., Any], parameter: inspect.Parameter, hints: dict[str, Any]) -> Need:
    """One parameter, by its annotation."""
    if parameter.name not in hints:
        raise DeclarationError(
            f"{shown(call)} has a parameter {parameter.name!r} without an annotation; write its class, or "
            f"Annotated[..., Inject(token)], or Provider(..., use_factory={shown(call)}, inject=[...])"
        )
    asked = meant(hints[parameter.name])
    default = parameter.default
    if default is EMPTY:
        default = None if asked.optional else NOT_GIVEN
    return Need(asked.token, parameter.name, default, parameter.kind is NAMED)


def meant(hint: Any) -> Inject:
    """The token that an annotation means: ``Annotated[T, Inject(token)]``, else the class, optional if ``| None``."""
    found: Inject | None = None
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *marks = get_args(hint)
            found = found or next((one for one in marks if isinstance(one, Inject)), None)
        elif is_optional(hint):
            optional, hint = True, next(one for one in get_args(hint) if one is not types.NoneType)
        else:
            asked = found or Inject(hint)
            return evolve(asked, optional=asked.optional or optional)


def is_optional(hint: Any) -> bool:
    """Whether it is ``T | None``."""
    parts = get_args(hint)
    return get_origin(hint) in (Union, types.UnionType) and len(parts) == 2 and types.NoneType in parts


def given_by(factory: Callable[..., Any]) -> Any:
    """The token of a function that stands in ``providers`` by itself: what it says to return or to yield."""
    hint = hints_of(factory).get("return", types.NoneType)
    if inspect.isgeneratorfunction(factory) or inspect.isasyncgenfunction(factory):
        hint = next(iter(get_args(hint)), types.NoneType)
    token: Any = meant(hint).token
    if token is types.NoneType:
        raise DeclarationError(
            f"{shown(factory)} does not say what it gives; write its return annotation, "
            f"or Provider(token, use_factory={shown(factory)})"
        )
    return token


def hints_of(call: Callable[..., Any]) -> dict[str, Any]:
    """The annotations as types."""
    body = body_of(call)
    try:
        return get_type_hints(body, globalns=names(call, body), include_extras=True)
    except Exception as error:  # an annotation is any expression
        raise DeclarationError(
            f"the annotations of {shown(call)} can't be read: {error}; what they name has to be there at run time, "
            f"or write Provider(..., use_factory={shown(call)}, inject=[...])"
        ) from error


def body_of(call: Any) -> Any:
    """The function that has the annotations."""
    if isinstance(call, partial):
        return body_of(call.func)
    if is_class(call):
        return call.__init__ if call.__init__ is not object.__init__ else call.__new__
    return call if inspect.isroutine(call) else type(call).__call__


def names(call: Any, body: Any) -> dict[str, Any]:
    """What annotations may name: for a class, also what the modules of its bases know, which may have written them."""
    known: dict[str, Any] = {}
    for base in reversed(call.__mro__) if is_class(call) else ():
        known |= getattr(sys.modules.get(base.__module__), "__dict__", {})  # runpy's modules are not there
    return known | getattr(inspect.unwrap(body), "__globals__", {})
