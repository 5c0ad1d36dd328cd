"""Reading the files that options name."""

from __future__ import annotations

import os
import stat

from etcd_factory.errors import ConfigError

from .fields import text


def content(path: str) -> bytes:
    """Return the content of a regular file. Raises ``ConfigError`` with the reason, without the path."""
    if "\0" in path:
        raise ConfigError("cannot read the file: not a path")
    try:
        with open(path, "rb", opener=opened) as file:
            is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            found = file.read() if is_regular else b""
    except OSError as error:
        raise ConfigError(f"cannot read the file: {error.strerror}") from None
    if not is_regular:
        raise ConfigError("is not a regular file")
    return found


def opened(path: str, flags: int) -> int:
    """Open a file without waiting, as for the writer of a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def expanded(path: str | os.PathLike[str]) -> str:
    """Return a path with ``~`` replaced by the home directory. Raises ``ConfigError`` if it cannot be one."""
    found = os.path.expanduser(text(os.fspath(path) if isinstance(path, os.PathLike) else path))
    if "\0" in found:
        raise ConfigError("expected a path, got text with a NUL character")
    return found
