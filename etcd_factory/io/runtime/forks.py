"""Forks: what has connections or threads drops them in the child, untouched."""

from __future__ import annotations

import os
import weakref

from etcd_factory.core.background import Forkable

_live: weakref.WeakSet[Forkable] = weakref.WeakSet()
_inherited: list[object] = []  # kept for good: gRPC's clean-up would wait for threads that only the parent has


def register(one: Forkable) -> None:
    """Let ``one`` forget its connections in forked children."""
    _live.add(one)


def _in_child() -> None:
    _inherited.extend([one.forget() for one in list(_live)])


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
