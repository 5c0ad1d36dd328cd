"""What newer Pythons have, for older ones; importing ``typing_extensions`` takes 3 ms."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

if sys.version_info >= (3, 11):
    from typing import Self
else:
    from typing_extensions import Self

__all__ = ["Self", "mark_awaitable", "mark_waiting"]

C = TypeVar("C", bound=Callable[..., Any])

_waiting: list[Any] = []


def mark_awaitable(function: C) -> C:
    """Mark a function that returns what is awaited as a coroutine function: ``create_autospec`` sees that it is.

    Before Python 3.12 the mark is asyncio's own, which is not imported for it: functions marked before wait.
    """
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    _waiting.append(function)
    if "asyncio.coroutines" in sys.modules:
        mark_waiting()
    return function


def mark_waiting() -> None:
    """Mark the functions that wait for asyncio to be imported."""
    if _waiting:
        from asyncio import coroutines

        mark: Any = coroutines._is_coroutine  # type: ignore[attr-defined]  # pyright: ignore
        while _waiting:
            _waiting.pop()._is_coroutine = mark
