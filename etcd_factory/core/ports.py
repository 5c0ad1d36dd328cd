"""What the core needs from the outside: a ``Transport`` that carries calls and a ``Runtime`` that waits.

``etcd_factory.io`` implements both, on threads and on asyncio. The blocking implementations block the calling thread
and never suspend, so that one ``send`` runs a coroutine of the core to its end (``face.finish``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from etcd_factory.wire.methods import Method

    from .face import Face

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)
Q = TypeVar("Q")  # a request message
R = TypeVar("R")  # a response message

Metadata = tuple[tuple[str, str], ...]
Lock = AbstractContextManager[object]  # held only over code that does not await, it serves threads and tasks alike


class Stream(Protocol[T_contra, T_co]):
    """Messages in both directions on one gRPC stream."""

    def send(self, message: T_contra) -> None:
        """Queue a message; never waits."""

    async def receive(self) -> T_co | None:
        """Return the next message, None if the server ended the stream; raises ``EtcdError`` if it broke."""
        ...

    async def close(self) -> None:
        """End the stream; a caller waiting in ``receive`` gets None or an error."""


Keep = Callable[[Callable[[], object]], bool]  # keeps a message, calls what it is given; whether there is news now
Prepare = Callable[[R], Keep | None]  # for a message; None if it is for whoever awaits ``receive``


class Seat(Protocol):
    """Lets who waits for a mailbox take messages of a stream itself, so that they wake no other thread or task first.

    A stream may have a method ``seat(prepare)`` that returns one. How it waits is between the stream and the mailboxes
    of its runtime: ``runtime.waiters.Seat`` on threads, ``runtime.asyncio.Seat`` on asyncio.
    """

    is_filled: bool  # a message was kept


class Transport(Protocol):
    """Carries calls to hosts. A host is a URL: ``http://127.0.0.1:2379``, ``unix:///run/etcd.sock``."""

    async def unary(self, host: str, method: Method[Q, R], request: Q, timeout: float, metadata: Metadata) -> R:
        """Make one call to one host.

        Raises ``EtcdError``; its ``sent`` is False only if the request certainly never left this process.
        """
        ...

    async def stream(
        self, host: str, method: Method[Q, R], metadata: Metadata, request: Q | None = None
    ) -> Stream[Q, R]:
        """Open a stream to one host: in both directions, or the responses to one ``request``."""
        ...

    def apart(self) -> Transport:
        """Return a transport to the same hosts with connections of its own, which its user closes."""
        ...

    async def close(self) -> None:
        """End all calls and connections; later calls raise ``ClientClosedError``."""

    def forget(self) -> object:
        """Drop all connections without touching them, in a forked child; returns what must be kept alive."""


class Promise(Protocol[T]):
    """A value that one caller sets and others wait for."""

    def set(self, value: T) -> None:
        """Wake all waiters with the value."""

    async def wait(self, timeout: float | None = None) -> T:
        """Return the value once it is set; raises ``DeadlineExceededError`` after ``timeout`` seconds."""
        ...


class Signal(Protocol):
    """A flag that one caller sets and others wait for."""

    def set(self) -> None:
        """Set it, and wake all waiters."""
        ...

    def clear(self) -> None:
        """Let others wait again."""
        ...

    def is_set(self) -> bool:
        """Return whether it is set."""
        ...

    async def wait(self, timeout: float | None = None) -> bool:
        """Return whether it was set within ``timeout`` seconds."""
        ...


class Gate(Protocol):
    """Opened once; waiting for it and waking those who wait cost less than with a ``Signal``."""

    def open(self) -> None:
        """Wake all waiters, and let all who come pass."""

    def wait(self, timeout: float | None = None) -> Awaitable[bool]:
        """Return whether it was opened within ``timeout`` seconds."""
        ...


class Mailbox(Protocol[T]):
    """A bounded queue; the producer never waits."""

    def put(self, item: T, *, always: bool = False) -> bool:
        """Add an item; returns False if the box is closed, or full and not ``always``."""
        ...

    def close(self) -> None:
        """Refuse further items; those in it can still be taken."""

    async def get(self, timeout: float | None = None, seat: Seat | None = None) -> T | None:
        """Return the next item; None once the box is closed and empty or the seat filled, or after ``timeout`` s."""


class Task(Protocol):
    """A coroutine running in the background."""

    async def join(self, timeout: float) -> bool:
        """Return whether it ended within ``timeout`` seconds."""
        ...


class File(Protocol):
    """A file that replaces ``path`` as a whole or not at all; its methods may block on the disk."""

    path: Path

    def write(self, data: bytes) -> None:
        """Append bytes."""

    def commit(self) -> None:
        """Flush to disk, then replace ``path``."""

    def discard(self) -> None:
        """Remove what was written, unless it was committed; idempotent."""


class Runtime(Protocol):
    """Time, waiting and background work, on threads or on asyncio."""

    @property
    def face(self) -> Face:
        """Whose runtime this is."""
        ...

    def scope(self) -> object:
        """Return what background work belongs to: the running event loop, or one object for all threads."""

    def is_over(self, scope: object) -> bool:
        """Whether nothing of that scope can run any more: its event loop is closed."""
        ...

    def finalize(self, scopes: Iterable[object], body: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Begin to run ``body`` in each scope; for finalizers, which must neither wait nor take a lock."""

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        ...

    def random(self) -> float:
        """Return a random number from 0 to 1."""
        ...

    def lock(self) -> Lock:
        """Return a new lock."""
        ...

    def signal(self) -> Signal:
        """Return a new signal."""
        ...

    def gate(self) -> Gate:
        """Return a new gate."""
        ...

    def promise(self) -> Promise[Any]:
        """Return a new promise."""
        ...

    def mailbox(self, size: int) -> Mailbox[Any]:
        """Return a new mailbox for ``size`` items."""
        ...

    def spawn(self, body: Coroutine[Any, Any, object], name: str) -> Task:
        """Run a coroutine in the background, in a task or thread of that name."""
        ...

    def file(self, path: str | PathLike[str]) -> File:
        """Create a temporary file, readable by its owner only, that can replace ``path``; blocks on the disk."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Pause the caller."""

    async def within(self, seconds: float, body: Callable[[], Awaitable[T] | T]) -> T:
        """Return what ``body`` returns; ``TimeoutError`` after ``seconds``, while the body may still be running."""
        ...

    async def aside(self, body: Callable[[], T]) -> T:
        """Return what ``body`` returns; it may block, on a disk for example, and holds up no event loop."""
        ...

    async def gather(self, bodies: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run coroutines concurrently and return their results in order."""
        ...

    async def lookup(self, domain: str, secure: bool, timeout: float) -> list[tuple[str, int]]:
        """Return the names and ports of a domain's etcd from DNS SRV records.

        Raises ``ConnectionFailedError`` if there are none, ``ConfigError`` if dnspython is not installed.
        """
        ...
