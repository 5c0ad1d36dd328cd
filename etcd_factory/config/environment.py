"""The environment that the process runs in: ``local``, ``prod``, ..."""

from __future__ import annotations

import os

DEFAULT = "default"
VARIABLES = ("ETCD_FACTORY_ENV", "MIDWAY_SERVER_ENV")
ALIASES = {"production": ("prod", "production"), "test": ("unittest", "test")}


def current_env(env: str | None = None) -> str:
    """``env``, else ``$ETCD_FACTORY_ENV``, else ``$MIDWAY_SERVER_ENV``, else ``prod``; an empty one is none."""
    return env or next(filter(None, map(os.environ.get, VARIABLES)), "prod")


def layers(env: str) -> tuple[str, ...]:
    """The words in file names that count in ``env``, lowest layer first."""
    return tuple(dict.fromkeys((DEFAULT, *ALIASES.get(env, (env,)))))
