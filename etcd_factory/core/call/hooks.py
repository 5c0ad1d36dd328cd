"""Telling hooks what a client does. Whatever a hook raises is logged, and changes nothing for the client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from etcd_factory import model
from etcd_factory.core.handlers import is_async

if TYPE_CHECKING:
    from etcd_factory.model.activity import Activity

log = logging.getLogger("etcd_factory.client")

T = TypeVar("T")
Hook = Callable[["Activity"], object]
Hooks = tuple[Hook, ...]
Manager = AbstractContextManager[object]


def checked(hook: Hook) -> Hook:
    """Return a hook; ``TypeError`` if it cannot be called, or would have to be awaited."""
    if not callable(hook) or isinstance(hook, type):
        raise TypeError(f"a hook is a function that takes what happened, not {hook!r}")
    if is_async(hook):
        raise TypeError(f"{hook!r} is async; nothing waits for a hook: write 'def', and let it begin a task")
    return hook


def report(hooks: Hooks, activity: Activity) -> None:
    """Tell the hooks what has happened."""
    for hook in hooks:
        call(hook, activity)


def call(hook: Callable[..., Any], *args: object) -> Any:
    """Return what a hook returns, None if it fails."""
    try:
        return hook(*args)
    except Exception:
        log.exception("a hook of on_call failed")
        return None


@contextmanager
def around(hooks: Hooks, activity: Activity) -> Generator[list[BaseException], None, None]:
    """Tell the hooks what is about to happen in the block; the context managers that they return are entered for it.

    What is added to the list counts as raised in the block.
    """
    entered: list[Manager] = []
    failures: list[BaseException] = []
    for hook in hooks:
        given = call(hook, activity)
        if hasattr(given, "__enter__") and call(enter, given):
            entered.append(given)
    try:
        yield failures
    except BaseException as error:
        failures.insert(0, error)
        raise
    finally:
        for one in reversed(entered):
            call(leave, one, failures)
        failures.clear()  # no cycle through their tracebacks


def enter(given: Manager) -> bool:
    """Enter a context manager."""
    given.__enter__()
    return True


def leave(given: Manager, failures: Sequence[BaseException]) -> None:
    """Leave a context manager, by the first failure if there is one."""
    error = failures[0] if failures else None
    given.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)


def timed(hooks: Hooks, now: Callable[[], float], events: Iterator[T], count: int) -> Iterator[T]:
    """Return events that have just come; their first reader lets the hooks know how long they have waited."""
    return _timed(hooks, now, events, count, now())


def _timed(hooks: Hooks, now: Callable[[], float], events: Iterator[T], count: int, received: float) -> Iterator[T]:
    report(hooks, model.activity.Delivered(count, now() - received))
    yield from events
