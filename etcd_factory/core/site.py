"""The line of the user's program that made something, for warnings that name it."""

from __future__ import annotations

import inspect
from types import FrameType
from typing import TypeAlias

PACKAGE = __name__.partition(".")[0]

Site: TypeAlias = "tuple[str, int]"  # a file and a line


def caller() -> Site:
    """Return the line that called this package."""
    frame = inspect.currentframe()
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("<unknown>", 0)


def is_ours(frame: FrameType) -> bool:
    """Whether a frame belongs to this package, or to what attrs generates for it."""
    return in_package(frame.f_globals.get("__name__", "")) or frame.f_code.co_filename.startswith("<attrs")


def in_package(module: str) -> bool:
    """Whether a module is one of this package."""
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")
