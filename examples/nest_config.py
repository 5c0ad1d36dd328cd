"""The configuration module of Nest's page on dynamic modules: by hand, with the builder, with extras, and typed.

Each application greets with what ``config/development.env`` has in a folder of its own. Needs
pip install 'etcd-factory[nest]', and no etcd.
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
    """What a configuration module is told."""

    folder: str


CONFIG_OPTIONS = Token[ConfigOptions]("CONFIG_OPTIONS")


class ConfigService:
    """Values by key, from the folder's file."""

    def __init__(self, options: Annotated[ConfigOptions, Inject(CONFIG_OPTIONS)]) -> None:
        self.options = options
        self.values = dotenv_values(Path(options.folder) / "development.env")

    def get(self, key: str) -> str | None:
        """The value, if there is one."""
        return self.values.get(key)


class AppService:
    """Uses it, and does not know where its values come from."""

    def __init__(self, config: ConfigService) -> None:
        self.config = config


@module()
class HandMadeModule:
    """All written by hand."""

    @classmethod
    def register(cls, options: ConfigOptions) -> DynamicModule:
        """The module with these options, which its service asks for by their token."""
        given = Provider(CONFIG_OPTIONS, use_value=options)
        return DynamicModule(cls, providers=[given, ConfigService], exports=[ConfigService])


def is_global(definition: DynamicModule, extras: Mapping[str, Any]) -> DynamicModule:
    """What the extra does."""
    return evolve(definition, is_global=extras["is_global"])


BUILDER = ConfigurableModuleBuilder(ConfigOptions, options_injection_token=CONFIG_OPTIONS)
Built: Any = BUILDER.build().ConfigurableModuleClass
Extra: Any = (
    BUILDER.set_class_method_name("for_root").set_extras({"is_global": True}, is_global).build().ConfigurableModuleClass
)


@module(providers=[ConfigService], exports=[ConfigService])
class BuiltModule(Built):  # type: ignore[misc]  # the class is made at run time
    """Has ``register`` and ``register_async``."""


@module(providers=[ConfigService], exports=[ConfigService])
class ExtraModule(Extra):  # type: ignore[misc]
    """Has ``for_root``, which makes it global: others need not import it."""


@module(
    providers=[Provider(CONFIG_OPTIONS, use_existing=ConfigOptions), ConfigService],
    exports=[ConfigService],
)
class TypedModule(ConfigurableModule[ConfigOptions]):
    """Type checkers know its methods."""


@module(providers=[AppService])
class FeatureModule:
    """Imports nothing."""


def show(title: str, *imports: Any, own: bool = True) -> None:
    """Start an application with such a configuration, and ask its service."""

    @module(imports=imports, providers=[AppService] if own else [])
    class AppModule:
        """The root."""

    with Application(AppModule) as app:
        config = app.get(AppService).config
        print(f"{title:<18} {config.get('HELLO')} {config.get('missing')} {type(config.options).__name__}")


def main() -> None:
    """All of them."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "development.env").write_text("HELLO=hi\n")
        show("by hand", HandMadeModule.register(ConfigOptions(folder)))
        show("built", BuiltModule.register(folder=folder))
        show("built, async", BuiltModule.register_async(use_factory=lambda: ConfigOptions(folder)))
        show("built with extras", FeatureModule, ExtraModule.for_root(folder=folder), own=False)
        show("typed", TypedModule.register({"folder": folder}))


if __name__ == "__main__":
    main()
