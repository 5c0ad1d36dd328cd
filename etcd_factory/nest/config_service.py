"""``ConfigService``: configuration values by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from etcd_factory.errors import suggestion
from etcd_factory.options.fields import is_mapping

from .errors import ConfigKeyError
from .module_options import Values

Load: TypeAlias = Values | Callable[[], Values]

MISSING = object()


class ConfigService:
    """Configuration values by key.

    Values of files and of the environment are strings. Values of ``load=[...]`` take precedence and may be nested:
    ``config["database.host"]``.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, object] = {}
        self._env: dict[str, object] = {}

    def get(self, key: str, default: object = None) -> Any:
        """Return a value, or ``default`` if it is missing."""
        value = lookup(self._loaded, key)
        return self._env.get(key, default) if value is MISSING else value

    def get_or_throw(self, key: str) -> Any:
        """Return a value; raises ``ConfigKeyError``, a ``KeyError``, if it is missing."""
        value = self.get(key, MISSING)
        if value is MISSING:
            near = suggestion(key, [*self._loaded, *self._env])
            raise ConfigKeyError(f"no configuration value {key!r}{near}")
        return value

    def __getitem__(self, key: str) -> Any:
        return self.get_or_throw(key)

    def __contains__(self, key: object) -> bool:
        return self.get(str(key), MISSING) is not MISSING

    def add(self, env: Values, load: Iterable[Load]) -> None:
        """Add values of files and the environment, which existing ones override, and loaded values, which override."""
        self._env = {**env, **self._env}
        for one in load:
            self._loaded.update(one() if callable(one) else one)

    def __repr__(self) -> str:
        return f"<ConfigService {len(self._loaded) + len(self._env)} values>"  # they may be secrets


def lookup(values: object, key: str) -> object:
    """Return the value of a key, else of a dotted path; ``MISSING`` if there is none."""
    if is_mapping(values) and key in values:
        return values[key]
    for part in key.split("."):
        if not is_mapping(values) or part not in values:
            return MISSING
        values = values[part]
    return values
