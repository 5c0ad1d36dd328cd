"""Spellings of option names: ``dial_timeout`` and ``dialTimeout`` are one option, so are ``host`` and ``hosts``."""

from __future__ import annotations

import re

ALIASES = {
    "credentials": "tls",
    "custom_client_class": "client_class",
    "host": "hosts",
    "priority": "client_priority",
}
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def canonical(name: str) -> str:
    """Return the one name of an option: ``hosts`` for ``host``, ``dial_timeout`` for ``dialTimeout``."""
    snake = HUMP.sub("_", name).lower()
    return ALIASES.get(snake, snake)
