"""Making, replacing, removing and closing the clients of a factory: one body for both faces."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast, get_args

from attrs import evolve

from etcd_factory.core.arguments import name as checked_name
from etcd_factory.core.arguments import seconds
from etcd_factory.core.bound import Bound, Guarded, operation, prompt
from etcd_factory.core.call.single_flight import SingleFlight
from etcd_factory.core.face import Async, F, settle
from etcd_factory.core.ports import Runtime
from etcd_factory.errors import (
    ClientClosedError,
    CloseError,
    EtcdFactoryError,
    InstanceExistsError,
    InstanceNotFoundError,
    choice,
)
from etcd_factory.io.runtime import forks
from etcd_factory.model import Health
from etcd_factory.options import ClientOptions, FactoryOptions
from etcd_factory.options.client import warn
from etcd_factory.options.mappings import Model, URLLike
from etcd_factory.options.plan import FactoryPlan, plan

from .all_or_none import all_or_none
from .health import HealthReport
from .names import CLOSED, Held, Names

T = TypeVar("T")
A = TypeVar("A")

log = logging.getLogger("etcd_factory.factory")

CLOSE = 5.0  # seconds that one client may take to close

Config = FactoryOptions | FactoryPlan[Any] | Mapping[str, Any] | Model | None
Options = ClientOptions | Mapping[str, Any] | Model | URLLike | None
OnExists = Literal["error", "return", "replace"]
ON_EXISTS: tuple[OnExists, ...] = get_args(OnExists)
PASSED = "options of a client that was passed to add()"  # which nothing equals
TAKEN = "add this client under another name, or remove the other one first"


class Lifecycle(Guarded, Names[T], Bound[F], ABC, Generic[F, T]):
    """A factory's clients from creation to closing."""

    def __init__(self, config: Config, runtime: Runtime) -> None:
        self._plan = config if isinstance(config, FactoryPlan) else plan(config, self.read_options)
        super().__init__(self._plan.options)
        self._runtime = runtime
        self._guard = threading.Lock()
        self._flights = SingleFlight(runtime)
        forks.register(self)

    @staticmethod
    def read_options(options: Mapping[str, Any]) -> Any:
        """Convert a client's mapping, ``default`` merged under it, into what ``create_client`` gets.

        Called once for each client, and once for ``default`` alone unless it is empty. Raises ``ConfigError`` if the
        options are invalid.
        """
        return dict(options)

    @abstractmethod
    def create_client(self, options: Any, name: str | None) -> T | Awaitable[T]:
        """Return a new client."""

    @abstractmethod
    def destroy_client(self, client: T, name: str | None) -> Awaitable[None] | None:
        """Close a client."""

    def check_client(self, client: T, timeout: float) -> Health | Awaitable[Health]:
        """Return a client's health, asked for within ``timeout`` seconds; healthy unless overridden."""
        del client, timeout
        return Health(True)

    @prompt
    def add(self, name: str, client: T) -> None:
        """Keep a client that was made elsewhere under this name; the factory closes it as those that it makes.

        Raises ``InstanceExistsError`` if there is another client of that name, ``ClientClosedError`` after ``close()``.
        """
        self._open()
        held = self._hold(checked_name(name, "a client's name"), PASSED, self._accepted(client))
        with self._guard:
            if self._closed:
                raise ClientClosedError(CLOSED)
            found = self._find(name)
            if found is None:
                self._held = [*self._held, held]
        if found is not None and found.client is not client:
            raise InstanceExistsError(name, TAKEN)

    def _accepted(self, client: T) -> T:
        """Return a client that is passed to ``add``; ``TypeError`` if it is none of this factory's kind."""
        if client is None:
            raise TypeError("add() needs a client, not None")
        return client

    @operation
    async def remove(self, name: str) -> None:
        """Close the client of that name and forget it. Raises ``InstanceNotFoundError`` if there is none."""
        self._open()
        with self._guard:
            held = self._find(name)
            if held is not None:
                self._held.remove(held)
        if held is None:
            raise InstanceNotFoundError(name, self.names)
        await self._destroy(held)

    @operation
    async def health(self, timeout: float = 1) -> HealthReport:
        """Check all named clients at once, each within ``timeout`` seconds, and return their health by name."""
        self._open()
        named = [held for held in self._held if held.name is not None]
        bound = seconds(timeout)
        found = await self._runtime.gather([self._check(held, bound) for held in named])
        return HealthReport(dict(found))

    async def _create(self, options: Options, name: str | None, on_exists: OnExists) -> T:
        choice(on_exists, ON_EXISTS, "on_exists")
        self._open()
        read = self.read_options(self._options.merged(options))
        warn(read)
        if name is None:
            return (await self._add(None, read)).client
        while True:
            held = self._find(name)
            if held is not None and (held.options == read or on_exists == "return"):
                return held.client
            if held is not None and on_exists == "error":
                raise InstanceExistsError(name)
            made: Held[T] = await self._flights.run(name, partial(self._replace, held, name, read))
            if made.options == read:
                return made.client

    async def _check(self, held: Held[T], timeout: float) -> tuple[str, Health]:
        name = str(held.name)
        try:
            health = await self._settle(self.check_client(held.client, timeout))
        except Exception as error:
            health = Health(False, error=error)
        return name, evolve(health, priority=self.priority(name))

    async def _start(self) -> None:
        """Make the configured clients; if one fails, close those made before it."""
        missing = {name: options for name, options in self._plan.clients.items() if self._find(name) is None}
        try:
            if self._plan.concurrent:
                await self._keep(await self._make_all(missing, concurrent=True))
                return
            for name, options in missing.items():
                await self._add(name, options)
        except BaseException:
            await self._roll_back()
            raise

    async def _make_all(self, clients: Mapping[str, object], *, concurrent: bool) -> list[Held[T]]:
        """Make clients, in this order or at once; if one fails, close the others."""
        makers = {name: partial(self._made, name, options) for name, options in clients.items()}
        return await all_or_none(self._runtime, makers, self._discard, concurrent=concurrent)

    async def _keep(self, made: list[Held[T]]) -> None:
        with self._guard:
            kept = not self._closed
            self._held += made if kept else []
        if not kept:
            for held in reversed(made):
                await self._discard(held)
            raise ClientClosedError(CLOSED)

    async def _roll_back(self) -> None:
        try:
            await self._end()
        except CloseError:  # the error to raise is the one that made this necessary
            log.exception("clients made before the one that failed could not all be closed")

    async def _settle(self, answer: A | Awaitable[A]) -> A:
        """Return the answer of a subclass's method, awaited in asyncio. A blocking client may itself be awaitable."""
        return cast("A", await settle(answer) if self._runtime.face is Async else answer)

    async def _add(self, name: str | None, options: object) -> Held[T]:
        """Make a client and keep it; close the one of the same name that it replaces."""
        held = await self._made(name, options)
        with self._guard:
            kept, old = not self._closed, self._find(name)
            if kept:
                self._held = [one for one in self._held if one is not old] + [held]
        if not kept:
            await self._destroy(held)
            raise ClientClosedError(CLOSED)
        log.info("made the etcd client %r", name)
        if old is not None:
            await self._retire(old)
        return held

    async def _replace(self, seen: Held[T] | None, name: str, options: object) -> Held[T]:
        """Make a client in place of the one ``seen``; another caller may have done so since then."""
        found = self._find(name)
        return await self._add(name, options) if found is None or found is seen else found

    def _begin(self, name: str | None, options: object) -> T | Awaitable[T]:
        return self.create_client(options, name)

    async def _made(self, name: str | None, options: object) -> Held[T]:
        return self._hold(name, options, await self._settle(self._begin(name, options)))

    def _hold(self, name: str | None, options: object, client: T | None) -> Held[T]:
        if client is None:
            raise EtcdFactoryError(f"create_client returned None for {name!r}; it must return a client")
        return Held(name, options, client)

    async def _retire(self, old: Held[T]) -> None:
        try:
            await self._destroy(old)
        except Exception:
            log.exception("the etcd client %r was replaced, but closing the old one failed", old.name)

    async def _discard(self, unused: Held[T]) -> None:
        try:
            await self._destroy(unused)
        except Exception:
            log.exception("closing the unused client %r failed", unused.name)

    async def _destroy(self, held: Held[T]) -> None:
        await self._runtime.within(CLOSE, lambda: self.destroy_client(held.client, held.name))

    async def _end(self) -> None:
        """Close all, the newest first; each is tried, and the failures are raised together.

        They are taken one by one, so that a second call continues where a cancelled one stopped.
        """
        self._closed = True
        failures: dict[str, Exception] = {}
        while (held := self._take()) is not None:
            try:
                await self._destroy(held)
            except Exception as error:
                failures[self._label(held, failures)] = error
        if failures:
            raise CloseError(failures)

    @staticmethod
    def _label(held: Held[T], taken: Mapping[str, object]) -> str:
        """Return a client's name in an error: a replaced one has the same name as that which replaced it."""
        name = held.name or f"(unnamed {len(taken)})"
        return f"{name} (replaced {len(taken)})" if name in taken else name

    def _take(self) -> Held[T] | None:
        with self._guard:
            self._closed = True
            found = self._held or self._left
            return found.pop() if found else None

    def forget(self) -> object:
        """Drop the locks in a forked child, where no thread is left to release them."""
        self._guard = threading.Lock()
        return self._flights.forget()
