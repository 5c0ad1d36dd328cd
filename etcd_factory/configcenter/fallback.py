"""The fallback file: the last good configuration, for a start while etcd is unreachable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.io.runtime.files import write_atomically
from etcd_factory.options.fields import is_mapping

from .entries import Entries

VERSION = 1


class Codec(Protocol):
    """Encrypts fallback files, for example with ``cryptography.fernet.Fernet``; may be called in any thread."""

    def encode(self, data: bytes, /) -> bytes:
        """Return what is written to the file."""
        ...

    def decode(self, data: bytes, /) -> bytes:
        """Return what ``encode`` was given. Raises any exception if that is not what the file has."""
        ...


def codec_of(given: Codec | None) -> Codec | None:
    """Return a codec; ``TypeError`` if it is none."""
    if given is None or all(callable(getattr(given, name, None)) for name in ("encode", "decode")):
        return given
    raise TypeError(f"a codec is an object with the methods encode and decode, not {type(given).__name__}")


def digest(found: Mapping[str, object]) -> str:
    """Return the checksum of everything but the checksum itself."""
    summed = {name: value for name, value in found.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(summed, sort_keys=True).encode()).hexdigest()


def write(path: Path, prefix: str, revision: int, entries: Entries, codec: Codec | None = None) -> None:
    """Replace the file, as a whole or not at all. Only its owner can read it: it may contain secrets.

    Raises ``ValueError`` if the codec fails; the file then stays as it is.
    """
    found = {"version": VERSION, "prefix": prefix, "revision": revision, "entries": dict(entries)}
    data = json.dumps({**found, "sha256": digest(found)}, indent=1).encode()
    write_atomically(path, data if codec is None else encoded(codec, data))


def encoded(codec: Codec, data: bytes) -> bytes:
    """Return what a codec makes of the data; its own error is not shown, as it may quote them."""
    try:
        made: object = codec.encode(data)
    except Exception as error:
        raise ValueError(f"its codec raised {type(error).__name__}") from None
    if not isinstance(made, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"its codec must return bytes, not {type(made).__name__}")
    return made


def decoded(codec: Codec, path: Path, data: bytes) -> bytes:
    """Return what the file had before it was encoded."""
    try:
        return codec.decode(data)
    except Exception as error:
        why = f"cannot be decoded: its codec raised {type(error).__name__}; was it written with another one?"
        raise refused(path, why) from None


def load(path: Path, prefix: str, codec: Codec | None = None) -> tuple[int, Entries]:
    """Return the revision and the entries of a file. Raises ``ConfigError`` if it cannot be used."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # also a path that no file can have
        raise refused(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    found = content(path, data if codec is None else decoded(codec, path, data))
    if not is_mapping(found) or found.get("version") != VERSION:
        raise refused(path, f"does not have version {VERSION} of the format")
    if found.get("prefix") != prefix:
        raise refused(path, f"was written for another prefix, not for {prefix!r}")
    entries: object = found.get("entries")
    if not is_mapping(entries) or found.get("sha256") != digest(found):
        raise refused(path, "was changed: its checksum does not match")
    return found["revision"], {str(key): str(value) for key, value in entries.items()}


def content(path: Path, data: bytes) -> object:
    """Return what is in a file."""
    try:
        found: object = json.loads(data.decode())
    except (AttributeError, ValueError):  # a codec may return anything
        raise refused(path, "is truncated or not JSON") from None
    return found


def refused(path: Path, why: str) -> ConfigError:
    """Return the error for a file that cannot be used."""
    return ConfigError(Fault(str(path), "", f"the fallback file {why}"))
