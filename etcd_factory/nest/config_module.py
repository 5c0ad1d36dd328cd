"""``ConfigModule``: provides ``ConfigService`` with values of ``.env`` files, the environment and functions."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from .config_service import ConfigService, Load
from .config_sources import EnvFolder, EnvSources, FilePath, Namespace, Validate, loaded
from .module_options import Values
from .modules import DynamicModule, module
from .providers import Provider
from .tokens import Inject, Token

CONFIG_OPTIONS = Token[EnvFolder]("CONFIG_OPTIONS")
SOURCES = Token[EnvSources]("CONFIG_SOURCES")
LOADS = Token[tuple[Load, ...]]("CONFIG_LOADS")
HOST = Token[ConfigService]("CONFIG_HOST")
ROOT = Token[ConfigService]("CONFIG_ROOT")


@frozen
class Loaded:
    """The token of the values of one entry of ``load=[...]``, by its place."""

    place: int

    def __repr__(self) -> str:
        return f"load[{self.place}]"


def load_providers(load: tuple[Load, ...]) -> list[Provider]:
    """Return a provider for each entry: functions are called, and awaited, when the application starts."""
    tokens = [one.KEY if isinstance(one, Namespace) else Loaded(place) for place, one in enumerate(load)]
    functions = [one.load if isinstance(one, Namespace) else one for one in load]
    return [
        Provider(token, use_factory=one, inject=[]) if callable(one) else Provider(token, use_value=one)
        for token, one in zip(tokens, functions, strict=True)
    ]


def namespaces(load: tuple[Load, ...]) -> list[str]:
    """Return the tokens of the namespaces, which are exported."""
    return [one.KEY for one in load if isinstance(one, Namespace)]


def service_of_folder(options: EnvFolder) -> ConfigService:
    """Return a separate service with the values of one file."""
    service = ConfigService()
    service.add(options.values(), ())
    return service


def add_root(service: ConfigService, sources: EnvSources, *values: Values) -> ConfigService:
    """Add the sources of ``for_root`` to the service of the application."""
    service.add(sources.env(), loaded(sources.load, values))
    return service


def add_feature(
    service: ConfigService, load: tuple[Load, ...], _: ConfigService | None, *values: Values
) -> ConfigService:
    """Add the values of ``for_feature`` to the service of the application, after those of a visible root."""
    service.add({}, loaded(load, values))
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
        ignore_env_file: bool = False,
        expand_variables: bool = False,
        is_global: bool = False,
        load: Iterable[Load] = (),
        validate: Validate | None = None,
        override: bool = False,
        cache: bool = False,
    ) -> DynamicModule:
        """Configure the one service of the application, which is filled when it starts.

        Of several files the first takes precedence; missing files are ignored, and with ``ignore_env_file`` all are.
        ``expand_variables`` replaces ``$NAME``, ``${NAME}`` and ``${NAME:-default}`` in their values.

        The environment overrides the files, or is overridden by them with ``override``. Each ``get`` reads it; with
        ``cache`` it is read once, when the application starts. ``validate`` receives all of it then, and returns the
        values to use; its error aborts the start.

        ``load`` lists mappings, functions that return one, also ``async``, and results of ``register_as``; they
        override everything else.
        """
        entries, paths = tuple(load), () if ignore_env_file else env_file_path
        sources = EnvSources(paths, entries, validate, override, expand_variables, cache)
        values = load_providers(entries)
        inject = [HOST, SOURCES, *(one.token for one in values)]
        return DynamicModule(
            ConfigModule,
            imports=[ConfigHost],
            providers=[
                *values,
                Provider(SOURCES, use_value=sources),
                Provider(ConfigService, use_factory=add_root, inject=inject),
                Provider(ROOT, use_existing=ConfigService),
            ],
            exports=[ConfigService, ROOT, *namespaces(entries)],
            is_global=is_global,
        )

    @staticmethod
    def for_feature(*load: Load) -> DynamicModule:
        """Provide the same service, and add the values of these mappings or functions to it."""
        values = load_providers(load)
        inject = [HOST, LOADS, Inject(ROOT, optional=True), *(one.token for one in values)]
        return DynamicModule(
            ConfigModule,
            imports=[ConfigHost],
            providers=[
                *values,
                Provider(LOADS, use_value=load),
                Provider(ConfigService, use_factory=add_feature, inject=inject),
            ],
            exports=[ConfigService, *namespaces(load)],
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
