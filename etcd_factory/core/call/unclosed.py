"""Clients that were never closed, and that nobody can close any more: they are warned of, and ended."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias
from weakref import finalize

if TYPE_CHECKING:
    from .client import Client

PACKAGE = __name__.partition(".")[0]

Site: TypeAlias = "tuple[str, int]"  # a file and a line


class Handle:
    """Held by everything of the user's that uses a client: when it is gone, nobody can close the client."""

    __slots__ = ("__weakref__",)


def handle(client: Client) -> Handle:
    """Return the handle of a client, which ends with it."""
    held = Handle()
    finalize(held, end, client, caller()).atexit = False
    return held


def end(client: Client, site: Site) -> None:
    """Warn of a client whose background work goes on, and end that. Called by the garbage collector: never waits."""
    scopes = client.working()
    if scopes:
        warn(client.options.hosts, site)
        client.runtime.finalize(scopes, client.close_here)


def warn(hosts: Iterable[str], site: Site) -> None:
    """Warn of an unclosed client, at the line that created it."""
    if warnings:  # at interpreter exit modules are gone before their objects
        message = f"an etcd client of {', '.join(hosts)} was never closed; use it with 'with' or 'async with'"
        warnings.warn_explicit(message, ResourceWarning, *site)


def caller() -> Site:
    """Return the line that called this package."""
    frame = inspect.currentframe()
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("<unknown>", 0)


def is_ours(frame: FrameType) -> bool:
    """Whether a frame belongs to this package, or to what attrs generates for it."""
    name = frame.f_globals.get("__name__", "")
    return name == PACKAGE or name.startswith(f"{PACKAGE}.") or frame.f_code.co_filename.startswith("<attrs")
