"""The parts of OmegaConf's interpolations that are needed to follow and to explain them, read without OmegaConf."""

from __future__ import annotations

import re
from typing import Any

from .kinds import is_list, is_mapping

# ``${a.b}``, ``${.a}``, ``${a[b].c}`` and ``${a.${b}.c}``; the paths in ``${oc.select:a.b}`` and its like count too.
# Backslashes before it are part of the match: an odd number of them escapes it.
BY_PATH = r"oc\.(?:select|deprecated|dict\.keys|dict\.values):\s*"
REFERENCE = re.compile(
    rf"(?P<slashes>\\*)\$\{{\s*(?P<function>{BY_PATH})?(?P<dots>\.*)"
    r"(?P<path>(?:[^${}:,\s'\"\\]|\$\{[^${}]*\})+)(?=\s*[},])"
)
VARIABLE = re.compile(r"\$\{oc\.env:\s*(?P<name>[^,{}\s'\"]+)\s*\}")
FUNCTION = re.compile(r"\$\{(?P<name>[A-Za-z_][\w.]*):")
KEY = re.compile(r"(?:\$\{[^{}]*\}|[^.\[\]$]|\$(?!\{))+")


def is_escaped(found: re.Match[str]) -> bool:
    """Whether what looks like an interpolation is text."""
    return len(found["slashes"]) % 2 == 1


def references(text: str) -> list[re.Match[str]]:
    """Return the interpolations of a text that refer to other keys."""
    return [found for found in REFERENCE.finditer(text) if not is_escaped(found)]


def whole_reference(text: str) -> re.Match[str] | None:
    """Return the reference to another key that is all of a text, if it is one."""
    found = REFERENCE.match(text)
    if found is None or found["function"] or found["slashes"] or text[found.end() :].strip() != "}":
        return None
    return found


def may_be_mapping(text: str) -> bool:
    """Whether a text is one interpolation that may refer to a mapping; variables of the environment are text."""
    function = FUNCTION.match(text)
    is_call = function is not None and function["name"] != "oc.env" and text.endswith("}")
    return is_call or whole_reference(text) is not None


def keys_of(path: str) -> tuple[str, ...]:
    """Return the keys of a path: ``a.b[0].c`` has four."""
    return tuple(KEY.findall(path))


def target(found: re.Match[str], at: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys that a reference at a path refers to: one dot means beside it, each further one a level up."""
    dots = len(found["dots"])
    return (*(at[: max(0, len(at) - dots)] if dots else ()), *keys_of(found["path"]))


def escape(text: str) -> str:
    """Return the text as a configuration holds it, so that OmegaConf reads exactly this text."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def escaped(value: object) -> Any:
    """Return a value so that OmegaConf reads every text in it as it is."""
    if is_mapping(value):
        return {key: escaped(each) for key, each in value.items()}
    if is_list(value):
        return [escaped(each) for each in value]
    return escape(value) if isinstance(value, str) else value
