"""Which environments the sources know, and which files of the chosen one they do not have."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from etcd_factory.errors import suggestion
from etcd_factory.options.kinds import is_mapping

from .environment import DEFAULT
from .formats import EXTENSIONS
from .sources import Part, Source, is_env_file, split

logger = logging.getLogger("etcd_factory.config")

PATTERN = ",".join(EXTENSIONS)


def warn_unknown(env: str, sources: Sequence[Source], layers: Sequence[str]) -> None:
    """Log a warning if no source has anything for an environment, though some have."""
    problem = nothing_for(env, sources, layers)
    if problem:
        logger.warning("%s", problem)


def nothing_for(env: str, sources: Sequence[Source], layers: Sequence[str], *, strict: bool = False) -> str:
    """Return that no source has anything for an environment, though some have; with ``strict``, for others."""
    known = {layer for source in sources for layer in known_in(source)}
    others = sorted(known - {DEFAULT})
    if not (others if strict else known) or len(layers) == 1 or not known.isdisjoint(layers[1:]):
        return ""
    places = ", ".join(str(source) for source in sources if isinstance(source, (str, os.PathLike))) or "the sources"
    there = f"; there is: {', '.join(others)}" if others else ""
    return f"{places}: nothing for the environment {env!r}{suggestion(env, others)}{there}"


def known_in(source: Source) -> Iterator[str]:
    """Yield the layers that a source has, its base layer too; nothing for one that is the same in all environments."""
    if is_mapping(source):
        yield from map(str, source if DEFAULT in source else ())
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        names = [] if is_env_file(path) else [path.name]
        if os.path.isdir(path):
            with suppress(OSError):  # it is reported where the files are read
                names = os.listdir(path)
        yield from (layer for layer, extension in map(split, map(Path, names)) if layer and extension in EXTENSIONS)


def absent(sources: Iterable[Source], layers: Iterable[str], parts: Iterable[Part]) -> list[str]:
    """Return the files that were looked for in directories and are not there."""
    found = {(part.file.parent, part.layer) for part in parts if part.file}
    folders = [Path(source) for source in sources if isinstance(source, (str, os.PathLike)) and os.path.isdir(source)]
    return [
        f"{folder}/*.{layer}.{{{PATTERN}}}" for folder in folders for layer in layers if (folder, layer) not in found
    ]
