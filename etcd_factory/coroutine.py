"""Running a coroutine that never suspends, as all code does in the blocking face."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def finish(body: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result. One that suspends is a defect: ``RuntimeError``."""
    try:
        body.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    body.close()
    raise RuntimeError(f"{body!r} waited for an event loop in the blocking face")
