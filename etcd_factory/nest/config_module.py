"""``ConfigModule``: provides ``ConfigService`` with values of ``.env`` files, the environment and functions."""

from __future__ import annotations

from collections.abc import Iterable

from .config_service import ConfigService, Load
from .config_sources import EnvFolder, EnvSources, FilePath, Validate
from .modules import DynamicModule, module
from .providers import Provider
from .tokens import Inject, Token

CONFIG_OPTIONS = Token[EnvFolder]("CONFIG_OPTIONS")
SOURCES = Token[EnvSources]("CONFIG_SOURCES")
LOADS = Token[tuple[Load, ...]]("CONFIG_LOADS")
HOST = Token[ConfigService]("CONFIG_HOST")
ROOT = Token[ConfigService]("CONFIG_ROOT")


def service_of_folder(options: EnvFolder) -> ConfigService:
    """Return a separate service with the values of one file."""
    service = ConfigService()
    service.add(options.values(), ())
    return service


def add_root(service: ConfigService, sources: EnvSources) -> ConfigService:
    """Add the sources of ``for_root`` to the service of the application."""
    service.add(sources.env(), sources.load)
    return service


def add_feature(service: ConfigService, load: tuple[Load, ...], _: ConfigService | None) -> ConfigService:
    """Add the values of ``for_feature`` to the service of the application, after those of a visible root."""
    service.add({}, load)
    return service


@module(providers=[Provider(HOST, use_class=ConfigService)], exports=[HOST])
class ConfigHost:
    """Holds the one service of the application, which ``for_root`` and ``for_feature`` fill."""


@module()
class ConfigModule:
    """Provides ``ConfigService``.

    Unlike Nest's module it reads ``os.environ`` and never writes to it: values of files do not leak into child
    processes and other libraries.
    """

    @staticmethod
    def for_root(
        *,
        env_file_path: FilePath | Iterable[FilePath] = ".env",
        is_global: bool = False,
        load: Iterable[Load] = (),
        validate: Validate | None = None,
        override: bool = False,
    ) -> DynamicModule:
        """Configure the one service of the application, which is filled when it starts.

        Of several files the first takes precedence; missing files are ignored. The environment overrides the files, or
        is overridden by them with ``override``. ``validate`` receives the result and returns the values to use; its
        error aborts the start. ``load`` lists mappings, or functions that return one; they override everything else.
        """
        sources = EnvSources(env_file_path, tuple(load), validate, override)
        return DynamicModule(
            ConfigModule,
            imports=[ConfigHost],
            providers=[
                Provider(SOURCES, use_value=sources),
                Provider(ConfigService, use_factory=add_root, inject=[HOST, SOURCES]),
                Provider(ROOT, use_existing=ConfigService),
            ],
            exports=[ConfigService, ROOT],
            is_global=is_global,
        )

    @staticmethod
    def for_feature(*load: Load) -> DynamicModule:
        """Provide the same service, and add the values of these mappings or functions to it."""
        inject = [HOST, LOADS, Inject(ROOT, optional=True)]
        return DynamicModule(
            ConfigModule,
            imports=[ConfigHost],
            providers=[
                Provider(LOADS, use_value=load),
                Provider(ConfigService, use_factory=add_feature, inject=inject),
            ],
            exports=[ConfigService],
        )

    @staticmethod
    def register(*, folder: FilePath = ".", env: str | None = None) -> DynamicModule:
        """Provide a separate service for the importing module, with the values of ``<folder>/<env>.env`` only.

        ``env`` is by default ``$NODE_ENV``, else ``development``. The start raises ``ConfigError`` if the file is
        missing.
        """
        return DynamicModule(
            ConfigModule,
            providers=[
                Provider(CONFIG_OPTIONS, use_value=EnvFolder(folder, env)),
                Provider(ConfigService, use_factory=service_of_folder, inject=[CONFIG_OPTIONS]),
            ],
            exports=[ConfigService],
        )
