"""The file that a configuration is read from where etcd is away at the start: the last good one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.io.runtime.files import write_atomically
from etcd_factory.options.fields import is_mapping

from .entries import Entries

VERSION = 1


def digest(found: Mapping[str, Any]) -> str:
    """By what a file is known to be whole and unchanged."""
    told = {name: value for name, value in found.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def write(path: Path, prefix: str, revision: int, entries: Entries) -> None:
    """Put the file there, whole or not at all. Only its owner reads it: there may be secrets in it."""
    found = {"version": VERSION, "prefix": prefix, "revision": revision, "entries": dict(entries)}
    write_atomically(path, json.dumps({**found, "sha256": digest(found)}, indent=1).encode())


def load(path: Path, prefix: str) -> tuple[int, Entries]:
    """The revision and the entries of a file; ``ConfigError`` says why one can't be used."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refused(path, f"can't be read: {error.strerror}") from None
    except ValueError:
        raise refused(path, "is not whole: it is no JSON") from None
    if not is_mapping(found) or found.get("version") != VERSION:
        raise refused(path, f"is not of version {VERSION} of this format")
    if found.get("prefix") != prefix:
        raise refused(path, f"is of another prefix, not of {prefix!r}")
    entries: Any = found.get("entries")
    if not is_mapping(entries) or found.get("sha256") != digest(found):
        raise refused(path, "is not as it was written: its checksum is wrong")
    return found["revision"], {str(key): str(value) for key, value in entries.items()}


def refused(path: Path, why: str) -> ConfigError:
    """A fall-back file that can't be used."""
    return ConfigError(Fault(str(path), "", f"the fall-back file {why}"))
