"""Files that replace another one as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

NO_FOLDER = "this folder does not exist"


class AtomicFile:
    """A temporary file beside ``path``, readable by its owner only, that replaces ``path`` when it is committed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        handle, part = beside(self.path)
        self._part, self._file = Path(part), os.fdopen(handle, "wb")

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._file.write(data)

    def commit(self) -> None:
        """Flush to disk, then replace ``path``."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._part, self.path)

    def discard(self) -> None:
        """Remove the temporary file, unless it was committed; idempotent."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def beside(path: Path) -> tuple[int, str]:
    """Return a new file in the folder of ``path``, open and by its name. Raises ``OSError`` that names the folder."""
    from tempfile import mkstemp  # loads much

    try:
        return mkstemp(".part", f"{path.name}.", path.parent)
    except OSError as error:
        problem = NO_FOLDER if isinstance(error, FileNotFoundError) else f"no file can be created: {error.strerror}"
        raise OSError(error.errno, problem, str(path.parent)) from error


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file as a whole or not at all, readable by its owner only."""
    file = AtomicFile(path)
    try:
        file.write(data)
        file.commit()
    finally:
        file.discard()
