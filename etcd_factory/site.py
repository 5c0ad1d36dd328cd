"""The line of the user's program that made something, for warnings that name it."""

from __future__ import annotations

import inspect
import sys
from types import FrameType
from typing import TypeAlias

PACKAGE = __name__.partition(".")[0]

BETWEEN = ("attr", "copy", "copyreg", "dishka")  # packages that create our objects for the user's line

NOTES_BUILDERS: bool = sys.flags.dev_mode  # read once, by ``core.pending``; the pytest plugin sets it before

Site: TypeAlias = "tuple[str, int]"  # a file and a line


def caller() -> Site:
    """Return the line that called this package, perhaps through one of ``BETWEEN``."""
    frame = inspect.currentframe()
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("<unknown>", 0)


def is_ours(frame: FrameType) -> bool:
    """Whether a frame belongs to this package, or to what it is called through."""
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0] in (PACKAGE, *BETWEEN) or frame.f_code.co_filename.startswith("<attrs")


def in_package(module: str) -> bool:
    """Whether a module is one of this package."""
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")
