"""``ConfigurableModule``: modules with options of one class, typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar, get_args, get_origin

from .async_options import AsyncOptions
from .errors import DeclarationError
from .module_options import Values, read_options
from .modules import DynamicModule, Import
from .providers import Provider
from .tokens import Token, is_class

O = TypeVar("O")  # noqa: E741
O_co = TypeVar("O_co", covariant=True)

OptionsResult: TypeAlias = O | Values | Awaitable[O | Values]


class OptionsFactory(Protocol[O_co]):
    """A class whose ``create`` returns the options of a module."""

    def create(self) -> OptionsResult[O_co]:
        """Return the options, or a mapping of them; may be ``async``."""
        ...


OptionsSource: TypeAlias = type[OptionsFactory[O]] | Token[OptionsFactory[O]] | str


class ConfigurableModule(Generic[O]):
    """A module with options: ``class CacheModule(ConfigurableModule[CacheOptions])``, decorated with ``@module``.

    Its providers request the options by their class. By convention ``for_root`` configures a module once for many
    places, and ``register`` configures it for the importing module; equal options are shared in both. A mapping is
    accepted in place of an options object. Unknown and missing entries raise ``ConfigError`` immediately.
    """

    options_class: ClassVar[type[Any] | None] = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if is_class(origin) and issubclass(origin, ConfigurableModule) and origin.options_class is None:
                argument = get_args(base)[0]
                cls.options_class = argument if is_class(argument) else None

    @classmethod
    def read_options(cls, options: O | Values | None) -> O:
        """Return the options from what the user gave; override it to read a mapping in another way."""
        return read_options(cls._token(), options)

    @classmethod
    def for_root(
        cls, options: O | Values | None = None, *, is_global: bool = False, name: str | None = None
    ) -> DynamicModule:
        """Return this module with options, by default those of the options class.

        Raises ``ConfigError`` if the options are invalid.
        """
        return cls._with_options(options, is_global, name)

    @classmethod
    def register(cls, options: O | Values | None = None, *, name: str | None = None) -> DynamicModule:
        """Return this module with options for the importing module; the same as ``for_root``, never global."""
        return cls._with_options(options, False, name)

    @classmethod
    def for_root_async(
        cls,
        *,
        use_factory: Callable[..., OptionsResult[O]] | None = None,
        inject: Iterable[object] | None = None,
        use_class: type[OptionsFactory[O]] | None = None,
        use_existing: OptionsSource[O] | None = None,
        imports: Iterable[Import] = (),
        is_global: bool = False,
        name: str | None = None,
    ) -> DynamicModule:
        """Return this module with options computed when the application starts; see ``AsyncOptions``."""
        options = AsyncOptions(
            use_factory=use_factory, inject=inject, use_class=use_class, use_existing=use_existing, imports=imports
        )
        return cls._with_async_options(options, is_global, name)

    @classmethod
    def register_async(
        cls,
        *,
        use_factory: Callable[..., OptionsResult[O]] | None = None,
        inject: Iterable[object] | None = None,
        use_class: type[OptionsFactory[O]] | None = None,
        use_existing: OptionsSource[O] | None = None,
        imports: Iterable[Import] = (),
        name: str | None = None,
    ) -> DynamicModule:
        """Return this module with options for the importing module, computed when the application starts."""
        options = AsyncOptions(
            use_factory=use_factory, inject=inject, use_class=use_class, use_existing=use_existing, imports=imports
        )
        return cls._with_async_options(options, False, name)

    @classmethod
    def _with_options(cls, options: O | Values | None, is_global: bool, name: str | None) -> DynamicModule:
        provider = Provider(cls._token(), use_value=cls.read_options(options))
        return DynamicModule(cls, providers=[provider], is_global=is_global, name=name)

    @classmethod
    def _with_async_options(cls, options: AsyncOptions, is_global: bool, name: str | None) -> DynamicModule:
        providers = options.providers(cls._token(), "create", cls.read_options)
        return DynamicModule(cls, imports=options.imports, providers=providers, is_global=is_global, name=name)

    @classmethod
    def _token(cls) -> type[O]:
        if cls.options_class is None:
            name = cls.__name__
            raise DeclarationError(f"{name} has no options class; write class {name}(ConfigurableModule[Options])")
        return cls.options_class
