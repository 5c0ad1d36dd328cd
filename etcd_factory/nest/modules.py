"""``@module`` and ``DynamicModule``: how modules are declared. Checked when declared."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable
from types import FunctionType
from typing import TypeAlias, TypeGuard, TypeVar

from attrs import field, frozen
from typing_extensions import TypeIs

from .errors import DeclarationError, display_name
from .providers import Provider
from .tokens import ForwardReference, as_token, as_tuple, is_class, is_function

C = TypeVar("C", bound=type[object])

ModuleLike: TypeAlias = "type[object] | DynamicModule"
ForwardRef: TypeAlias = "Callable[[], type[object] | DynamicModule]"
Import: TypeAlias = "type[object] | DynamicModule | Callable[[], type[object] | DynamicModule]"
ImportLike: TypeAlias = "Import | ForwardReference"
ProviderLike: TypeAlias = "type[object] | Provider | Callable[..., object]"

METADATA = "__nest_module__"


def is_module(value: object) -> TypeIs[type[object]]:
    """Whether ``value`` is a class decorated with ``@module``, or a subclass of one."""
    return is_class(value) and hasattr(value, METADATA)


def as_module_class(value: type[object]) -> type[object]:
    """Return ``value`` if it is a class decorated with ``@module``; raises ``DeclarationError``."""
    if is_module(value):
        return value
    raise not_a_module(value)


def not_a_module(value: object) -> DeclarationError:
    """Return the error for a value where a module is required."""
    return DeclarationError(f"{display_name(value)} is not a module; decorate the class with @module()")


def is_forward_ref(value: object) -> TypeGuard[ForwardRef]:
    """Whether ``value`` is a function that can be called without arguments."""
    return is_function(value) and all(
        parameter.default is not parameter.empty for parameter in inspect.signature(value).parameters.values()
    )


def as_import(value: object) -> Import:
    """Return an entry of ``imports``: a module class, a dynamic module, or a function that returns one later."""
    if isinstance(value, ForwardReference):
        return as_import(value.function)
    if isinstance(value, DynamicModule) or is_module(value) or is_forward_ref(value):
        return value
    raise DeclarationError(f"imports contains {display_name(value)}, {not_importable(value)}")


def not_importable(value: object) -> str:
    """Describe why a value cannot be imported, and what to write instead."""
    if inspect.iscoroutine(value):
        value.close()
        return "which is a coroutine; await it first, or make the function synchronous"
    if is_class(value):
        return "which is not a module; decorate it with @module(), or move it to providers"
    if callable(value):
        return "which is not called; add parentheses"
    return "which is not a module; use a class decorated with @module(), or the result of its for_root(...)"


def as_provider(value: object) -> Provider | FunctionType:
    """Return an entry of ``providers``; a class provides itself.

    A function stays one: its annotations are read later, since they may name classes that are not defined yet.
    """
    if isinstance(value, DynamicModule) or is_module(value):
        raise DeclarationError(f"providers contains {display_name(value)}, which is a module; move it to imports")
    if isinstance(value, Provider) or is_function(value):
        return value
    if is_class(value):
        return Provider(value, use_class=value)
    name = display_name(value)
    raise DeclarationError(f"providers contains {name}; use a class, a function or Provider({name}, use_...=...)")


def as_export(value: object) -> Hashable:
    """Return an entry of ``exports`` as a token, a module class, or a function that is listed in ``providers``."""
    if isinstance(value, DynamicModule):
        return as_token(value.module)
    if isinstance(value, Provider):
        return value.token
    return value if is_function(value) else as_token(value)


def as_name(value: str | None) -> str | None:
    """Return the name of a dynamic module, which must not be empty."""
    if value == "":
        raise DeclarationError("the name of a dynamic module is empty; leave it out, or set one")
    return value


def as_imports(values: Iterable[ImportLike]) -> tuple[Import, ...]:
    """Return the checked entries of ``imports``."""
    return tuple(map(as_import, as_tuple("imports", values)))


def as_providers(values: Iterable[ProviderLike]) -> tuple[Provider | FunctionType, ...]:
    """Return the checked entries of ``providers``."""
    return tuple(map(as_provider, as_tuple("providers", values)))


def as_exports(values: Iterable[object]) -> tuple[Hashable, ...]:
    """Return the checked entries of ``exports``."""
    return tuple(map(as_export, as_tuple("exports", values)))


@frozen
class Metadata:
    """What ``@module`` declares for a class."""

    imports: tuple[Import, ...] = field(default=(), converter=as_imports, kw_only=True)
    providers: tuple[Provider | FunctionType, ...] = field(default=(), converter=as_providers, kw_only=True)
    exports: tuple[Hashable, ...] = field(default=(), converter=as_exports, kw_only=True)
    is_global: bool = field(default=False, kw_only=True)


@frozen
class DynamicModule(Metadata):
    """A module created at run time, for ``imports``: a class decorated with ``@module``, and what is added to it.

    ``name`` identifies the module in messages, in ``select`` and as a dishka component; by default it is the name of
    the class. A module that ``is_transient`` is never shared with an equal one. Raises ``DeclarationError``.
    """

    module: type[object] = field(converter=as_module_class)
    name: str | None = field(default=None, converter=as_name, kw_only=True)
    is_transient: bool = field(default=False, kw_only=True)


class DecidedLate(ABC):
    """A module class whose dynamic modules depend on the providers of all other modules of the application."""

    @classmethod
    @abstractmethod
    def decide(cls, definition: DynamicModule, providers: Iterable[Provider]) -> DynamicModule:
        """Return what the module really is."""


def module(
    *,
    imports: Iterable[ImportLike] = (),
    providers: Iterable[ProviderLike] = (),
    exports: Iterable[object] = (),
    is_global: bool = False,
) -> Callable[[C], C]:
    """Declare a class as a module.

    Providers are visible in their module. If also in ``exports``, they are visible where the module is imported, or
    everywhere if it ``is_global``. A provider is a class, a ``Provider``, or a function whose annotations name its
    dependencies and its result. An import is a module class, the result of a ``for_root(...)``, or, for circular
    imports, a function that returns the other module: ``lambda: Other``, or ``forward_ref(lambda: Other)``. Exporting
    an imported module re-exports what it exports. Raises ``DeclarationError``.
    """
    metadata = Metadata(imports=imports, providers=providers, exports=exports, is_global=is_global)

    def decorate(cls: C) -> C:
        if not is_class(cls):
            raise DeclarationError(f"@module() decorates a class, not {display_name(cls)}")
        setattr(cls, METADATA, metadata)
        return cls

    return decorate


def metadata_of(cls: type[object]) -> Metadata:
    """Return what ``@module`` declared for the class."""
    metadata: Metadata = getattr(cls, METADATA)
    return metadata
