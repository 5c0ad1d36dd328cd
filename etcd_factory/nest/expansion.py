"""Expands variables in the values of ``.env`` files, with the syntax of Node's dotenv-expand."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

NAME = r"[A-Za-z_]\w*"
DEFAULT = r"(?:[^{}]|\$\{[^{}]*\})*"  # may have references itself
REFERENCE = re.compile(
    rf"(?P<escaped>\\\$)|\$\{{(?P<braced>{NAME})(?::?-(?P<default>{DEFAULT}))?\}}|\$(?P<bare>{NAME})"
)


@frozen
class Expansion:
    """The values that are written in files, and the environment, which takes precedence unless ``override`` is set."""

    written: Mapping[str, str]
    environment: Mapping[str, str]
    override: bool = False

    def values(self) -> dict[str, str]:
        """Return the written values with their references replaced.

        ``$NAME``, ``${NAME}`` and ``${NAME:-default}``; the default is used if the variable is empty or missing. A
        backslash before it keeps a dollar sign.
        """
        return {name: self.expand(text, (name,)) for name, text in self.written.items()}

    def expand(self, text: str, parents: tuple[str, ...]) -> str:
        """Replace the references in a text; ``parents`` are the names whose values contain it."""

        def replaced(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "$"
            value = self.value(match["braced"] or match["bare"], parents)
            return value or self.expand(match["default"] or "", parents)

        return REFERENCE.sub(replaced, text)

    def value(self, name: str, parents: tuple[str, ...]) -> str:
        """Return the value of a variable; one that refers to itself, directly or not, is that of the environment."""
        is_written = name in self.written and (self.override or name not in self.environment)
        if is_written and name not in parents:
            return self.expand(self.written[name], (*parents, name))
        return self.environment.get(name, "")
