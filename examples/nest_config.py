"""The configuration module of Nest's page on dynamic modules: by hand, with the builder, with extras, and typed.

Each application reads a greeting from ``development.env`` in the configured folder.
Requires pip install 'etcd-factory[nest]', but no etcd.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from attrs import evolve, frozen
from dotenv import dotenv_values

from etcd_factory.nest import (
    Application,
    ConfigurableModule,
    ConfigurableModuleBuilder,
    DynamicModule,
    Inject,
    Provider,
    Token,
    module,
)


@frozen
class ConfigOptions:
    """Options of a configuration module."""

    folder: str


CONFIG_OPTIONS = Token[ConfigOptions]("CONFIG_OPTIONS")


class ConfigService:
    """Values by key, from the file in the folder."""

    def __init__(self, options: Annotated[ConfigOptions, Inject(CONFIG_OPTIONS)]) -> None:
        self.options = options
        self.values = dotenv_values(Path(options.folder) / "development.env")

    def get(self, key: str) -> str | None:
        """Return a value, or None if it is missing."""
        return self.values.get(key)


class AppService:
    """Uses the configuration without knowing where it comes from."""

    def __init__(self, config: ConfigService) -> None:
        self.config = config


@module()
class HandMadeModule:
    """Written by hand."""

    @classmethod
    def register(cls, options: ConfigOptions) -> DynamicModule:
        """Return this module with options, which its service injects by their token."""
        bound = Provider(CONFIG_OPTIONS, use_value=options)
        return DynamicModule(cls, providers=[bound, ConfigService], exports=[ConfigService])


def set_global(definition: DynamicModule, extras: Mapping[str, Any]) -> DynamicModule:
    """Apply the extra to the module."""
    return evolve(definition, is_global=extras["is_global"])


BUILDER = ConfigurableModuleBuilder(ConfigOptions, options_injection_token=CONFIG_OPTIONS)
Built: Any = BUILDER.build().ConfigurableModuleClass
WITH_EXTRAS = BUILDER.set_class_method_name("for_root").set_extras({"is_global": True}, set_global)
BuiltWithExtras: Any = WITH_EXTRAS.build().ConfigurableModuleClass


@module(providers=[ConfigService], exports=[ConfigService])
class BuiltModule(Built):  # type: ignore[misc]  # the class is created at run time
    """Has ``register`` and ``register_async``."""


@module(providers=[ConfigService], exports=[ConfigService])
class ExtraModule(BuiltWithExtras):  # type: ignore[misc]
    """Has ``for_root``, which makes it global, so that other modules need not import it."""


@module(
    providers=[Provider(CONFIG_OPTIONS, use_existing=ConfigOptions), ConfigService],
    exports=[ConfigService],
)
class TypedModule(ConfigurableModule[ConfigOptions]):
    """Has typed ``for_root`` and ``register``."""


@module(providers=[AppService])
class FeatureModule:
    """Imports nothing."""


def show(title: str, *imports: Any, own: bool = True) -> None:
    """Start an application with these imports, and print the greeting."""

    @module(imports=imports, providers=[AppService] if own else [])
    class AppModule:
        """The root module."""

    with Application(AppModule) as app:
        config = app.get(AppService).config
        print(f"{title:<18} {config.get('HELLO')} {config.get('missing')} {type(config.options).__name__}")


def main() -> None:
    """Show all of them."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "development.env").write_text("HELLO=hi\n")
        show("by hand", HandMadeModule.register(ConfigOptions(folder)))
        show("built", BuiltModule.register(folder=folder))
        show("built, async", BuiltModule.register_async(use_factory=lambda: ConfigOptions(folder)))
        show("built with extras", FeatureModule, ExtraModule.for_root(folder=folder), own=False)
        show("typed", TypedModule.register({"folder": folder}))


if __name__ == "__main__":
    main()
