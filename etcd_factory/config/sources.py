"""What a source is made of: which files and values take part, and in what order. Nothing is read here."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from attrs import field, frozen

from etcd_factory.errors import Fault, suggestion
from etcd_factory.options.kinds import is_mapping

from .environment import DEFAULT
from .formats import ENDINGS
from .tree import Labels, plain

logger = logging.getLogger("etcd_factory.config")

KNOWN = ", ".join(ENDINGS)
PLAIN = ""


@frozen
class Part:
    """One piece of the configuration: a file to read, or values, or what is wrong with the source.

    ``word`` is the layer, ``label`` its name in messages; ``labels`` are those of single values, where they differ.
    """

    word: str
    label: str
    file: Path | None = None
    values: Any = field(default=None, repr=False)
    fault: Fault | None = None
    labels: Labels = field(factory=dict[tuple[str, ...], str])


@runtime_checkable
class Layered(Protocol):
    """What has layers of its own, as a live configuration centre has."""

    def config_layers(self) -> Iterable[Part]:
        """Its layers, the lowest first."""
        ...


Source: TypeAlias = str | os.PathLike[str] | Mapping[Any, Any] | Layered


def plan(sources: Iterable[Source], words: Sequence[str]) -> list[Part]:
    """The parts of all sources, lowest layer first; within a layer a later source stands higher."""
    numbers = itertools.count(1)
    parts = [part for source in sources for part in expand(source, words, numbers)]
    ranks = {word: rank for rank, word in enumerate((*words, PLAIN))}
    return sorted(parts, key=lambda part: ranks[part.word])


def expand(source: Source, words: Sequence[str], numbers: Iterator[int]) -> list[Part]:
    """The parts of one source, by what kind of thing it is."""
    if isinstance(source, Layered):
        return [*source.config_layers()]
    if is_mapping(source):
        return values(plain(source), words, f"mapping {next(numbers)}")
    if not isinstance(cast("object", source), (str, os.PathLike)):
        raise TypeError(f"a source is a directory, a file or a mapping, not {type(source).__name__}")
    path = Path(source)
    # The file system decides: a directory's name may hold dots.
    if path.is_dir() or not (path.suffix or path.is_file()):
        return folder(path, words)
    return file(path, words)


def values(content: Any, words: Sequence[str], label: str) -> list[Part]:
    """A mapping: plain values, or values by environment if it has the key ``default``."""
    if not is_mapping(content) or DEFAULT not in content:
        return [Part(PLAIN, label, values=content)]
    return [Part(word, f"{label} [{word}]", values=content[word]) for word in words if word in content]


def folder(path: Path, words: Sequence[str]) -> list[Part]:
    """The files in a directory that take part, by name; it has to hold the base layer."""
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return wrong(path, f"there is no such directory; looked at {path.absolute()}")
    except OSError as error:
        return wrong(path, f"can't list this directory: {error.strerror}; looked at {path.absolute()}")
    parts = [part for name in names for part in entry(path / name, words)]
    if any(part.word == DEFAULT for part in parts):
        return parts
    return [*parts, *wrong(path, f"no *.{DEFAULT}.* file (of {KNOWN}); looked in {path.absolute()}")]


def entry(path: Path, words: Sequence[str]) -> list[Part]:
    """One name in a directory; most are somebody else's."""
    word, ending = split(path)
    is_backup = path.name.startswith(".") or path.name.endswith("~")
    if is_backup or word not in words:
        return []
    if ending not in ENDINGS:
        logger.warning("%s is not read: its ending is none of %s", path, KNOWN)
        return []
    return [Part(word, str(path), path)]


def file(path: Path, words: Sequence[str]) -> list[Part]:
    """A file that was asked for by name."""
    word, ending = split(path)
    if ending not in ENDINGS:
        return wrong(path, f"unknown ending; the endings are: {KNOWN}")
    if not path.exists():
        return wrong(path, f"there is no such file; looked at {path.absolute()}{neighbour(path)}")
    if word and word not in words:
        logger.info("%s is not read: it belongs to the environment %r", path, word)
        return []
    return [Part(word or DEFAULT, str(path), path)]


def split(path: Path) -> tuple[str, str]:
    """The word and the ending of ``<anything>.<word>.<ending>``, each empty if it is not there."""
    _, *rest = path.name.lstrip(".").split(".")
    word, ending = (["", "", *rest])[-2:]
    return word, ending


def neighbour(path: Path) -> str:
    """The nearest name in the same directory, as advice."""
    return suggestion(path.name, os.listdir(path.parent)) if path.parent.is_dir() else ""


def wrong(path: Path, message: str) -> list[Part]:
    """A part that takes the place of the ones that can't be had."""
    return [Part(DEFAULT, str(path), fault=Fault(str(path), "", message))]
