"""Calling the functions that users gave."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .face import Async
from .ports import IO, value_of


async def call(io: IO, log: logging.Logger, what: str, handler: Callable[..., Any], *args: Any) -> None:
    """Call the function; in asyncio it may be ``async``. What it raises is logged."""
    try:
        given = handler(*args)
        if io.face is Async:
            await value_of(given)
    except Exception:
        log.exception("a function called for %s failed", what)
