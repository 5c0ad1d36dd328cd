"""Making, replacing, removing and closing the clients of a factory: one body for both faces."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from attrs import evolve

from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call.single_flight import SingleFlight
from etcd_factory.core.face import Async, F, settle
from etcd_factory.errors import (
    ClientClosedError,
    CloseError,
    EtcdFactoryError,
    InstanceExistsError,
    InstanceNotFoundError,
)
from etcd_factory.io.runtime import forks
from etcd_factory.model import Health
from etcd_factory.options import FactoryOptions

from .health import HealthReport
from .names import CLOSED, Held, Names

T = TypeVar("T")

log = logging.getLogger("etcd_factory.factory")

CLOSE = 5.0  # seconds that one client may take to close
ON_EXISTS = ("error", "return", "replace")


class Lifecycle(Names[T], Bound[F], ABC, Generic[F, T]):
    """A factory's clients from their making to their end."""

    def __init__(self, options: FactoryOptions, waits: Any) -> None:
        super().__init__(options)
        self._runtime = waits
        self._guard = threading.Lock()
        self._flights = SingleFlight(waits)
        forks.register(self)

    @staticmethod
    def read_options(options: Mapping[str, Any]) -> Any:
        """What ``create_client`` gets, from a client's merged mapping. ``ConfigError`` says what is wrong with it."""
        return dict(options)

    @abstractmethod
    def create_client(self, options: Any, name: str | None) -> Any:
        """A new client."""

    @abstractmethod
    def destroy_client(self, client: Any, name: str | None) -> Any:
        """End a client."""

    def check_client(self, client: Any, timeout: float) -> Any:
        """How a client fares; unless overridden it is well."""
        del client, timeout
        return Health(True)

    @operation
    async def create_instance(self, options: Any = None, name: str | None = None, *, on_exists: str = "error") -> T:
        """A new client, the factory's ``default`` options merged under ``options``.

        A client of that name with equal options is given back as it is. One with others: ``InstanceExistsError``, or
        as ``on_exists`` says, ``"return"`` it or ``"replace"`` it (the new one in, then the old one closed).
        Concurrent calls for one name make one client. Without a name it can't be looked up, but is closed with the
        factory. Where making it fails nothing is left behind.
        """
        if on_exists not in ON_EXISTS:
            raise ValueError(f"on_exists is one of {', '.join(ON_EXISTS)}, not {on_exists!r}")
        self._open()
        read = self.read_options(self._options.merged(options))
        if name is None:
            return (await self._add(None, read)).client
        while True:
            held = self._find(name)
            if held is not None and (held.options == read or on_exists == "return"):
                return held.client
            if held is not None and on_exists == "error":
                raise InstanceExistsError(name)
            made: Held[T] = await self._flights.run(name, lambda: self._add(name, read))
            if made.options == read:
                return made.client

    @operation
    async def remove(self, name: str) -> None:
        """Close the client of that name and forget it."""
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
        """How each named client fares, all asked at once, each within ``timeout`` seconds."""
        self._open()
        named = [held for held in self._held if held.name is not None]
        found = await self._runtime.gather([self._check(held, timeout) for held in named])
        return HealthReport(dict(found))

    async def _check(self, held: Held[T], timeout: float) -> tuple[str, Health]:
        name = str(held.name)
        try:
            health = await self._settle(self.check_client(held.client, timeout))
        except Exception as error:
            health = Health(False, error=error)
        return name, evolve(health, priority=self.priority(name))

    async def _start(self) -> None:
        """Make the configured clients; where one fails those made before it are ended."""
        try:
            for name, options in self._options.named.items():
                if self._find(name) is None:
                    await self._add(name, self.read_options(self._options.merged(options)))
        except BaseException:
            await self._roll_back()
            raise

    async def _roll_back(self) -> None:
        try:
            await self._end()
        except CloseError:  # what made it fail is the error to raise
            log.exception("clients made before the one that failed could not all be closed")

    async def _settle(self, given: Any) -> Any:
        return await settle(given) if self._runtime.face is Async else given

    async def _add(self, name: str | None, options: Any) -> Held[T]:
        """A client made and kept; one of the same name that it takes the place of is closed."""
        held = self._hold(name, options, await self._settle(self._begin(name, options)))
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

    def _begin(self, name: str | None, options: Any) -> Any:
        return self.create_client(options, name)

    def _hold(self, name: str | None, options: Any, client: Any) -> Held[T]:
        if client is None:
            raise EtcdFactoryError(f"create_client gave None for {name!r}; it must give a client")
        return Held(name, options, client)

    async def _retire(self, old: Held[T]) -> None:
        try:
            await self._destroy(old)
        except Exception:
            log.exception("the etcd client %r was replaced, but closing the old one failed", old.name)

    async def _destroy(self, held: Held[T]) -> None:
        await self._runtime.within(CLOSE, lambda: self.destroy_client(held.client, held.name))

    async def _end(self) -> None:
        """Close all, the newest first; each is tried, and what fails is raised together.

        They are taken one by one, so that a second call goes on where a first one was cancelled.
        """
        self._closed = True
        failures: dict[str, Exception] = {}
        while (held := self._take()) is not None:
            try:
                await self._destroy(held)
            except Exception as error:
                failures[held.name or f"(unnamed {len(failures)})"] = error
        if failures:
            raise CloseError(failures)

    def _take(self) -> Held[T] | None:
        with self._guard:
            self._closed = True
            return self._held.pop() if self._held else None

    def forget(self) -> Any:
        """Start afresh in a forked child, where nobody is left to finish what others had begun."""
        self._guard = threading.Lock()
        return self._flights.forget()
