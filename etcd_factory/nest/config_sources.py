"""Where ``ConfigModule`` reads values from: ``.env`` files, the environment, and functions."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias, overload

from attrs import field, frozen

from etcd_factory.errors import ConfigError, Fault

from .config_service import Load, LoadFunction
from .expansion import Expansion
from .module_options import Values

try:
    from dotenv import dotenv_values
except ImportError as error:
    raise ImportError("etcd_factory.nest needs python-dotenv: pip install 'etcd-factory[nest]'") from error

FilePath: TypeAlias = str | os.PathLike[str]
Validate: TypeAlias = Callable[[dict[str, object]], Values]


@frozen
class Namespace:
    """Puts the values of a function below a name; ``KEY`` is the token of the values."""

    name: str
    load: LoadFunction

    def __call__(self) -> Values | Awaitable[Values]:
        """Return the values of the function."""
        return self.load()

    @property
    def KEY(self) -> str:  # noqa: N802  # Nest's name
        """The token by which the values are injected: ``values: Annotated[dict, Inject(database.KEY)]``."""
        return f"CONFIGURATION({self.name})"


@overload
def register_as(name: str, load: LoadFunction) -> Namespace: ...
@overload
def register_as(name: str) -> Callable[[LoadFunction], Namespace]: ...
def register_as(name: str, load: LoadFunction | None = None) -> Namespace | Callable[[LoadFunction], Namespace]:
    """Put the values of a function below a name, for ``load=[...]``: ``config.get("database.host")``.

    The function may be ``async`` for an ``AsyncApplication``. Without it, returns a decorator:
    ``@register_as("database")``.
    """
    return Namespace(name, load) if load is not None else lambda function: Namespace(name, function)


def loaded(load: tuple[Load, ...], values: Iterable[Values]) -> list[Values]:
    """Return the values of ``load``, those of namespaces below their names."""
    pairs = zip(load, values, strict=True)
    return [{one.name: value} if isinstance(one, Namespace) else value for one, value in pairs]


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
    expand_variables: bool = False
    cache: bool = False

    def env(self) -> Values:
        """Return the values to use: a copy if they are validated or cached, else a view of the environment as it is."""
        if self.validate is not None:
            return self.validate(dict(self.view()))
        return dict(self.view()) if self.cache else self.view()

    def view(self) -> Values:
        """Return the values of the files and a view of the environment.

        The first file takes precedence, and the environment over all files, unless ``override`` is set.
        """
        environment: MutableMapping[str, Any] = os.environ
        return ChainMap(self.written(), environment) if self.override else ChainMap(environment, self.written())

    def written(self) -> dict[str, Any]:
        """Return the values of the files."""
        written: dict[str, str] = {}
        for path in self.paths:
            written = {**read_env_file(path), **written}
        return Expansion(written, os.environ, self.override).values() if self.expand_variables else {**written}


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
