"""The fallback file: the last good configuration, for a start while etcd is unreachable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.io.runtime.files import write_atomically
from etcd_factory.options.fields import is_mapping

from .entries import Entries

VERSION = 1


def digest(found: Mapping[str, object]) -> str:
    """Return the checksum of everything but the checksum itself."""
    summed = {name: value for name, value in found.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(summed, sort_keys=True).encode()).hexdigest()


def write(path: Path, prefix: str, revision: int, entries: Entries) -> None:
    """Replace the file, as a whole or not at all. Only its owner can read it: it may contain secrets."""
    found = {"version": VERSION, "prefix": prefix, "revision": revision, "entries": dict(entries)}
    write_atomically(path, json.dumps({**found, "sha256": digest(found)}, indent=1).encode())


def load(path: Path, prefix: str) -> tuple[int, Entries]:
    """Return the revision and the entries of a file. Raises ``ConfigError`` if it cannot be used."""
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refused(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise refused(path, "is truncated or not JSON") from None
    if not is_mapping(found) or found.get("version") != VERSION:
        raise refused(path, f"does not have version {VERSION} of the format")
    if found.get("prefix") != prefix:
        raise refused(path, f"was written for another prefix, not for {prefix!r}")
    entries: object = found.get("entries")
    if not is_mapping(entries) or found.get("sha256") != digest(found):
        raise refused(path, "was changed: its checksum does not match")
    return found["revision"], {str(key): str(value) for key, value in entries.items()}


def refused(path: Path, why: str) -> ConfigError:
    """Return the error for a file that cannot be used."""
    return ConfigError(Fault(str(path), "", f"the fallback file {why}"))
