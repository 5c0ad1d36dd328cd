"""Modules that take options of one class, as type checkers see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_args, get_origin

from .async_options import AsyncOptions
from .errors import DeclarationError
from .module_options import read_options
from .modules import DynamicModule
from .providers import Provider
from .tokens import Token, is_class

O = TypeVar("O")  # noqa: E741
O_co = TypeVar("O_co", covariant=True)


class OptionsFactory(Protocol[O_co]):
    """What gives a module's options."""

    def create(self) -> O_co | Mapping[str, Any] | Awaitable[O_co | Mapping[str, Any]]:
        """The options."""
        ...


class ConfigurableModule(Generic[O]):
    """A module that is made with options: ``class CacheModule(ConfigurableModule[CacheOptions])``, with ``@module``.

    Its providers ask for the options by their class. ``for_root`` is meant for one configuration that is used in many
    places, ``register`` for one of the importing module's own; equal ones are shared in both. Instead of options there
    may be a mapping of what their class takes; what it does not take is ``ConfigError`` at once.
    """

    options_class: ClassVar[Any] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if is_class(origin) and issubclass(origin, ConfigurableModule) and not is_class(origin.options_class):
                cls.options_class = get_args(base)[0]

    @classmethod
    def read_options(cls, given: Any) -> O:
        """The options from what was given; override it where a mapping has to be read in another way."""
        options: O = read_options(cls._token(), given)
        return options

    @classmethod
    def for_root(
        cls, options: O | Mapping[str, Any] | None = None, *, is_global: bool = False, name: str | None = None
    ) -> DynamicModule:
        """This module with options; without any, with those that their class has by itself."""
        return cls._with(options, is_global, name)

    @classmethod
    def register(cls, options: O | Mapping[str, Any] | None = None, *, name: str | None = None) -> DynamicModule:
        """This module with options of the importing module's own."""
        return cls._with(options, False, name)

    @classmethod
    def for_root_async(
        cls,
        *,
        use_factory: Callable[..., O | Mapping[str, Any] | Awaitable[O | Mapping[str, Any]]] | None = None,
        inject: Iterable[Any] | None = None,
        use_class: type[OptionsFactory[O]] | None = None,
        use_existing: type[OptionsFactory[O]] | Token[OptionsFactory[O]] | str | None = None,
        imports: Iterable[Any] = (),
        is_global: bool = False,
        name: str | None = None,
    ) -> DynamicModule:
        """This module with options that come about when the application starts; ``AsyncOptions`` says how."""
        later = AsyncOptions(
            use_factory=use_factory, inject=inject, use_class=use_class, use_existing=use_existing, imports=imports
        )
        return cls._later(later, is_global, name)

    @classmethod
    def register_async(
        cls,
        *,
        use_factory: Callable[..., O | Mapping[str, Any] | Awaitable[O | Mapping[str, Any]]] | None = None,
        inject: Iterable[Any] | None = None,
        use_class: type[OptionsFactory[O]] | None = None,
        use_existing: type[OptionsFactory[O]] | Token[OptionsFactory[O]] | str | None = None,
        imports: Iterable[Any] = (),
        name: str | None = None,
    ) -> DynamicModule:
        """The same for options of the importing module's own."""
        later = AsyncOptions(
            use_factory=use_factory, inject=inject, use_class=use_class, use_existing=use_existing, imports=imports
        )
        return cls._later(later, False, name)

    @classmethod
    def _with(cls, options: Any, is_global: bool, name: str | None) -> DynamicModule:
        given = Provider(cls._token(), use_value=cls.read_options(options))
        return DynamicModule(cls, providers=[given], is_global=is_global, name=name)

    @classmethod
    def _later(cls, later: AsyncOptions, is_global: bool, name: str | None) -> DynamicModule:
        providers = later.providers(cls._token(), "create", cls.read_options)
        return DynamicModule(cls, imports=later.imports, providers=providers, is_global=is_global, name=name)

    @classmethod
    def _token(cls) -> Any:
        if not is_class(cls.options_class):
            name = cls.__name__
            raise DeclarationError(f"{name} has no options class; write class {name}(ConfigurableModule[Options])")
        return cls.options_class
