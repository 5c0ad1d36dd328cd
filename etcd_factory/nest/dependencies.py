"""Dependencies of classes and functions, and the tokens of their results, read from annotations."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Hashable
from functools import partial
from typing import Annotated, Union, get_args, get_origin, get_type_hints

from attrs import evolve, frozen

from .errors import DeclarationError, display_name
from .providers import NOT_GIVEN, Provider
from .tokens import Inject, is_class

EMPTY = inspect.Parameter.empty
KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
NOTHING: object = types.NoneType
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

Factory = Callable[..., object]


@frozen
class Dependency:
    """One parameter to inject: its token, its name, and its default if no provider is visible."""

    token: Hashable
    name: str
    default: object = NOT_GIVEN
    is_keyword: bool = False
    is_forward: bool = False


def dependencies_of(provider: Provider) -> tuple[Dependency, ...]:
    """Return what must be built before the provider's value."""
    if provider.kind == "use_existing":
        return (Dependency(provider.use_existing, "use_existing"),)
    if provider.use_class is not NOT_GIVEN:
        return parameters_of(provider.use_class)
    factory = provider.use_factory
    if factory is NOT_GIVEN:
        return ()
    if provider.inject is None:
        return parameters_of(factory)
    return tuple(injection(factory, index, entry) for index, entry in enumerate(provider.inject))


def injection(factory: Factory, index: int, entry: Inject) -> Dependency:
    """Return one entry of ``inject=[...]``; the default of an optional one is the parameter's own, else None."""
    name = f"inject[{index}]"
    if not entry.optional:
        return Dependency(entry.resolve(), name, is_forward=entry.is_forward)
    defaults: list[object] = [one.default for one in signature(factory) if one.kind is not KEYWORD_ONLY]
    default = defaults[index] if index < len(defaults) else EMPTY
    return Dependency(entry.resolve(), name, None if default is EMPTY else default, is_forward=entry.is_forward)


def parameters_of(call: Factory) -> tuple[Dependency, ...]:
    """Return the annotated parameters of a class or function, and those without a default."""
    parameters = signature(call)
    hints = type_hints(call) if parameters else {}
    return tuple(dependency(call, one, hints) for one in parameters if one.name in hints or one.default is EMPTY)


def signature(call: Factory) -> list[inspect.Parameter]:
    """Return the parameters that can be injected; none for built-in functions without a signature."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except ValueError:
        return []
    bound = call.keywords if isinstance(call, partial) else {}
    return [one for one in parameters if one.kind not in VARIADIC and one.name not in bound]


def dependency(call: Factory, parameter: inspect.Parameter, hints: dict[str, object]) -> Dependency:
    """Return one parameter as a dependency; raises ``DeclarationError`` if it has no annotation."""
    if parameter.name not in hints:
        name = display_name(call)
        raise DeclarationError(
            f"parameter {parameter.name!r} of {name} has no annotation; annotate it with its class or "
            f"Annotated[..., Inject(token)], or declare Provider(..., use_factory={name}, inject=[...])"
        )
    inject = injection_in(hints[parameter.name])
    default: object = parameter.default
    if default is EMPTY:
        default = None if inject.optional else NOT_GIVEN
    is_keyword = parameter.kind is KEYWORD_ONLY
    return Dependency(inject.resolve(), parameter.name, default, is_keyword, inject.is_forward)


def injection_in(hint: object) -> Inject:
    """Return the token of an annotation: ``Annotated[T, Inject(token)]``, else ``T``; optional if ``| None``."""
    inject: Inject | None = None
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *marks = get_args(hint)
            inject = inject or next((mark for mark in marks if isinstance(mark, Inject)), None)
        elif is_optional(hint):
            optional, hint = True, next(one for one in get_args(hint) if one is not types.NoneType)
        else:
            inject = inject or Inject(hint)
            return evolve(inject, optional=inject.optional or optional)


def is_optional(hint: object) -> bool:
    """Whether an annotation is ``T | None``."""
    parts = get_args(hint)
    return get_origin(hint) in (Union, types.UnionType) and len(parts) == 2 and types.NoneType in parts


def return_token(factory: Factory) -> Hashable:
    """Return the token of a function listed in ``providers``: what its annotation says that it returns or yields."""
    hint: object = type_hints(factory).get("return", types.NoneType)
    if inspect.isgeneratorfunction(factory) or inspect.isasyncgenfunction(factory):
        hint = next(iter(get_args(hint)), types.NoneType)
    token = injection_in(hint).token
    if token is NOTHING:
        name = display_name(factory)
        raise DeclarationError(
            f"{name} has no return annotation to take its token from; add one, or declare "
            f"Provider(token, use_factory={name})"
        )
    return token


def type_hints(call: Factory) -> dict[str, object]:
    """Return the evaluated annotations; raises ``DeclarationError`` if one cannot be evaluated."""
    function = annotated_function(call)
    try:
        return get_type_hints(function, globalns=namespace(call, function), include_extras=True)
    except Exception as error:  # an annotation may be any expression
        name = display_name(call)
        raise DeclarationError(
            f"cannot evaluate the annotations of {name}: {error}; import what they name at run time, not only for type "
            f"checking, or declare Provider(..., use_factory={name}, inject=[...])"
        ) from error


def annotated_function(call: Factory) -> Factory:
    """Return the function that carries the annotations of a class, a partial or a callable object."""
    if isinstance(call, partial):
        return annotated_function(call.func)
    if is_class(call):
        return call.__init__ if call.__init__ is not object.__init__ else call.__new__
    return call if inspect.isroutine(call) else type(call).__call__


def namespace(call: Factory, function: Factory) -> dict[str, object]:
    """Return the names that annotations may use.

    For a class this includes the globals of the modules of its bases, which may have written some annotations.
    """
    names: dict[str, object] = {}
    for base in reversed(call.__mro__) if is_class(call) else ():
        names |= getattr(sys.modules.get(base.__module__), "__dict__", {})  # a module of runpy is not in sys.modules
    return names | getattr(inspect.unwrap(function), "__globals__", {})
