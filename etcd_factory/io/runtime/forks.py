"""Forks: what has connections or threads drops them in the child, untouched."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from contextlib import suppress

from etcd_factory.core.background import Forkable

log = logging.getLogger("etcd_factory.client")

SIZE, STEP = 8 << 20, 1 << 20  # bytes


class Moved:
    """The process whose threads have their stacks elsewhere; at first the one that imports this."""

    pid = os.getpid()


_moved = Moved()
_live: weakref.WeakSet[Forkable] = weakref.WeakSet()
_inherited: list[object] = []  # kept for good: gRPC's clean-up would wait for threads that only the parent has


def register(one: Forkable) -> None:
    """Let ``one`` forget its connections in forked children."""
    _live.add(one)


def move_stacks() -> None:
    """Give the threads of a forked child stacks at other addresses than those of its parent's threads.

    A child's gRPC still has the address of what a polling thread of its parent had on its stack, and takes its own for
    that where the addresses are equal: "Check failed: g_active_poller" (ev_epoll1_linux.cc), or a crash. glibc reuses
    the stacks of threads that are not in the child (__reclaim_stacks), unless a new thread needs a larger one. Without
    this 11 of 15 processes crashed whose three children forked once more, with it none.
    """
    if _moved.pid != os.getpid():
        _moved.pid = os.getpid()
        with suppress(ValueError, RuntimeError):  # a size that this system does not have
            threading.stack_size(max(threading.stack_size(), default_size()) + STEP)  # to ask for it sets it to 0


def default_size() -> int:
    """Return the bytes of a thread's stack, if Python does not say it: by glibc the limit of the main thread's."""
    import resource  # not on Windows, where nothing forks

    size: int = resource.getrlimit(resource.RLIMIT_STACK)[0]
    return size if size != resource.RLIM_INFINITY else SIZE


def _in_child() -> None:
    for one in list(_live):
        try:
            _inherited.append(one.forget())
        except Exception:  # a transport of a user's may: the others must not keep their parent's connections for it
            log.exception("a %s keeps what it had in the parent of this process", type(one).__name__)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
