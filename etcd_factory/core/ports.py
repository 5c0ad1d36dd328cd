"""What the core needs of the world, and nothing else. ``io`` has the two that fulfil it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from inspect import isawaitable
from typing import Any, Protocol, TypeVar

from etcd_factory.wire.methods import Method

from .face import Async, Sync

T = TypeVar("T")

Metadata = tuple[tuple[str, str], ...]


class Promise(Protocol[T]):
    """A value that one sets and others wait for."""

    def set(self, value: T) -> None:
        """Give the value to all who wait."""

    async def wait(self, timeout: float | None = None) -> T:
        """The value, when it is there; ``DeadlineExceededError`` if it is not in time."""
        ...


class IO(Protocol):
    """A transport with its way to wait. Every port of the blocking one returns without suspending."""

    @property
    def face(self) -> type[Sync | Async]:
        """Whose ports these are."""
        ...

    async def unary(self, host: str, method: Method, request: Any, timeout: float, metadata: Metadata) -> Any:
        """One call to one host. Raises ``EtcdError``; its ``sent`` is false if the request certainly never left."""

    async def sleep(self, seconds: float) -> None:
        """Pause."""

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """What ``body`` gives, or ``TimeoutError`` if that takes longer; the body may go on behind."""

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of all, run side by side."""
        ...

    def promise(self) -> Promise[Any]:
        """A new promise."""
        ...

    def now(self) -> float:
        """A clock in seconds that never goes back."""
        ...

    def finish(self, body: Coroutine[Any, Any, T]) -> Any:
        """A coroutine run as the face runs it."""

    async def close(self) -> None:
        """End all calls and connections."""


async def value_of(given: Any) -> Any:
    """What a user's function gave, awaited where it has to be."""
    return await given if isawaitable(given) else given
