"""From faults to the error that carries them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import frozen

from etcd_factory.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable


@frozen
class AsyncFault(Fault):
    """A ``config()`` that has to be awaited, met where nothing can be."""


class AsyncConfigError(ConfigError):
    """All that is wrong is that a file's ``config()`` is async: the asyncio face can load this."""


def error_for(faults: Iterable[Fault]) -> ConfigError:
    """The error to raise for these faults."""
    found = tuple(faults)
    kind = AsyncConfigError if all(isinstance(fault, AsyncFault) for fault in found) else ConfigError
    return kind(*found)


@contextmanager
def noted(faults: list[Fault]) -> Generator[None, None, None]:
    """Go on after a ``ConfigError``, its faults kept for one report at the end."""
    try:
        yield
    except ConfigError as error:
        faults.extend(error.faults)
