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


class Stream(Protocol):
    """Messages both ways on one connection."""

    async def send(self, message: Any) -> None:
        """Queue a message; it is sent in its turn, and this does not wait for that."""

    async def receive(self) -> Any:
        """The next message, None where the server ended the stream; raises ``EtcdError`` where it broke."""

    async def close(self) -> None:
        """End it; one who waits for a message gets an error."""


class Signal(Protocol):
    """A flag that one raises and others wait for."""

    set: Callable[[], None]
    clear: Callable[[], None]
    is_set: Callable[[], bool]

    async def wait(self, timeout: float | None = None) -> bool:
        """Whether it was raised in time."""
        ...


class Mailbox(Protocol):
    """A bounded queue from one who never waits to one who does."""

    def put(self, item: Any, *, always: bool = False) -> bool:
        """Add an item; false if the box is full, unless ``always``, or closed."""
        ...

    def close(self) -> None:
        """Take no more; what is in it can still be taken out."""

    async def get(self, timeout: float | None = None) -> Any:
        """The next item, when there is one; None once the box is closed and empty, or at the end of ``timeout``."""


class Task(Protocol):
    """A coroutine that runs on its own."""

    async def join(self, timeout: float) -> bool:
        """Whether it has ended in time."""
        ...


class IO(Protocol):
    """A transport with its way to wait. Every port of the blocking one returns without suspending."""

    @property
    def face(self) -> type[Sync | Async]:
        """Whose ports these are."""
        ...

    @property
    def era(self) -> int:
        """Counts the forks that this process came from since the ports were made."""
        ...

    async def unary(self, host: str, method: Method, request: Any, timeout: float, metadata: Metadata) -> Any:
        """One call to one host. Raises ``EtcdError``; its ``sent`` is false if the request certainly never left."""

    async def stream(self, host: str, method: Method, metadata: Metadata, request: Any = None) -> Stream:
        """A stream to one host: both ways, or the answers to one request."""
        ...

    def spawn(self, body: Coroutine[Any, Any, Any], name: str) -> Task:
        """The coroutine run on its own, beside its caller."""
        ...

    def signal(self) -> Signal:
        """A new signal."""
        ...

    def mailbox(self, size: int) -> Mailbox:
        """A new mailbox."""
        ...

    async def lookup(self, domain: str, secure: bool, timeout: float) -> list[tuple[str, int]]:
        """The names and ports that DNS has for a domain's etcd; ``ConnectionFailedError`` if it has none."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Pause."""

    async def within(self, seconds: float, body: Callable[[], Any]) -> Any:
        """What ``body`` gives, or ``TimeoutError`` if that takes longer; the body may go on behind."""

    async def aside(self, body: Callable[[], T]) -> T:
        """What ``body`` gives, which may wait for a disk: no event loop is held up by it."""
        ...

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

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """The one object of that name, in asyncio the one of the running loop; made at the first call."""
        ...

    def kept(self) -> list[Any]:
        """What is kept, in order of its making."""
        ...

    async def close(self) -> None:
        """End all calls and connections."""


async def value_of(given: Any) -> Any:
    """What a user's function gave, awaited where it has to be."""
    return await given if isawaitable(given) else given
