"""The name of the environment that the process runs in: ``local``, ``prod``, ..."""

from __future__ import annotations

import os

from etcd_factory.errors import ConfigError, Fault

DEFAULT = "default"
VARIABLES = ("ETCD_FACTORY_ENV", "MIDWAY_SERVER_ENV")
ALIASES = {"production": ("prod", "production"), "test": ("unittest", "test")}


def current_env(env: str | None = None) -> str:
    """Return ``env``, else ``$ETCD_FACTORY_ENV``, else ``$MIDWAY_SERVER_ENV``, else ``prod``; empty means unset."""
    return env or next(filter(None, map(os.environ.get, VARIABLES)), "prod")


def is_named(env: str | None = None) -> bool:
    """Whether the environment was chosen, by the argument or a variable."""
    return bool(env) or any(map(os.environ.get, VARIABLES))


def layers(env: str) -> tuple[str, ...]:
    """Return the layers to load in ``env``, lowest first, by their name in ``<anything>.<layer>.<ext>``.

    Raises ``ConfigError`` if it cannot be part of a file name.
    """
    if any(character in env for character in "/\\\0"):
        raise ConfigError(Fault("", "env", f"the name of an environment is a part of a file name, got {env!r}"))
    return tuple(dict.fromkeys((DEFAULT, *ALIASES.get(env, (env,)))))
