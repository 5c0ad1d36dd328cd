"""One call on its way: host, token, deadline, and what is done when it fails."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from attrs import define

from etcd_factory.core.ports import IO, Metadata
from etcd_factory.errors import DeadlineExceededError, EtcdError
from etcd_factory.options import ClientOptions
from etcd_factory.options.hosts import is_srv
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .discovery import find
from .endpoints import Endpoints
from .retry import UNCERTAIN, RetryAction, backoff, maybe_applied, next_action
from .single_flight import Guard, SingleFlight
from .token import AuthToken

log = logging.getLogger("etcd_factory.client")

Send = Callable[..., Awaitable[Any]]  # as ``IO.unary``

RENEWALS = 2  # of the token in one call: one for its age, one for an auth store that changed meanwhile


@define
class CallState:
    """What has happened to one call so far; times are the clock's."""

    method: Method
    hosts: Endpoints
    send: Send
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
        self.hosts = Endpoints(
            options.hosts, options.retry.initial, found=bool(options.sync) or is_srv(options.hosts[0])
        )
        self.guard, self.chance = guard, chance
        self.flights = SingleFlight(io.promise, guard)
        self.token = AuthToken(options.auth, self.flights)

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
                return await self.io.unary(host, method, request, self.hosts.share(timeout, method.repeatable), token)
            except EtcdError as error:
                trip = CallState(
                    method, self.hosts, self.io.unary, now, now + timeout, now, 1, host=host, metadata=token
                )
                await self._recover(error, trip)
        return await self._travel(
            trip or CallState(method, self.hosts, self.io.unary, now, now + timeout, now), request
        )

    async def visit(
        self, method: Method, request: Any, timeout: float, host: str = "", send: Send | None = None
    ) -> tuple[Any, str]:
        """The answer and the host that gave it: with ``host`` that one and no other, by the same rules.

        ``send`` stands in for a unary call: it opens a stream, whose first message is the answer.
        """
        now = self.io.now()
        hosts = Endpoints((host,), self.options.retry.initial) if host else self.hosts
        trip = CallState(method, hosts, send or self.io.unary, now, now + timeout, now)
        return await self._travel(trip, request), trip.host

    async def _travel(self, trip: CallState, request: Any) -> Any:
        while True:
            try:
                return await self._attempt(trip, request)
            except EtcdError as error:
                await self._recover(error, trip)

    async def _attempt(self, trip: CallState, request: Any) -> Any:
        trip.attempts += 1
        await self.locate(trip.deadline - trip.now)
        trip.host = trip.hosts.pick(trip.now)
        left = trip.deadline - trip.now
        trip.metadata = await self.shown(left, trip.hosts)
        share = trip.hosts.share(left, trip.method.repeatable, trip.attempts - 1)
        reply = await trip.send(trip.host, trip.method, request, share, trip.metadata)
        trip.hosts.answered(trip.host)
        return reply

    async def locate(self, timeout: float) -> None:
        """Know the hosts, one caller for all who wait; where they are just written down they are known."""
        if not self.hosts.known:
            await self.flights.once("hosts", lambda: find(self, timeout), timeout)

    async def shown(self, timeout: float, hosts: Endpoints | None = None) -> Metadata:
        """The token to show, fetched if there is none, from one of ``hosts`` if they are given."""
        await self.locate(timeout)
        metadata = self.token.metadata
        if metadata is None:
            metadata = await self.token.fetch(partial(self._authenticate, hosts or self.hosts), timeout)
        return metadata

    async def _authenticate(self, hosts: Endpoints, request: Any, timeout: float) -> Any:
        host = hosts.pick(self.io.now())
        try:
            return await self.io.unary(host, methods.AUTHENTICATE, request, timeout, ())
        except EtcdError as error:
            error.operation = f"authenticate as {request.name!r}"
            error.sent = error.code not in UNCERTAIN  # whatever became of this, the call that wants the token is unsent
            raise

    async def _recover(self, error: EtcdError, trip: CallState) -> None:
        """Pause before the next attempt; raise the error where there is none."""
        now = self.io.now()
        error.attempts = trip.attempts
        error.maybe_applied = maybe_applied(error, repeatable=trip.method.repeatable)
        wait = self._wait(self._judge(error, trip), trip, now)
        if isinstance(error, DeadlineExceededError):  # whatever becomes of this call, the next one asks another host
            trip.hosts.failed(trip.host, now)
        if wait is None or now + wait >= trip.deadline:
            raise error
        log.info(
            "attempt %d of %s at %s failed, next in %.3f s: %s", trip.attempts, trip.method.name, trip.host, wait, error
        )
        if wait:
            await self.io.sleep(wait)
        trip.now = self.io.now()

    def _judge(self, error: EtcdError, trip: CallState) -> RetryAction:
        if trip.attempts >= self.options.retry.attempts:
            return RetryAction.RAISE
        renewable = self.token.auth is not None and trip.renewals < RENEWALS
        return next_action(error, repeatable=trip.method.repeatable, renewable=renewable, hosts=len(trip.hosts))

    def _wait(self, step: RetryAction, trip: CallState, now: float) -> float | None:
        """Seconds to the next attempt, None if there is none."""
        if step is RetryAction.RAISE:
            return None
        if step is RetryAction.TOKEN:
            trip.renewals += 1
            self.token.drop(trip.metadata)
            return 0.0
        trip.failures += 1
        trip.hosts.failed(trip.host, now)
        wait = backoff(self.options.retry, trip.failures, self.chance()) if trip.hosts.all_failed(now) else 0.0
        reach = trip.start + self.options.dial_timeout * len(trip.hosts)
        return None if step is RetryAction.UNSENT and now + wait > reach else wait
