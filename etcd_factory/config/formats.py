"""Parsing the text of a file or of a variable into plain values."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from etcd_factory.errors import ConfigError, Fault

from .tree import refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The key that a YAML document is parsed under.
ROOT = "root"
# A YAML error quotes the text of the file, which may be a secret; ']' and '<stream end>' are not from the file.
QUOTED = re.compile(r" '[^<'][^']{2,}'")


def decoded(path: Path) -> str:
    """Return the text of a file without its byte order mark."""
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise broken(path, f"line {line}: not UTF-8") from None
    except OSError as error:
        raise broken(path, f"cannot read the file: {error.strerror}") from None


def parsed(path: Path, text: str) -> object:
    """Parse ``text`` in the format of the extension of ``path``. Raises ``ConfigError`` that names the line."""
    try:
        return PARSERS[path.suffix[1:]](text)
    # first: some of OmegaConf's errors are ValueErrors too
    except OmegaConfBaseException as error:
        raise ConfigError(refusal(error, str(path), ROOT)) from None
    except ValueError as error:
        raise broken(path, str(error)) from None


def broken(path: Path, message: str) -> ConfigError:
    """Return the error for a file that cannot be used."""
    return ConfigError(Fault(str(path), "", message))


def from_yaml(text: str) -> object:
    """Parse YAML as OmegaConf does: dates stay text, duplicate keys are an error."""
    try:
        # OmegaConf.load turns a document that is a single scalar into a mapping; under a key it stays text
        tree = OmegaConf.from_dotlist([f"{ROOT}={text}"])
    except yaml.MarkedYAMLError as error:
        # at the end of the text libyaml counts one line too many
        last = text.rstrip().count("\n")
        line = min(error.problem_mark.line, last) if error.problem_mark else last
        raise ValueError(f"line {line + 1}: {QUOTED.sub('', error.problem or 'not YAML')}") from None
    except yaml.reader.ReaderError as error:
        raise ValueError(f"line {text.count(chr(10), 0, error.position) + 1}: {error.reason}") from None
    return cast("dict[str, object]", OmegaConf.to_container(tree))[ROOT]


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
