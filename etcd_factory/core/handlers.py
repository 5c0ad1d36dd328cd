"""Users' functions: checked when they are passed, so that none is registered that can never run, and called later."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from .face import Async, Face, Sync, settle

C = TypeVar("C", bound=Callable[..., object])

Handler = Callable[..., object]
Listener = Callable[[], object]  # of the core's own: it checks and calls handlers, and may return a coroutine


def checked(function: C, face: Face, what: str = "a handler") -> C:
    """Return a function; ``TypeError`` if it is none, or is ``async`` where the client blocks."""
    if not callable(function):
        raise TypeError(f"{what} must be a function, not {type(function).__name__}")
    if face is Sync and is_async(function):
        raise wrong_face(function)
    return function


def is_async(function: Callable[..., object]) -> bool:
    """Whether a function, or an object with ``__call__``, is certain to return a coroutine."""
    call = getattr(type(function), "__call__", None)  # noqa: B004  # its own, to be looked at
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def wrong_face(function: object) -> TypeError:
    """Return the error for an async function that a blocking client was to call."""
    return TypeError(f"{function!r} is async; for the blocking ETCDService write 'def'")


async def called(function: Callable[..., Any], face: Face, *args: object) -> Any:
    """Return what a user's function returns, awaited in asyncio.

    A coroutine in the blocking face is ``TypeError``: it would never run.
    """
    given = function(*args)
    if face is Async:
        return await settle(given)
    if inspect.iscoroutine(given):
        given.close()
        raise wrong_face(function)
    return given


async def call_handler(
    face: Face, log: logging.Logger, what: str, handler: Handler, *args: object
) -> BaseException | None:
    """Call a user's function, which in asyncio may be ``async``. What it raises is logged and returned.

    So are ``SystemExit`` and ``KeyboardInterrupt`` in the blocking face: in a thread they end nothing but the calls
    that were to follow. In asyncio they end the event loop, as they do in any task.
    """
    try:
        await called(handler, face, *args)
    except Exception as error:
        log.exception("a handler of %s failed", what)
        return error
    except BaseException as error:
        if face is not Sync:
            raise
        log.exception("a handler of %s failed; a program is ended in its main thread", what)
        return error
    return None


async def call_listeners(
    listeners: deque[Listener], log: logging.Logger, what: str, wanted: Callable[[], bool]
) -> None:
    """Call each listener once, one after another, for as long as ``wanted``. What one raises is logged."""
    while listeners and wanted():
        try:
            await settle(listeners.popleft()())
        except Exception:
            log.exception("a listener of %s failed", what)
