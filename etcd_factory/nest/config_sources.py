"""Where ``ConfigModule`` reads values from: ``.env`` files, the environment, and functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from attrs import field, frozen

from etcd_factory.errors import ConfigError, Fault

from .config_service import Load
from .module_options import Values

try:
    from dotenv import dotenv_values
except ImportError as error:
    raise ImportError("etcd_factory.nest needs python-dotenv: pip install 'etcd-factory[nest]'") from error

FilePath: TypeAlias = str | os.PathLike[str]
Validate: TypeAlias = Callable[[dict[str, object]], Values]


@frozen
class Namespace:
    """Puts the values of a function below a name."""

    name: str
    load: Callable[[], Values]

    def __call__(self) -> Values:
        """Return the values of the function, below the name."""
        return {self.name: self.load()}


def register_as(name: str, load: Callable[[], Values]) -> Namespace:
    """Put the values of a function below a name, for ``load=[...]``: ``config.get("database.host")``."""
    return Namespace(name, load)


def as_paths(value: FilePath | Iterable[FilePath]) -> tuple[str, ...]:
    """Return one path or several as strings."""
    paths = [value] if isinstance(value, (str, os.PathLike)) else value
    return tuple(os.fspath(path) for path in paths)


@frozen
class EnvSources:
    """The sources of ``for_root``: files, the environment, and functions."""

    paths: tuple[str, ...] = field(converter=as_paths)
    load: tuple[Load, ...]
    validate: Validate | None
    override: bool

    def env(self) -> Values:
        """Return the values of the files and the environment.

        The first file takes precedence, and the environment over all files, unless ``override`` is set.
        """
        written: dict[str, object] = {}
        for path in self.paths:
            written = {**read_env_file(path), **written}
        env = {**os.environ, **written} if self.override else {**written, **os.environ}
        return env if self.validate is None else self.validate(env)


@frozen
class EnvFolder:
    """The source of ``register``: a folder with one file for each environment."""

    folder: Path = field(converter=Path)
    env: str | None

    def values(self) -> Values:
        """Return the values of the file of the environment.

        Raises ``ConfigError`` if it is missing, or if the name of the environment leads out of the folder.
        """
        name = self.env or os.environ.get("NODE_ENV") or "development"
        if any(character in name for character in "/\\\0"):
            raise ConfigError(Fault("", "env", f"the name of an environment is a part of a file name, got {name!r}"))
        path = self.folder / f"{name}.env"
        if not os.path.isfile(path):  # False for names that no file can have, too
            raise ConfigError(Fault(str(path), "", f"no such file; the environment {name!r} needs it in this folder"))
        return read_env_file(str(path))


def read_env_file(path: str) -> dict[str, str]:
    """Return the values of a ``.env`` file without interpolation; a missing file has none."""
    values = dotenv_values(path, interpolate=False)
    return {name: value for name, value in values.items() if value is not None}
