"""``ConfigService``: configuration values by key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

from etcd_factory.errors import suggestion
from etcd_factory.options.fields import is_mapping

from .errors import ConfigKeyError
from .module_options import Values

LoadFunction: TypeAlias = Callable[[], Values | Awaitable[Values]]
Load: TypeAlias = Values | LoadFunction

MISSING = object()


class ConfigService:
    """Configuration values by key.

    Values of files and of the environment are strings. Values of ``load=[...]`` take precedence and may be nested:
    ``config["database.host"]``.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, object] = {}
        self._env: tuple[Values, ...] = ()

    def get(self, key: str, default: object = None) -> Any:
        """Return a value, or ``default`` if it is missing."""
        value = lookup(self._loaded, key)
        if value is not MISSING:
            return value
        return next((env[key] for env in self._env if key in env), default)

    def get_or_throw(self, key: str) -> Any:
        """Return a value; raises ``ConfigKeyError``, a ``KeyError``, if it is missing."""
        value = self.get(key, MISSING)
        if value is MISSING:
            near = suggestion(key, [*self._loaded, *(name for env in self._env for name in env)])
            raise ConfigKeyError(f"no configuration value {key!r}{near}")
        return value

    def __getitem__(self, key: str) -> Any:
        return self.get_or_throw(key)

    def __contains__(self, key: object) -> bool:
        return self.get(str(key), MISSING) is not MISSING

    def add(self, env: Values, loaded: Iterable[Values]) -> None:
        """Add values of files and the environment, which existing ones override, and loaded values, which override."""
        self._env = (*self._env, env)
        for one in loaded:
            self._loaded.update(one)

    def __repr__(self) -> str:
        names = {name for env in self._env for name in env}
        return f"<ConfigService {len(self._loaded) + len(names)} values>"  # they may be secrets


def lookup(values: object, key: str) -> object:
    """Return the value of a key, else of a dotted path; ``MISSING`` if there is none."""
    if is_mapping(values) and key in values:
        return values[key]
    for part in key.split("."):
        if not is_mapping(values) or part not in values:
            return MISSING
        values = values[part]
    return values
