"""Nest's ``ConfigurableModuleBuilder``, for those who port code; ``ConfigurableModule`` is the typed alternative."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from attrs import evolve, field, frozen

from etcd_factory.options.fields import is_mapping
from etcd_factory.options.names import HUMP

from .async_options import AsyncOptions
from .errors import DeclarationError
from .module_options import Values, entries_of, read_options
from .modules import DynamicModule, Import
from .providers import Provider
from .tokens import Token

Transform: TypeAlias = Callable[[DynamicModule, Values], DynamicModule]


class ConfigurableModuleHost(NamedTuple):
    """The result of ``build()``, in Nest's names.

    Subclass ``ConfigurableModuleClass`` for a module; its providers request the options by ``MODULE_OPTIONS_TOKEN``.
    The two types are the options class, and what ``register_async`` accepts.
    """

    ConfigurableModuleClass: Any  # created at run time, to be subclassed
    MODULE_OPTIONS_TOKEN: Any  # a Token, or the builder's options_injection_token
    OPTIONS_TYPE: type[object]
    ASYNC_OPTIONS_TYPE: type[AsyncOptions]


def unchanged(definition: DynamicModule, _: Values) -> DynamicModule:
    """Return the definition: extras have no effect by default."""
    return definition


def as_method_name(value: str) -> str:
    """Return ``value`` if it can name a method; raises ``DeclarationError``."""
    if not value.isidentifier():
        raise DeclarationError(f"{value!r} is not a valid method name; use an identifier")
    return value


@frozen
class ConfigurableModuleBuilder:
    """Builds a class with ``register`` and ``register_async``, to be subclassed by a module.

    ``options_class``: the class that options are converted to; without it they are passed on unchanged.
    ``module_name`` names the options token. ``options_injection_token`` replaces that token. ``always_transient``:
    equal calls are not shared. Each ``set_...`` returns a new builder.
    """

    options_class: type[object] | None = None
    module_name: str | None = field(default=None, kw_only=True)
    options_injection_token: Hashable = field(default=None, kw_only=True)
    always_transient: bool = field(default=False, kw_only=True)
    class_method_name: str = field(default="register", converter=as_method_name, kw_only=True)
    factory_method_name: str = field(default="create", converter=as_method_name, kw_only=True)
    extras: Values = field(factory=dict[str, Any], converter=dict, kw_only=True)
    transform: Transform = field(default=unchanged, kw_only=True)

    def set_class_method_name(self, name: str) -> ConfigurableModuleBuilder:
        """Set the name of ``register``: ``"for_root"`` builds ``for_root`` and ``for_root_async`` instead."""
        return evolve(self, class_method_name=name)

    def set_factory_method_name(self, name: str) -> ConfigurableModuleBuilder:
        """Set the method of ``use_class`` and ``use_existing`` that returns the options; ``create`` by default."""
        return evolve(self, factory_method_name=name)

    def set_extras(self, extras: Values, transform: Transform = unchanged) -> ConfigurableModuleBuilder:
        """Set options of the module itself, with their defaults; they are not part of the injected options.

        ``transform`` applies them to the module:
        ``set_extras({"is_global": True}, lambda definition, extras: attrs.evolve(definition, **extras))``.
        """
        return evolve(self, extras=extras, transform=transform)

    def build(self) -> ConfigurableModuleHost:
        """Return the class, its options token, which is unique to this call, and the types."""
        token = self.options_injection_token
        methods = ModuleMethods(self, Token[object](token_name(self.module_name)) if token is None else token)
        name = self.class_method_name
        namespace = {name: methods.register(), f"{name}_async": methods.register_async()}
        cls = type("ConfigurableModuleClass", (), namespace)
        return ConfigurableModuleHost(cls, methods.token, self.options_class or Mapping, AsyncOptions)


def token_name(module: str | None) -> str:
    """Return ``CACHE_STORE_MODULE_OPTIONS`` for ``CacheStore``."""
    return "MODULE_OPTIONS" if module is None else f"{HUMP.sub('_', module).upper()}_MODULE_OPTIONS"


@frozen(eq=False)
class ModuleMethods:
    """The class methods of one built class."""

    builder: ConfigurableModuleBuilder
    token: Hashable

    def register(self) -> object:
        """Return the class method ``register``."""

        def register(cls: type[object], options: object = None, /, **named: object) -> DynamicModule:
            """Return this module with options: an options object, a mapping, or keyword arguments."""
            rest, extras = self.split(options, named)
            value = rest if self.read is None else self.read(rest)
            return self.module(cls, extras, (), [Provider(self.token, use_value=value)])

        return classmethod(register)

    def register_async(self) -> object:
        """Return the class method ``register_async``."""

        def register_async(cls: type[object], options: object = None, /, **named: object) -> DynamicModule:
            """Return this module with options computed when the application starts; see ``AsyncOptions``."""
            rest, extras = self.split(options, named)
            source = rest if isinstance(rest, AsyncOptions) else AsyncOptions(**entries_of(rest))
            providers = source.providers(self.token, self.builder.factory_method_name, self.read)
            return self.module(cls, extras, source.imports, providers)

        return classmethod(register_async)

    @property
    def read(self) -> Callable[[Any], object] | None:
        """The function that converts options to the options class, if there is one."""
        cls = self.builder.options_class
        return None if cls is None else partial(read_options, cls)

    def module(
        self, cls: type[object], extras: Values, imports: Iterable[Import], providers: Iterable[Provider]
    ) -> DynamicModule:
        """Return the definition as transformed by the extras."""
        definition = DynamicModule(
            cls, imports=imports, providers=providers, is_transient=self.builder.always_transient
        )
        return self.builder.transform(definition, {**self.builder.extras, **extras})

    def split(self, options: object, named: Values) -> tuple[object, Values]:
        """Separate the options from the extras. Without extras the options stay the same object."""
        if options is not None and not is_mapping(options):
            wrong = [name for name in named if name not in self.builder.extras]
            if wrong:
                kind = f"an options object ({type(options).__name__})"
                raise DeclarationError(f"{', '.join(wrong)} cannot be combined with {kind}; set them in that object")
            return options, named
        if options is not None and not named and self.builder.extras.keys().isdisjoint(options):
            return options, {}
        entries = {**entries_of(options), **named}
        extras = {name: entries.pop(name) for name in self.builder.extras if name in entries}
        return entries, extras
