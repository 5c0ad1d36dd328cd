"""What lives as long as a client, in asyncio as long as one of its event loops, and in what order it is closed."""

from __future__ import annotations

from collections.abc import MutableMapping
from enum import IntEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from etcd_factory.errors import ClientClosedError

from .ports import Runtime

C = TypeVar("C")


class Closing(IntEnum):
    """The order in which the workers of a client are closed: each may use those below it to its end."""

    REGISTRATIONS = 1  # mark and remove the keys of registered services
    QUEUE_ENTRIES = 2  # delete the keys of locks and elections under a lease of the user's
    LEASES = 3  # revoke
    WATCHES = 4
    NOTIFIERS = 5
    MEMBER_SYNC = 6


class Worker(Protocol):
    """Does background work for a client."""

    closing: ClassVar[Closing]

    def __init__(self, client: Any) -> None: ...

    async def close(self) -> None:
        """End the work, in bounded time."""


W = TypeVar("W", bound=Worker)


class Background(Generic[C]):
    """The workers of a client, at most one of each class in each scope of the runtime."""

    def __init__(self, runtime: Runtime, client: C) -> None:
        self.runtime, self._client = runtime, client
        self._lock = runtime.lock()
        self._scopes: MutableMapping[object, dict[type[Any], Any]] = WeakKeyDictionary()
        self._closed = False
        self.generation = 0  # how many forks this process is away from the one that created the client

    @property
    def closed(self) -> bool:
        """Whether the client is being closed."""
        return self._closed

    def get(self, cls: type[W]) -> W:
        """Return the scope's worker of that class, created on the first call; ``ClientClosedError`` after ``close``."""
        with self._lock:
            workers = self._scopes.setdefault(self.runtime.scope(), {})
            worker: W | None = workers.get(cls)
            if worker is None:
                if self._closed:
                    raise ClientClosedError
                worker = workers[cls] = cls(self._client)
            return worker

    async def close(self) -> None:
        """Close the workers of the running scope in order; those of event loops that have ended are gone with them."""
        with self._lock:
            self._closed = True
            workers = self._scopes.get(self.runtime.scope(), {})
        for cls in sorted(workers, key=lambda cls: cls.closing):
            await workers[cls].close()
        workers.clear()

    def forget(self) -> object:
        """Start without workers in a forked child, where their threads and connections do not exist."""
        left = self._lock, self._scopes
        self._lock, self._scopes = self.runtime.lock(), WeakKeyDictionary()
        self.generation += 1
        return left
