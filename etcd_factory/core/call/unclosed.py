"""Clients that were never closed, and that nobody can close any more: they are warned of, and ended."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from weakref import finalize

from etcd_factory.site import Site, caller

if TYPE_CHECKING:
    from .client import Client


class Handle:
    """Held by everything of the user's that uses a client: when it is gone, nobody can close the client."""

    __slots__ = ("__weakref__", "ending")

    ending: finalize[Any, Any]


def handle(client: Client) -> Handle:
    """Return the handle of a client, which ends with it."""
    held = Handle()
    held.ending = finalize(held, end, client, caller())
    held.ending.atexit = False
    return held


def release(held: Handle, unused: Callable[[], object]) -> None:
    """Call ``unused`` once the handle is gone, in place of warning: somebody closes the client then.

    The garbage collector calls it: it must neither wait nor take a lock.
    """
    held.ending.detach()
    held.ending = finalize(held, unused)
    held.ending.atexit = False


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
