"""Collecting faults, and the error that carries them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import frozen

from etcd_factory.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable


@frozen
class AsyncFault(Fault):
    """An ``async`` ``config()`` in a blocking load, which cannot await it."""


class AsyncConfigError(ConfigError):
    """The only problem is that a file's ``config()`` is async: the asyncio face can load this configuration."""


def error_for(faults: Iterable[Fault]) -> ConfigError:
    """Return the error to raise for these faults."""
    found = tuple(faults)
    kind = AsyncConfigError if all(isinstance(fault, AsyncFault) for fault in found) else ConfigError
    return kind(*found)


@contextmanager
def noted(faults: list[Fault]) -> Generator[None, None, None]:
    """Suppress a ``ConfigError`` and keep its faults, to report all of them at the end."""
    try:
        yield
    except ConfigError as error:
        faults.extend(error.faults)
