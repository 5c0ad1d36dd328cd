"""Configuration by module: values by key, from ``.env`` files, the environment and functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.options.fields import is_mapping

from .errors import ConfigKeyError
from .metadata import DynamicModule, module
from .providers import Provider
from .tokens import Inject, Token

try:
    from dotenv import dotenv_values
except ImportError as error:
    raise ImportError("etcd_factory.nest needs python-dotenv: pip install 'etcd-factory[nest]'") from error

Values = Mapping[str, Any]
Load = Values | Callable[[], Values]
Path_ = str | os.PathLike[str]

ABSENT: Any = object()


class ConfigService:
    """Values by key. Those of files and of the environment are text; a key of what functions gave may have dots."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}
        self._env: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or the default where there is none."""
        value = walked(self._loaded, key)
        return value if value is not ABSENT else self._env.get(key, default)

    def get_or_throw(self, key: str) -> Any:
        """The value; ``ConfigKeyError``, a ``KeyError``, where there is none."""
        value = self.get(key, ABSENT)
        if value is ABSENT:
            near = suggestion(key, [*self._loaded, *self._env])
            raise ConfigKeyError(f"no configuration value {key!r}{near}")
        return value

    def __getitem__(self, key: str) -> Any:
        return self.get_or_throw(key)

    def __contains__(self, key: object) -> bool:
        return self.get(str(key), ABSENT) is not ABSENT

    def add(self, env: Values, load: Iterable[Load]) -> None:
        """Put values of files and the environment under those that there are, and what functions give over them."""
        self._env = {**env, **self._env}
        for one in load:
            self._loaded.update(one() if callable(one) else one)

    def __repr__(self) -> str:
        return f"<ConfigService {len(self._loaded) + len(self._env)} values>"  # they may be secrets


def walked(values: Any, key: str) -> Any:
    """What stands at a key, or, dot by dot, below it."""
    if key in values:
        return values[key]
    for part in key.split("."):
        if not is_mapping(values) or part not in values:
            return ABSENT
        values = values[part]
    return values


@frozen
class Namespace:
    """What a function gives, below a name."""

    name: str
    load: Callable[[], Values]

    def __call__(self) -> Values:
        """The function's values, below the name."""
        return {self.name: self.load()}


def register_as(name: str, load: Callable[[], Values]) -> Namespace:
    """For ``load=[...]``: the function's values below a name, ``config.get("database.host")``."""
    return Namespace(name, load)


def files(value: Path_ | Iterable[Path_]) -> tuple[str, ...]:
    """One path or several."""
    paths = [value] if isinstance(value, (str, os.PathLike)) else value
    return tuple(os.fspath(path) for path in paths)


@frozen
class Sources:
    """Where ``for_root`` takes values from."""

    paths: tuple[str, ...] = field(converter=files)
    load: tuple[Load, ...]
    validate: Callable[[dict[str, Any]], Values] | None
    override: bool

    def env(self) -> Values:
        """The values of the files and the environment: the first file wins, and the environment over all files."""
        written: dict[str, Any] = {}
        for path in self.paths:
            written = {**parsed(path), **written}
        env: dict[str, Any] = {**os.environ, **written} if self.override else {**written, **os.environ}
        return env if self.validate is None else self.validate(env)


def parsed(path: str) -> dict[str, str]:
    """What a ``.env`` file says, taken literally; a file that is not there says nothing."""
    values = dotenv_values(path, interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


@frozen
class Folder:
    """Where ``register`` takes values from."""

    folder: Path = field(converter=Path)
    env: str | None

    def values(self) -> Values:
        """The values of the file for the environment."""
        name = self.env or os.environ.get("NODE_ENV") or "development"
        path = self.folder / f"{name}.env"
        if not path.is_file():
            raise ConfigError(Fault(str(path), "", "no such file; the folder needs one for each environment"))
        return parsed(str(path))


CONFIG_OPTIONS = Token[Folder]("CONFIG_OPTIONS")
SOURCES = Token[Sources]("CONFIG_SOURCES")
LOADS = Token[tuple[Load, ...]]("CONFIG_LOADS")
HOST = Token[ConfigService]("CONFIG_HOST")
ROOT = Token[ConfigService]("CONFIG_ROOT")


def from_folder(options: Folder) -> ConfigService:
    """A service of its own."""
    service = ConfigService()
    service.add(options.values(), ())
    return service


def from_sources(service: ConfigService, sources: Sources) -> ConfigService:
    """The application's one service, with what ``for_root`` names."""
    service.add(sources.env(), sources.load)
    return service


def with_feature(service: ConfigService, load: tuple[Load, ...], _: ConfigService | None) -> ConfigService:
    """The application's one service, with what ``for_feature`` names; a global root comes first."""
    service.add({}, load)
    return service


@module(providers=[Provider(HOST, use_class=ConfigService)], exports=[HOST])
class ConfigHost:
    """Has the one service of the application, which ``for_root`` and ``for_feature`` fill."""


@module()
class ConfigModule:
    """Gives ``ConfigService``. The environment is read and never written: what stands in a file is not put into
    ``os.environ``, as Nest's module does, so that neither child processes nor other libraries see it.
    """

    @staticmethod
    def for_root(
        *,
        env_file_path: Path_ | Iterable[Path_] = ".env",
        is_global: bool = False,
        load: Iterable[Load] = (),
        validate: Callable[[dict[str, Any]], Values] | None = None,
        override: bool = False,
    ) -> DynamicModule:
        """One service for the whole application, filled when it starts.

        Of several files the first wins; missing ones are passed over. The environment stands over the files, or under
        them with ``override``. ``validate`` gets all that and gives what is used instead; its error ends the start.
        ``load`` has mappings or functions that give some; these stand over everything.
        """
        sources = Sources(env_file_path, tuple(load), validate, override)
        return DynamicModule(
            ConfigModule,
            imports=[ConfigHost],
            providers=[
                Provider(SOURCES, use_value=sources),
                Provider(ConfigService, use_factory=from_sources, inject=[HOST, SOURCES]),
                Provider(ROOT, use_existing=ConfigService),
            ],
            exports=[ConfigService, ROOT],
            is_global=is_global,
        )

    @staticmethod
    def for_feature(*load: Load) -> DynamicModule:
        """The same service, with what these mappings or functions give added to it."""
        inject = [HOST, LOADS, Inject(ROOT, optional=True)]
        return DynamicModule(
            ConfigModule,
            imports=[ConfigHost],
            providers=[
                Provider(LOADS, use_value=load),
                Provider(ConfigService, use_factory=with_feature, inject=inject),
            ],
            exports=[ConfigService],
        )

    @staticmethod
    def register(*, folder: Path_ = ".", env: str | None = None) -> DynamicModule:
        """A service of the importing module's own, from one file alone: ``<folder>/<env>.env``, which has to be there.

        The environment is the argument, else ``$NODE_ENV``, else ``development``.
        """
        return DynamicModule(
            ConfigModule,
            providers=[
                Provider(CONFIG_OPTIONS, use_value=Folder(folder, env)),
                Provider(ConfigService, use_factory=from_folder, inject=[CONFIG_OPTIONS]),
            ],
            exports=[ConfigService],
        )
