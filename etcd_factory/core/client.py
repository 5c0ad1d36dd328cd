"""One call on its way: host, token, deadline, and what is done when it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from attrs import define

from etcd_factory.errors import EtcdError
from etcd_factory.options import ClientOptions
from etcd_factory.policy.hosts import Hosts
from etcd_factory.policy.retry import UNCERTAIN, Next, judge, pause, uncertain
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .flights import Flights, Guard
from .ports import IO, Metadata
from .token import Token

log = logging.getLogger("etcd_factory.client")

RENEWALS = 2  # of the token in one call: one for its age, one for an auth store that changed meanwhile


@define
class Trip:
    """What has happened to one call so far; times are the clock's."""

    method: Method
    start: float
    deadline: float
    now: float
    attempts: int = 0
    renewals: int = 0
    failures: int = 0
    host: str = ""
    metadata: Metadata = ()


class Client:
    """Connections to one cluster, shared by all views of a service."""

    def __init__(self, io: IO, options: ClientOptions, guard: Callable[[], Guard], chance: Callable[[], float]) -> None:
        self.io, self.options = io, options
        self.hosts = Hosts(options.hosts, options.retry.initial)
        self.flights = Flights(io.promise, guard)
        self.token = Token(options.auth, self.flights)
        self._chance = chance

    @property
    def endpoint(self) -> str:
        """The host that is asked, without its scheme."""
        return self.hosts.current.partition("://")[2]

    async def close(self) -> None:
        """End what lives on the connections, the newest first, then the connections."""
        for one in reversed(self.io.kept()):
            await one.close()
        await self.io.close()

    async def call(self, method: Method, request: Any, timeout: float) -> Any:
        """The answer to one request; all attempts lie inside ``timeout`` seconds."""
        now, host, token = self.io.now(), self.hosts.current, self.token.metadata
        trip = None
        if token is not None and not self.hosts.failing:
            try:  # the usual way, without a step more than it takes
                return await self.io.unary(host, method, request, timeout, token)
            except EtcdError as error:
                trip = Trip(method, now, now + timeout, now, 1, host=host, metadata=token)
                await self._recover(error, trip)
        return await self._travel(trip or Trip(method, now, now + timeout, now), request)

    async def _travel(self, trip: Trip, request: Any) -> Any:
        while True:
            try:
                return await self._attempt(trip, request)
            except EtcdError as error:
                await self._recover(error, trip)

    async def _attempt(self, trip: Trip, request: Any) -> Any:
        trip.attempts += 1
        trip.host = self.hosts.pick(trip.now)
        left = trip.deadline - trip.now
        metadata = self.token.metadata
        if metadata is None:
            metadata = await self.token.fetch(self._authenticate, left)
        trip.metadata = metadata
        reply = await self.io.unary(trip.host, trip.method, request, left, metadata)
        self.hosts.answered(trip.host)
        return reply

    async def _authenticate(self, request: Any, timeout: float) -> Any:
        host = self.hosts.pick(self.io.now())
        try:
            return await self.io.unary(host, methods.AUTHENTICATE, request, timeout, ())
        except EtcdError as error:
            error.operation = f"authenticate as {request.name!r}"
            error.sent = error.code not in UNCERTAIN  # whatever became of this, the call that wants the token is unsent
            raise

    async def _recover(self, error: EtcdError, trip: Trip) -> None:
        """Pause before the next attempt; raise the error where there is none."""
        now = self.io.now()
        error.attempts = trip.attempts
        error.maybe_applied = uncertain(error, repeatable=trip.method.repeatable)
        wait = self._wait(self._judge(error, trip), trip, now)
        if wait is None or now + wait >= trip.deadline:
            raise error
        log.info(
            "attempt %d of %s at %s failed, next in %.3f s: %s", trip.attempts, trip.method.name, trip.host, wait, error
        )
        if wait:
            await self.io.sleep(wait)
        trip.now = self.io.now()

    def _judge(self, error: EtcdError, trip: Trip) -> Next:
        if trip.attempts >= self.options.retry.attempts:
            return Next.RAISE
        renewable = self.token.auth is not None and trip.renewals < RENEWALS
        return judge(error, repeatable=trip.method.repeatable, renewable=renewable, hosts=len(self.hosts))

    def _wait(self, step: Next, trip: Trip, now: float) -> float | None:
        """Seconds to the next attempt, None if there is none."""
        if step is Next.RAISE:
            return None
        if step is Next.TOKEN:
            trip.renewals += 1
            self.token.drop(trip.metadata)
            return 0.0
        trip.failures += 1
        self.hosts.failed(trip.host, now)
        wait = pause(self.options.retry, trip.failures, self._chance()) if self.hosts.all_failed(now) else 0.0
        reach = trip.start + self.options.dial_timeout * len(self.hosts)
        return None if step is Next.UNSENT and now + wait > reach else wait
