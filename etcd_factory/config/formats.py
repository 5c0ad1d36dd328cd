"""From the text of a file, or of a variable, to plain values."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from etcd_factory.errors import ConfigError, Fault

from .tree import refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The key that a YAML document is read below.
ROOT = "root"
# What a YAML message has in quotes is the text of the file, which may be a secret; ']' and '<stream end>' are not.
QUOTED = re.compile(r" '[^<'][^']{2,}'")


def decoded(path: Path) -> str:
    """The text of a file, its byte order mark left out."""
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise broken(path, f"line {line}: not UTF-8") from None
    except OSError as error:
        raise broken(path, f"can't be read: {error.strerror}") from None


def parsed(path: Path, text: str) -> Any:
    """The values in ``text``, read as the ending of ``path`` says; ``ConfigError`` names the line that is wrong."""
    try:
        return READERS[path.suffix[1:]](text)
    # Some of OmegaConf's errors are ValueErrors too.
    except OmegaConfBaseException as error:
        raise ConfigError(refusal(error, str(path), ROOT)) from None
    except ValueError as error:
        raise broken(path, str(error)) from None


def broken(path: Path, message: str) -> ConfigError:
    """The error for a file that can't be used."""
    return ConfigError(Fault(str(path), "", message))


def from_yaml(text: str) -> Any:
    """The values as OmegaConf reads YAML: no dates, no key twice."""
    try:
        # OmegaConf.load takes a document that is one word for a mapping; below a key it stays a word.
        tree = OmegaConf.from_dotlist([f"{ROOT}={text}"])
    except yaml.MarkedYAMLError as error:
        # At the end of the text libyaml counts a line that is not there.
        last = text.rstrip().count("\n")
        line = min(error.problem_mark.line, last) if error.problem_mark else last
        raise ValueError(f"line {line + 1}: {QUOTED.sub('', error.problem or 'not YAML')}") from None
    except yaml.reader.ReaderError as error:
        raise ValueError(f"line {text.count(chr(10), 0, error.position) + 1}: {error.reason}") from None
    return cast("dict[str, Any]", OmegaConf.to_container(tree))[ROOT]


def from_json(text: str) -> Any:
    """The values in JSON, no key twice; no text at all is no values."""
    import json

    try:
        return json.loads(text, object_pairs_hook=unique) if text.strip() else None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, of which Python would keep the last of two equal keys."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"found duplicate key {key}")
        found[key] = value
    return found


def from_toml(text: str) -> Any:
    """The values in TOML, whose messages name the line."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


READERS: dict[str, Callable[[str], Any]] = {
    "yaml": from_yaml,
    "yml": from_yaml,
    "json": from_json,
    "toml": from_toml,
}
ENDINGS = (*READERS, "py")
