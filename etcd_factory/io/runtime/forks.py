"""When connections outlive their owner: a fork, or a client that nobody closed."""

from __future__ import annotations

import os
import warnings
import weakref
from typing import Any, Protocol


class Forkable(Protocol):
    """What has connections."""

    def forget(self) -> Any:
        """Drop the connections without touching them, and give them back."""


def forgotten(urls: Any, connections: Any) -> None:
    """For ``__del__``: warn of a client that had connections and was never closed."""
    if connections and warnings:  # at the end of the interpreter modules are gone before their objects
        message = f"an etcd client of {', '.join(urls)} was never closed; use it with 'with' or 'async with'"
        warnings.warn(message, ResourceWarning, stacklevel=3)


_live: weakref.WeakSet[Any] = weakref.WeakSet()
_inherited: list[Any] = []  # kept for good: gRPC's clean-up would wait for threads that only the parent has


def watch(one: Forkable) -> None:
    """Let ``one`` forget its connections in forked children."""
    _live.add(one)


def _in_child() -> None:
    _inherited.extend(one.forget() for one in list(_live))


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
