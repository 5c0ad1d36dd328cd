"""From sources to parts: which files and values to load, and in what order. No file is read here."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from attrs import field, frozen
from omegaconf import OmegaConf

from etcd_factory.errors import Fault, suggestion
from etcd_factory.options.fields import is_mapping
from etcd_factory.options.urls import is_url

from .environment import DEFAULT
from .formats import EXTENSIONS
from .tree import Labels, plain

logger = logging.getLogger("etcd_factory.config")

KNOWN = ", ".join(EXTENSIONS)
PLAIN = ""
ENV_FILE = ".env"  # the layer of such files: above all others but the environment's variables
NOT_A_SOURCE = "a URL is the options of a client, not a source; pass {'etcd': {'client': url}}"


@frozen
class Part:
    """One part of the configuration: a file to read, or values, or the fault of its source.

    ``layer`` is ``default``, an environment, or empty for plain values. ``label`` is the part's name in messages;
    ``labels`` are those of single values that have another one.
    """

    layer: str
    label: str
    file: Path | None = None
    values: object = field(default=None, repr=False)
    fault: Fault | None = None
    labels: Labels = field(factory=dict[tuple[str, ...], str])


@runtime_checkable
class Layered(Protocol):
    """A source with layers of its own, as a live configuration center is."""

    def config_layers(self) -> Iterable[Part]:
        """Return its layers, lowest first."""
        ...


Source: TypeAlias = str | os.PathLike[str] | Mapping[Any, Any] | Layered


def plan(sources: Iterable[Source], layers: Sequence[str]) -> list[Part]:
    """Return the parts of all sources, lowest layer first; within a layer a later source overrides an earlier one."""
    numbers = itertools.count(1)
    parts = [part for source in sources for part in expand(source, layers, numbers)]
    ranks = {layer: rank for rank, layer in enumerate((*layers, PLAIN, ENV_FILE))}
    return sorted(parts, key=lambda part: ranks[part.layer])


def expand(source: Source, layers: Sequence[str], numbers: Iterator[int]) -> list[Part]:
    """Return the parts of one source, by its type."""
    if isinstance(source, Layered):
        return [*source.config_layers()]
    if is_mapping(source):
        content = plain(source) if OmegaConf.is_config(source) else source  # reading a tree would resolve it
        return values(content, layers, f"mapping {next(numbers)}")
    if not isinstance(cast("object", source), (str, os.PathLike)):
        raise TypeError(f"a source is a directory, a file or a mapping, not {type(source).__name__}")
    if is_url(source):
        return [Part(DEFAULT, "etcd://...", fault=Fault("etcd://...", "", NOT_A_SOURCE))]
    path = Path(source)
    # the file system decides: the name of a directory may contain dots
    # (os.path, unlike Path, has an answer for names that no file can have)
    is_folder = os.path.isdir(path)
    if is_env_file(path) and not is_folder:
        return env_file(path)
    return folder(path, layers) if is_folder or not (path.suffix or os.path.isfile(path)) else file(path, layers)


def values(content: object, layers: Sequence[str], label: str) -> list[Part]:
    """Return the parts of a mapping: plain values, or values by environment if it has the key ``default``."""
    if not is_mapping(content) or DEFAULT not in content:
        return [Part(PLAIN, label, values=content)]
    return [Part(layer, f"{label} [{layer}]", values=content[layer]) for layer in layers if layer in content]


def folder(path: Path, layers: Sequence[str]) -> list[Part]:
    """Return the files of a directory that belong to these layers, by name; the base layer is required."""
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return wrong(path, f"no such directory; looked at {path.absolute()}")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return wrong(path, f"cannot list this directory: {reason}; looked at {path.absolute()}")
    parts = [part for name in names for part in entry(path / name, layers)]
    if any(part.layer == DEFAULT for part in parts):
        return parts
    return [*parts, *wrong(path, f"no *.{DEFAULT}.* file (of {KNOWN}); looked in {path.absolute()}")]


def entry(path: Path, layers: Sequence[str]) -> list[Part]:
    """Return the part for one name in a directory; files that belong to no layer are skipped silently."""
    layer, extension = split(path)
    is_backup = path.name.startswith(".") or path.name.endswith("~")
    if is_backup or layer not in layers:
        return []
    if extension not in EXTENSIONS:
        logger.warning("%s is not read: its extension is not one of %s", path, KNOWN)
        return []
    return [Part(layer, str(path), path)]


def file(path: Path, layers: Sequence[str]) -> list[Part]:
    """Return the part for a file that was requested by name."""
    layer, extension = split(path)
    if extension not in EXTENSIONS:
        return wrong(path, f"unknown extension; expected one of {KNOWN}")
    if not os.path.exists(path):
        return wrong(path, f"no such file; looked at {path.absolute()}{neighbour(path)}")
    if layer and layer not in layers:
        logger.info("%s is not read: it belongs to the environment %r", path, layer)
        return []
    return [Part(layer or DEFAULT, str(path), path)]


def is_env_file(path: Path) -> bool:
    """Whether a name is that of a ``.env`` file: ``.env``, ``.env.local``, ``local.env``."""
    return path.name.endswith(".env") or path.name.startswith(".env.")


def env_file(path: Path) -> list[Part]:
    """Return the part for a ``.env`` file, which belongs to every environment."""
    if not os.path.exists(path):
        return wrong(path, f"no such file; looked at {path.absolute()}{neighbour(path)}")
    return [Part(ENV_FILE, str(path), path)]


def split(path: Path) -> tuple[str, str]:
    """Return the layer and the extension of ``<anything>.<layer>.<extension>``, each empty if missing."""
    _, *rest = path.name.lstrip(".").split(".")
    layer, extension = (["", "", *rest])[-2:]
    return layer, extension


def neighbour(path: Path) -> str:
    """Return the most similar name in the same directory, as a suggestion."""
    with suppress(OSError, ValueError):  # the directory is missing, or its name is none that a file can have
        return suggestion(path.name, os.listdir(path.parent))
    return ""


def wrong(path: Path, message: str) -> list[Part]:
    """Return a part with the fault of a source that cannot be read."""
    return [Part(DEFAULT, str(path), fault=Fault(str(path), "", message))]
