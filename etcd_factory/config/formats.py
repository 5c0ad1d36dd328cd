"""Parsing the text of a file or of a variable into plain values."""

from __future__ import annotations

import re
import stat
import sys
from typing import TYPE_CHECKING

import yaml

from etcd_factory.errors import ConfigError, Fault

from . import yaml_loader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A YAML error quotes the text of the file, which may be a secret; ']' and '<stream end>' are not from the file.
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
        raise ValueError(f"line {line + 1}: {QUOTED.sub('', error.problem or 'not YAML')}") from None
    except yaml.reader.ReaderError as error:
        raise ValueError(f"line {text.count(chr(10), 0, error.position) + 1}: {error.reason}") from None


def from_json(text: str) -> object:
    """Parse JSON; duplicate keys are an error, and an empty text has no values."""
    import json

    try:
        return json.loads(text, object_pairs_hook=unique) if text.strip() else None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object. Raises ``ValueError`` for a duplicate key, of which Python would keep the last value."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"found duplicate key {key}")
        found[key] = value
    return found


def from_toml(text: str) -> object:
    """Parse TOML, whose error messages name the line."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


PARSERS: dict[str, Callable[[str], object]] = {
    "yaml": from_yaml,
    "yml": from_yaml,
    "json": from_json,
    "toml": from_toml,
}
EXTENSIONS = (*PARSERS, "py")
