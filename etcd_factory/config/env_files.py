"""``.env`` files as sources: the variables ``ETCD_FACTORY__A__B=value`` of a file, below those of the environment."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from etcd_factory.errors import ConfigError, Fault

from .formats import broken, decoded
from .variables import variables

if TYPE_CHECKING:
    from .references import References
    from .sources import Part

NEEDED = "reading it needs python-dotenv: pip install 'etcd-factory[dotenv]'"


def parts(path: Path, below: References) -> list[Part]:
    """Return the faults of single variables of a file and the layer of the others, over the layers below it.

    Other variables of the file are not read. Raises ``ConfigError`` for a file that cannot be read.
    """
    return [labelled(part, str(path)) for part in variables(written(path), below)]


def written(path: Path) -> dict[str, str]:
    """Return the variables of a file, ``${NAME}`` in it unchanged. Raises ``ConfigError`` that names the line."""
    try:
        from dotenv.parser import parse_stream
    except ImportError:
        raise ConfigError(Fault(str(path), "", NEEDED)) from None
    found = [*parse_stream(io.StringIO(decoded(path)))]
    for each in found:
        if each.error:
            raise broken(path, f"line {each.original.line}: expected NAME=value")
    return {each.key: each.value for each in found if each.key is not None and each.value is not None}


def labelled(part: Part, file: str) -> Part:
    """Return a part whose labels name the file too: ``.env: $ETCD_FACTORY__A``."""
    fault = part.fault and evolve(part.fault, file=f"{file}: {part.fault.file}")
    labels = {path: f"{file}: {label}" for path, label in part.labels.items()}
    return evolve(part, label=file, labels=labels, fault=fault)
