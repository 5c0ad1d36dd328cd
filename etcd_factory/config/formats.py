"""Parsing the text of a file or of a variable into plain values."""

from __future__ import annotations

import re
import stat
import sys
from collections import Counter
from typing import TYPE_CHECKING

import yaml

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.nesting import DEEPEST

from . import yaml_loader
from .duplicates import duplicate, ways_to

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A key in a message of tomllib, which is written as a tuple.
TOML_KEYS = re.compile(r"\(['\"].*['\"],?\)")
# Dotted keys of TOML with too many parts, and what may look like one: texts and comments.
TOML_TOKENS = re.compile(
    rf"""(?P<key>(?<![\w."'-])(?:(?:[\w-]+|"[^"\\\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{DEEPEST + 1},}})"""
    r"""|\'\'\'.*?\'\'\'|\"\"\"(?:[^\\]|\\.)*?\"\"\"|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*""",
    re.DOTALL,
)
# A YAML error quotes the text of the file, which may be a secret; ']' and '<stream end>' are not from the file.
TAB = "a tab; indent with spaces"
QUOTED = re.compile(r" '[^<'][^']{2,}'")


def decoded(path: Path) -> str:
    """Return the text of a regular file without its byte order mark."""
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading a named pipe would wait for its writer
            raise broken(path, "is not a regular file")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise broken(path, f"line {line}: not UTF-8") from None
    except OSError as error:
        raise broken(path, f"cannot read the file: {error.strerror}") from None


def parsed(path: Path, text: str) -> object:
    """Parse ``text`` in the format of the extension of ``path``. Raises ``ConfigError`` that names the line."""
    try:
        return PARSERS[path.suffix[1:]](text)
    except RecursionError:
        raise broken(path, "nested too deeply") from None
    except ValueError as error:
        raise broken(path, str(error)) from None


def broken(path: Path, message: str) -> ConfigError:
    """Return the error for a file that cannot be used."""
    return ConfigError(Fault(str(path), "", message))


def from_yaml(text: str) -> object:
    """Parse YAML as OmegaConf does: dates stay text, duplicate keys are an error."""
    try:
        return yaml_loader.load(text)
    except yaml.MarkedYAMLError as error:
        # at the end of the text libyaml counts one line too many
        last = text.rstrip().count("\n")
        line = min(error.problem_mark.line, last) if error.problem_mark else last
        problem = TAB if is_tab(text, error.problem_mark) else QUOTED.sub("", error.problem or "not YAML")
        raise ValueError(f"line {line + 1}: {problem}") from None
    except yaml.reader.ReaderError as error:
        raise ValueError(f"line {text.count(chr(10), 0, error.position) + 1}: {error.reason}") from None
    except ValueError:  # Python's own, which quotes the value
        raise ValueError("a value is not what its tag says, or is too long a number") from None


def is_tab(text: str, mark: yaml.Mark | None) -> bool:
    """Whether YAML stumbled over a tab."""
    lines = text.split("\n")
    return mark is not None and mark.line < len(lines) and lines[mark.line][mark.column :][:1] == "\t"


def from_json(text: str) -> object:
    """Parse JSON; duplicate keys are an error, and an empty text has no values."""
    import json

    twice: list[tuple[object, str]] = []

    def noting(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):  # Python would keep the last value
            twice.append((found, Counter(key for key, _ in pairs).most_common(1)[0][0]))
        return found

    try:
        found = json.loads(text, object_pairs_hook=noting) if text.strip() else None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None
    if twice:
        holder, key = twice[-1]  # the outermost
        path = next(ways_to(holder, found), ())  # of one that was replaced, there is none
        raise ValueError(": ".join(filter(None, (".".join(path), duplicate(path, key)))))
    return found


def from_toml(text: str) -> object:
    """Parse TOML, whose error messages name the line. Raises ``RecursionError`` for keys of too many parts.

    The time that ``tomllib`` takes for a key grows with the square of its parts.
    """
    if any(found["key"] for found in TOML_TOKENS.finditer(text)):
        raise RecursionError
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(TOML_KEYS.sub("a table", str(error))) from None


PARSERS: dict[str, Callable[[str], object]] = {
    "yaml": from_yaml,
    "yml": from_yaml,
    "json": from_json,
    "toml": from_toml,
}
EXTENSIONS = (*PARSERS, "py")
