"""Nest's builder of configurable modules, for those who want its names; ``ConfigurableModule`` is the typed way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from attrs import evolve, field, frozen

from etcd_factory.options.fields import is_mapping
from etcd_factory.options.names import HUMP

from .errors import DeclarationError
from .later import AsyncOptions
from .metadata import DynamicModule
from .providers import Provider
from .reading import entries_of, read_options
from .tokens import Token

Transform = Callable[[DynamicModule, Mapping[str, Any]], DynamicModule]


class Built(NamedTuple):
    """What ``build()`` gives, under Nest's names.

    Derive a module from ``ConfigurableModuleClass``; its providers ask for the options by ``MODULE_OPTIONS_TOKEN``. The
    two types are the options class, and what ``register_async`` takes.
    """

    ConfigurableModuleClass: Any
    MODULE_OPTIONS_TOKEN: Any
    OPTIONS_TYPE: Any
    ASYNC_OPTIONS_TYPE: type[AsyncOptions]


def unchanged(definition: DynamicModule, _: Mapping[str, Any]) -> DynamicModule:
    """What extras do unless told."""
    return definition


def method_name(value: str) -> str:
    """A name that a method can have."""
    if not value.isidentifier():
        raise DeclarationError(f"{value!r} can't be the name of a method")
    return value


@frozen
class ConfigurableModuleBuilder:
    """Builds a class with ``register`` and ``register_async``, which a module derives from.

    ``options_class``: what options are turned into; without one they are passed on as they are. ``module_name`` is for
    messages. ``always_transient``: equal calls are not shared. Each ``set_...`` gives a new builder.
    """

    options_class: type[Any] | None = None
    module_name: str | None = field(default=None, kw_only=True)
    options_injection_token: Any = field(default=None, kw_only=True)
    always_transient: bool = field(default=False, kw_only=True)
    class_method_name: str = field(default="register", converter=method_name, kw_only=True)
    factory_method_name: str = field(default="create", converter=method_name, kw_only=True)
    extras: Mapping[str, Any] = field(factory=dict[str, Any], converter=dict, kw_only=True)
    transform: Transform = field(default=unchanged, kw_only=True)

    def set_class_method_name(self, name: str) -> ConfigurableModuleBuilder:
        """``"for_root"`` gives ``for_root`` and ``for_root_async`` instead of ``register`` and its twin."""
        return evolve(self, class_method_name=name)

    def set_factory_method_name(self, name: str) -> ConfigurableModuleBuilder:
        """The method by which ``use_class`` and ``use_existing`` are asked for the options, instead of ``create``."""
        return evolve(self, factory_method_name=name)

    def set_extras(self, extras: Mapping[str, Any], transform: Transform = unchanged) -> ConfigurableModuleBuilder:
        """Options for the module and not for its providers, with their defaults; ``transform`` puts them to work.

        ``set_extras({"is_global": True}, lambda definition, extras: attrs.evolve(definition, **extras))``.
        """
        return evolve(self, extras=extras, transform=transform)

    def build(self) -> Built:
        """The class, the token that is this class's own, and the types."""
        token = self.options_injection_token
        recipe = Recipe(self, Token(token_name(self.module_name)) if token is None else token)
        name = self.class_method_name
        made = type("ConfigurableModuleClass", (), {name: recipe.method(), f"{name}_async": recipe.async_method()})
        return Built(made, recipe.token, self.options_class or Mapping, AsyncOptions)


def token_name(module: str | None) -> str:
    """``CACHE_STORE_MODULE_OPTIONS`` for ``CacheStore``."""
    return "MODULE_OPTIONS" if module is None else f"{HUMP.sub('_', module).upper()}_MODULE_OPTIONS"


@frozen(eq=False)
class Recipe:
    """How the methods of one built class make a module."""

    builder: ConfigurableModuleBuilder
    token: Any

    def method(self) -> Any:
        """``register``, or what it is called."""

        def register(cls: type[Any], options: Any = None, /, **named: Any) -> DynamicModule:
            """This module with options: an instance of their class, a mapping, or by name."""
            given, extras = self.split(options, named)
            value = given if self.read is None else self.read(given)
            return self.module(cls, extras, providers=[Provider(self.token, use_value=value)])

        return classmethod(register)

    def async_method(self) -> Any:
        """Its twin."""

        def register_async(cls: type[Any], options: Any = None, /, **named: Any) -> DynamicModule:
            """This module with options that come about when the application starts; ``AsyncOptions`` says how."""
            given, extras = self.split(options, named)
            later = given if isinstance(given, AsyncOptions) else AsyncOptions(**given)
            providers = later.providers(self.token, self.builder.factory_method_name, self.read)
            return self.module(cls, extras, imports=later.imports, providers=providers)

        return classmethod(register_async)

    @property
    def read(self) -> Callable[[Any], Any] | None:
        """What turns what was given into options."""
        cls = self.builder.options_class
        return None if cls is None else partial(read_options, cls)

    def module(self, cls: type[Any], extras: Mapping[str, Any], **parts: Any) -> DynamicModule:
        """The definition, as the extras transform it."""
        made = DynamicModule(cls, is_transient=self.builder.always_transient, **parts)
        return self.builder.transform(made, {**self.builder.extras, **extras})

    def split(self, options: Any, named: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """What is for the providers, and the extras. Without extras the options stay the very same object."""
        if options is not None and not is_mapping(options):
            wrong = [name for name in named if name not in self.builder.extras]
            if wrong:
                raise DeclarationError(f"{', '.join(wrong)} can't stand beside an instance of {type(options).__name__}")
            return options, dict(named)
        if options is not None and not named and self.builder.extras.keys().isdisjoint(options):
            return options, {}
        entries = {**entries_of(options), **named}
        extras = {name: entries.pop(name) for name in self.builder.extras if name in entries}
        return entries, extras
