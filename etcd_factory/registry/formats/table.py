"""The names of formats."""

from __future__ import annotations

from collections.abc import Callable

from etcd_factory.errors import choice
from etcd_factory.options.mappings import FormatName

from .base import Format
from .etcd_factory import EtcdFactory
from .go_zero import GoZero
from .kitex import Kitex
from .kratos import Kratos
from .midway import Midway
from .naming import Naming

FORMATS: dict[FormatName, Callable[[], Format]] = {
    "etcd_factory": EtcdFactory,
    "naming": Naming,
    "kratos": Kratos,
    "go_zero": GoZero,
    "kitex": Kitex,
    "midway": Midway,
}
FormatLike = FormatName | Format


def format_of(given: FormatLike) -> Format:
    """Return a format by its name, or as it is; ``ValueError`` or ``TypeError`` for anything else."""
    if isinstance(given, str):
        return FORMATS[choice(given, FORMATS, "format")]()
    if isinstance(given, type) or not isinstance(given, Format):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a format must be one of {', '.join(FORMATS)}, or an instance of Format, not {given!r}")
    return given
