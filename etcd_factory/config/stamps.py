"""Whether sources have changed since they were last looked at, without reading them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from etcd_factory.options.fields import is_mapping

from .sources import Layered, Part, Source

Stamp = tuple[object, ...]


def stamps(sources: Iterable[Source]) -> list[object]:
    """Return something that differs once a file was written, replaced, added or removed, or a layer has other values.

    Mappings are not looked at. A file is followed to where its links lead: Kubernetes changes all files of a mounted
    ConfigMap at once by replacing the link ``..data``.
    """
    return [stamp for source in sources for stamp in of(source)]


def of(source: Source) -> list[Stamp] | list[Part]:
    """Return the stamps of one source, by its type."""
    if isinstance(source, Layered):
        return [*source.config_layers()]
    if is_mapping(source):
        return []
    return [of_file(path) for path in files(os.fspath(source))]


def files(path: str) -> list[str]:
    """Return the path, or of a directory all files that may be read; backups and the files of editors are not."""
    try:
        names = sorted(os.listdir(path))
    except (OSError, ValueError):  # a file, nothing, or a name that no file can have
        return [path]
    return [os.path.join(path, name) for name in names if not name.startswith(".") and not name.endswith("~")]


def of_file(path: str) -> Stamp:
    """Return what changes with a file: its time, its size, its number, and where it is."""
    try:
        found = os.stat(path)
        return path, os.path.realpath(path), found.st_mtime_ns, found.st_size, found.st_ino
    except (OSError, ValueError):
        return (path,)
