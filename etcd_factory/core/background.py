"""What lives as long as a client, in asyncio as long as one of its event loops, and in what order it is closed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from enum import IntEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from attrs import define, field

from etcd_factory.errors import ClientClosedError, EtcdFactoryError

from .ports import Runtime, Task

log = logging.getLogger("etcd_factory.client")

CLOSE_TIMEOUT = 4.0  # seconds that one step of closing a client may take: less than a factory waits for all

C = TypeVar("C")
T = TypeVar("T")


class Closing(IntEnum):
    """The order in which the workers of a client are closed: each may use those below it to its end."""

    REGISTRATIONS = 1  # mark and remove the keys of registered services
    QUEUE_ENTRIES = 2  # delete the keys of locks and elections under a lease of the user's
    LEASES = 3  # revoke
    WATCHES = 4
    NOTIFIERS = 5
    MEMBER_SYNC = 6


class Forkable(Protocol):
    """What has connections, threads or locks, which a forked child must not use."""

    def forget(self) -> object:
        """Drop in a forked child what is its parent's, without touching it; returns what must be kept alive."""


class Worker(Protocol):
    """Does background work for a client."""

    closing: ClassVar[Closing]

    def __init__(self, client: Any) -> None: ...

    async def close(self) -> None:
        """End the work, in bounded time."""


W = TypeVar("W", bound=Worker)


@define(eq=False)
class Scope:
    """What lives as long as an event loop, or as the client where it blocks."""

    workers: dict[type[Any], Any] = field(factory=dict[type[Any], Any])
    tasks: dict[object, Task] = field(factory=dict[object, Task])


class Background(Generic[C]):
    """The workers of a client, at most one of each class in each scope of the runtime, and its tasks."""

    def __init__(self, runtime: Runtime, client: C) -> None:
        self.runtime, self.client = runtime, client
        self._lock = runtime.lock()
        self._scopes: MutableMapping[object, Scope] = WeakKeyDictionary()
        self._forkable: WeakValueDictionary[int, Forkable] = WeakValueDictionary()  # by id: a mapping has no hash
        self._closed = False
        self.generation = 0  # how many forks this process is away from the one that created the client

    @property
    def closed(self) -> bool:
        """Whether the client is being closed."""
        return self._closed

    @property
    def runs_here(self) -> bool:
        """Whether background work can begin here; in asyncio not outside of an event loop."""
        try:
            self.runtime.scope()
        except RuntimeError:
            return False
        return True

    def register(self, one: Forkable) -> None:
        """Let ``one``, which uses the workers or locks of this process, forget them in forked children."""
        self._forkable[id(one)] = one

    def get(self, cls: type[W]) -> W:
        """Return the scope's worker of that class, created on the first call; ``ClientClosedError`` after ``close``."""
        with self._lock:
            workers = self._scope().workers
            worker: W | None = workers.get(cls)
            if worker is None:
                if self._closed:
                    raise ClientClosedError
                worker = workers[cls] = cls(self.client)
            return worker

    def _scope(self) -> Scope:
        """Return the running scope; what belongs to event loops that have ended is dropped with a new one."""
        key = self.runtime.scope()
        scope = self._scopes.get(key)
        if scope is None:
            for other in filter(self.runtime.is_over, list(self._scopes)):
                del self._scopes[other]
            scope = self._scopes[key] = Scope()
        return scope

    def working(self) -> list[object]:
        """Return the scopes in which there are workers or tasks."""
        return [
            key
            for key, scope in list(self._scopes.items())
            if (scope.workers or scope.tasks) and not self.runtime.is_over(key)
        ]

    def elsewhere(self) -> list[object]:
        """Return the other scopes in which there are workers or tasks."""
        here = self.runtime.scope()
        return [scope for scope in self.working() if scope is not here]

    def spawn(self, body: Callable[[], Awaitable[object]], name: str) -> None:
        """Run ``body`` in the background; ``close`` waits for it, once the workers are closed."""
        with self._lock:
            tasks = self._scope().tasks
        key, ended = object(), self.runtime.signal()

        async def run() -> None:
            try:
                await body()
            except ClientClosedError:
                log.warning("%s was not done before the client was closed", name)
            except EtcdFactoryError as error:  # nobody waits for it
                log.warning("%s failed in the background: %s", name, error)
            finally:
                ended.set()
                tasks.pop(key, None)

        tasks[key] = self.runtime.spawn(run(), name)
        if ended.is_set():
            tasks.pop(key, None)

    async def complete(self, body: Callable[[], Awaitable[T]], name: str) -> T:
        """Return what ``body`` returns; if the caller is cancelled or interrupted meanwhile, run it in the background.

        For clean-up, which must not be left half done and can be repeated: ``body`` may have run in part before.
        ``close`` waits for it.
        """
        try:
            return await body()
        except (Exception, GeneratorExit):
            raise
        except BaseException:
            self.spawn(body, name)
            raise

    async def close(self, patience: float | None = None) -> list[Task]:
        """Close the workers of the running scope in order, then wait ``patience`` seconds at most for the tasks.

        Returns the tasks that go on. What belongs to event loops that have ended is gone with them.
        """
        with self._lock:
            self._closed = True
            scope = self._scopes.get(self.runtime.scope(), Scope())
        for cls in sorted(scope.workers, key=lambda cls: cls.closing):
            await scope.workers[cls].close()
        left = await self._join(scope.tasks, CLOSE_TIMEOUT if patience is None else patience)
        scope.workers.clear()
        return left

    async def _join(self, tasks: dict[object, Task], patience: float) -> list[Task]:
        end, late = self.runtime.now() + patience, list[Task]()
        while (left := end - self.runtime.now()) > 0 and (first := [*tasks.items()][:1]):  # one may begin another
            ((key, task),) = first  # of a copy: in threads the last one may end between two looks
            if not await task.join(left):
                late.append(task)
            tasks.pop(key, None)
        return [*late, *tasks.values()]

    def forget(self) -> object:
        """Start without workers in a forked child, where their threads and connections do not exist."""
        left = self._lock, self._scopes
        self._lock, self._scopes = self.runtime.lock(), WeakKeyDictionary()
        self.generation += 1
        return *left, [one.forget() for one in list(self._forkable.values())]
