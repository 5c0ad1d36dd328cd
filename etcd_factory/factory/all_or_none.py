"""Making several clients: all of them, or none."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

from etcd_factory.core.ports import Runtime

T = TypeVar("T")

Make = Callable[[], Awaitable[T]]
Attempt = Callable[[], Coroutine[Any, Any, Exception | None]]

log = logging.getLogger("etcd_factory.factory")


async def all_or_none(
    runtime: Runtime, makers: Mapping[str, Make[T]], undo: Callable[[T], Awaitable[None]], *, concurrent: bool
) -> list[T]:
    """Return what the makers return, run in this order or at once.

    If one fails, or the caller is cancelled, what the others have made is undone; the first error is raised.
    """
    made: dict[str, T] = {}
    attempts = {name: partial(attempt, made, name, make) for name, make in makers.items()}
    try:
        failures = await (all_of(runtime, attempts) if concurrent else first_of(attempts))
        for name, failure in list(failures.items())[1:]:  # only one can be raised
            log.error("making the etcd client %r failed too: %s", name, failure)
        for failure in failures.values():
            raise failure
    except BaseException:
        for one in reversed(made.values()):
            await undo(one)
        raise
    return [made[name] for name in makers]


async def attempt(made: dict[str, T], name: str, make: Make[T]) -> Exception | None:
    """Note what is made; returns the error instead of raising it, since others may be under way."""
    try:
        made[name] = await make()
    except Exception as error:
        return error
    return None


async def all_of(runtime: Runtime, attempts: Mapping[str, Attempt]) -> dict[str, Exception]:
    """Return the errors of all attempts, made at once."""
    found = await runtime.gather([body() for body in attempts.values()])
    return {name: error for name, error in zip(attempts, found, strict=True) if error is not None}


async def first_of(attempts: Mapping[str, Attempt]) -> dict[str, Exception]:
    """Return the error of the first attempt that fails, made one after another."""
    for name, body in attempts.items():
        error = await body()
        if error is not None:
            return {name: error}
    return {}
