"""What one writes to make a module; checked when it is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from .errors import DeclarationError, shown
from .providers import Provider
from .tokens import is_class, is_function, listed, token_like

C = TypeVar("C", bound=type[Any])

ModuleRef: TypeAlias = "type[Any] | DynamicModule"
Import: TypeAlias = "type[Any] | DynamicModule | Callable[[], type[Any] | DynamicModule]"
Entry: TypeAlias = "type[Any] | Provider | Callable[..., Any]"

MARK = "__nest_module__"


def is_module(value: object) -> bool:
    """Whether ``value`` is a class with ``@module``."""
    return is_class(value) and hasattr(value, MARK)


def module_class(value: Any) -> Any:
    """A class with ``@module``."""
    if not is_module(value):
        raise DeclarationError(f"{shown(value)} is no module; write @module() above the class")
    return value


def module_like(value: Any) -> Any:
    """A module as it may stand in ``imports``: a class, a dynamic one, or a function that gives one of these later."""
    if isinstance(value, DynamicModule) or is_module(value) or is_later(value):
        return value
    raise DeclarationError(f"imports has {shown(value)}, {not_module(value)}")


def is_later(value: object) -> bool:
    """Whether ``value`` is a function that can be called as it is."""
    return is_function(value) and all(one.default is not one.empty for one in signature(value).parameters.values())


def not_module(value: object) -> str:
    """Why that is no module, and what to write."""
    if inspect.iscoroutine(value):
        value.close()
        return "which has to be awaited; await it first, or let it be a plain function"
    if is_class(value):
        return "which is no module; write @module() above it, or put it into providers"
    if callable(value):
        return "which is not called yet; write parentheses behind it"
    return "which is no module; write a class with @module(), or what its for_root(...) gives"


def provider_like(value: Any) -> Any:
    """A provider as it may stand in ``providers``: a class for itself, ``Provider``, an annotated function."""
    if isinstance(value, DynamicModule) or is_module(value):
        raise DeclarationError(f"providers has {shown(value)}, which is a module; put it into imports")
    if isinstance(value, Provider) or is_function(value):
        return value
    if not is_class(value):
        raise DeclarationError(f"providers has {shown(value)}; write Provider({shown(value)}, use_...=...)")
    return Provider(value, use_class=value)


def export_like(value: Any) -> Any:
    """An export as it may stand in ``exports``: a token or its provider, or an imported module."""
    if isinstance(value, DynamicModule):
        return value.module
    return value.token if isinstance(value, Provider) else value if is_function(value) else token_like(value)


def name_like(value: str | None) -> str | None:
    """A module's own name, if it has one."""
    if value == "":
        raise DeclarationError("the name of a module is empty; leave it out, or give it letters")
    return value


def read_imports(value: Iterable[Import]) -> tuple[Any, ...]:
    """What stands in ``imports``."""
    return tuple(module_like(one) for one in listed("imports", value))


def read_providers(value: Iterable[Entry]) -> tuple[Any, ...]:
    """What stands in ``providers``."""
    return tuple(provider_like(one) for one in listed("providers", value))


def read_exports(value: Iterable[Any]) -> tuple[Any, ...]:
    """What stands in ``exports``."""
    return tuple(export_like(one) for one in listed("exports", value))


@frozen
class Metadata:
    """What ``@module`` says of a class."""

    imports: tuple[Any, ...] = field(default=(), converter=read_imports, kw_only=True)
    providers: tuple[Any, ...] = field(default=(), converter=read_providers, kw_only=True)
    exports: tuple[Any, ...] = field(default=(), converter=read_exports, kw_only=True)
    is_global: bool = field(default=False, kw_only=True)


@frozen
class DynamicModule(Metadata):
    """A module made at run time, to stand in ``imports``: a class with ``@module``, and what is added to it.

    ``name`` is what the module is called in messages, in ``select`` and as a dishka component. One that
    ``is_transient`` is never shared with an equal one.
    """

    module: type[Any] = field(converter=module_class)
    name: str | None = field(default=None, converter=name_like, kw_only=True)
    is_transient: bool = field(default=False, kw_only=True)


def module(
    *,
    imports: Iterable[Import] = (),
    providers: Iterable[Entry] = (),
    exports: Iterable[Any] = (),
    is_global: bool = False,
) -> Callable[[C], C]:
    """Make a class a module.

    What is in ``providers`` is seen in this module; what it also ``exports`` is seen where the module is imported, or
    everywhere if it ``is_global``. A provider is a class, a ``Provider``, or a function whose annotations tell what it
    needs and gives. An import is a module, what a ``for_root(...)`` gives, or, where two modules import one another,
    a function that gives the other: ``lambda: Other``. To export an imported module passes on what it exports.
    """
    written = Metadata(imports=imports, providers=providers, exports=exports, is_global=is_global)

    def mark(cls: C) -> C:
        if not is_class(cls):
            raise DeclarationError(f"@module() stands above a class, not {shown(cls)}")
        setattr(cls, MARK, written)
        return cls

    return mark


def metadata_of(cls: type[Any]) -> Metadata:
    """What ``@module`` says of the class."""
    written: Metadata = getattr(cls, MARK)
    return written
