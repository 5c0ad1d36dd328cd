"""One call on its way: host, token, deadline, and what follows a failure."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from attrs import define

from etcd_factory.core.background import CLOSE_TIMEOUT, Background
from etcd_factory.core.ports import Metadata, Q, R, Runtime, Transport
from etcd_factory.errors import EtcdError, TLSError
from etcd_factory.options import ClientOptions
from etcd_factory.options.hosts import is_srv
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .discovery import Discovery
from .endpoints import Endpoints
from .hooks import Hooks
from .outage import Outage
from .retry import CERTAIN, ELSEWHERE, UNRESPONSIVE, RetryAction, backoff, maybe_applied, next_action
from .single_flight import SingleFlight
from .token import AuthToken

if TYPE_CHECKING:
    from etcd_factory.wire.messages import AuthenticateRequest, AuthenticateResponse

    from .batching import Batching

log = logging.getLogger("etcd_factory.client")

Send = Callable[[str, Method[Any, Any], Any, float, Metadata], Awaitable[Any]]  # like ``Transport.unary``

AWAY = 1.0  # seconds that one step of closing takes where no host has answered: waiting for longer rarely helps
LEAST = 0.005  # seconds; what ends an attempt that has less says less than the failure before it
CUT = 0.5  # seconds in which a task ends whose calls have failed
RENEWALS = 2  # of the token in one call: one for its age, one for an auth store that changed meanwhile


def batching(runtime: Runtime, options: ClientOptions) -> Batching | None:
    """Return what merges concurrent calls, None if nothing does; loaded where it is used."""
    if not options.batching:
        return None
    from .batching import Batching

    return Batching(runtime, merges_writes=options.batching == "all")


@define
class CallState:
    """What has happened to one call so far; times are the runtime's."""

    method: Method[Any, Any]
    endpoints: Endpoints
    send: Send
    start: float
    deadline: float
    now: float
    attempts: int = 0
    renewals: int = 0
    failures: int = 0
    in_doubt: bool = False
    host: str = ""
    metadata: Metadata = ()


class LeaseKeeper(Protocol):
    """Keeps leases alive, and must know when etcd says of one in some response that it does not have it."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no lease that it keeps alive."""
        ...

    def lost(self, lease: int) -> None:
        """Note that a lease is gone."""


class Client:
    """Connections to one cluster, shared by all views of a service."""

    hooks: Hooks = ()  # of ``on_call``; with any it is an ``ObservedClient``

    def __init__(self, transport: Transport, runtime: Runtime, options: ClientOptions) -> None:
        self.transport, self.runtime, self.options = transport, runtime, options
        discovered = bool(options.sync) or is_srv(options.hosts[0])
        # else all clients of all processes use the first host
        start = int(runtime.random() * len(options.hosts)) % len(options.hosts)
        self.endpoints = Endpoints(options.hosts, options.retry.initial, discovered=discovered, start=start)
        self.single_flight = SingleFlight(runtime)
        self.token = AuthToken(options.auth, self.single_flight)
        self.batching = batching(runtime, options)
        self.lease_keepers: WeakSet[LeaseKeeper] = WeakSet()
        self.pages_only: set[str] = set()  # hosts that refused to stream ranges
        self.forks = 0  # from the process that made it to this one
        self._outage = Outage(f"calls to {', '.join(options.hosts)}", log, runtime.now)
        self._lock = runtime.lock()
        self._background: Background[Client] | None = None

    @property
    def background(self) -> Background[Client]:
        """The client's workers; created at its first use, as it refers back to the client.

        Without that cycle a client that is dropped without being closed is freed, and warned of, at once.
        """
        if self._background is None:
            with self._lock:
                self._background = self._background or Background(self.runtime, self)
        return self._background

    def working(self) -> list[object]:
        """Return the scopes in which there is background work."""
        return self._background.working() if self._background is not None else []

    @property
    def keeps_leases(self) -> bool:
        """Whether there are leases that end with it, also those whose objects were dropped."""
        return not all(keeper.is_empty for keeper in list(self.lease_keepers))

    @property
    def discovery(self) -> Discovery:
        """How hosts are found that are not just configured."""
        return Discovery(self.options, self.endpoints, self.call, self.background)

    @property
    def endpoint(self) -> str:
        """The host in use, without its scheme."""
        return self.endpoints.current.partition("://")[2]

    def backoff(self, failures: int) -> float:
        """Return the seconds to pause after so many failures in a row."""
        return backoff(self.options.retry, failures, self.runtime.random())

    @property
    def patience(self) -> float:
        """Seconds that one step of closing may take."""
        return min(self.options.timeout, AWAY if self._outage.ongoing else CLOSE_TIMEOUT)

    async def close(self) -> None:
        """End the background work, then the connections; in other event loops that run, without waiting for them."""
        if others := self.background.elsewhere():
            self.runtime.finalize(others, self.close_here)
        await self.close_here()

    async def close_here(self) -> None:
        """End what belongs to the running event loop."""
        cut_off = await self.background.close(self.patience)
        await self.transport.close()
        for task in cut_off:  # their calls have failed now: what that means is said before this returns
            await task.join(CUT)

    def forget(self) -> object:
        """Start without connections and background work in a forked child; returns what must be kept alive."""
        self.forks += 1
        lock, self._lock = self._lock, self.runtime.lock()  # another thread may have held it
        batching = self.batching and self.batching.forget()
        return lock, batching, self.transport.forget(), self.background.forget(), self.single_flight.forget()

    async def call(self, method: Method[Q, R], request: Q, timeout: float, send: Send | None = None) -> R:
        """Return the response to one request; all attempts share ``timeout`` seconds. ``send`` makes them."""
        now, host, token = self.runtime.now(), self.endpoints.current, self.token.metadata
        unary, state = send or self.transport.unary, None
        if token is not None and not (self.endpoints.failing or self._outage.ongoing):
            try:  # the usual way, in as few steps as possible
                share = self.endpoints.attempt_timeout(timeout, method.repeatable)
                return await unary(host, method, request, share, token)  # type: ignore[no-any-return]
            except EtcdError as error:
                state = CallState(method, self.endpoints, unary, now, now + timeout, now, 1, host=host, metadata=token)
                await self._recover(error, state)
        reply: R = await self._call_with_retries(
            state or CallState(method, self.endpoints, unary, now, now + timeout, now), request
        )
        return reply

    async def call_endpoint(
        self, method: Method[Q, R], request: Q, timeout: float, host: str = "", send: Send | None = None
    ) -> tuple[Any, str]:
        """Return the response and the host that gave it; with ``host`` only that one is called.

        ``send`` stands in for a unary call: it opens a stream, and its result is the response.
        """
        now = self.runtime.now()
        endpoints = Endpoints((host,), self.options.retry.initial) if host else self.endpoints
        state = CallState(method, endpoints, send or self.transport.unary, now, now + timeout, now)
        return await self._call_with_retries(state, request), state.host

    async def _call_with_retries(self, state: CallState, request: Any) -> Any:
        while True:
            try:
                return await self._attempt(state, request)
            except EtcdError as error:
                await self._recover(error, state)

    async def _attempt(self, state: CallState, request: Any) -> Any:
        state.attempts += 1
        await self.discover(state.deadline - state.now)
        state.host = state.endpoints.pick(state.now)
        left = state.deadline - state.now
        state.metadata = await self.auth_metadata(left, state.endpoints)
        share = state.endpoints.attempt_timeout(left, state.method.repeatable, state.attempts - 1)
        reply = await state.send(state.host, state.method, request, share, state.metadata)
        state.endpoints.answered(state.host)
        if state.endpoints is self.endpoints:
            self._outage.ended()
        return reply

    async def discover(self, timeout: float) -> None:
        """Make the hosts known, by one caller for all who wait; configured ones are."""
        if not self.endpoints.known:
            await self.single_flight.run("hosts", partial(self.discovery.find, timeout), timeout)

    async def auth_metadata(self, timeout: float, endpoints: Endpoints | None = None) -> Metadata:
        """Return the token to send, fetched if there is none, from one of ``endpoints`` if they are given."""
        await self.discover(timeout)
        metadata = self.token.metadata
        if metadata is None:
            authenticate = partial(self._authenticate, endpoints or self.endpoints)
            metadata = await self.token.fetch(authenticate, timeout)
        return metadata

    async def _authenticate(
        self, endpoints: Endpoints, request: AuthenticateRequest, timeout: float, send: Send | None = None
    ) -> AuthenticateResponse:
        send = send or self.transport.unary
        host, bound = endpoints.pick(self.runtime.now()), self.options.auth and self.options.auth.timeout
        timeout = min(timeout, bound or timeout)
        try:
            return await send(host, methods.AUTHENTICATE, request, timeout, ())  # type: ignore[no-any-return]
        except EtcdError as error:
            error.operation = f"authenticate as {request.name!r}"
            error.sent = error.code in CERTAIN  # in any case the call that needs the token was not sent
            raise

    async def _recover(self, error: EtcdError, state: CallState) -> None:
        """Pause before the next attempt; raises the error if there is none."""
        now = self.runtime.now()
        error.attempts = state.attempts
        error.maybe_applied = state.in_doubt = state.in_doubt or maybe_applied(error, state.method)
        action = self._next_action(error, state)
        if action in ELSEWHERE or isinstance(error, UNRESPONSIVE):  # whatever happens to this call, the next one too
            state.endpoints.failed(state.host, now)
            if state.endpoints is self.endpoints and self.endpoints.all_failed(now):
                self._outage.failed(error)
        wait = self._wait(action, error, state, now)
        if wait is None or now + wait + LEAST > state.deadline:
            raise error
        name, host = state.method.name, state.host
        log.debug("attempt %d of %s at %s failed, next in %.3f s: %s", state.attempts, name, host, wait, error)
        if wait:
            await self.runtime.sleep(wait)
        state.now = self.runtime.now()
        if state.now + LEAST > state.deadline:  # the pause took longer than it should
            raise error

    def _next_action(self, error: EtcdError, state: CallState) -> RetryAction:
        if state.attempts >= self.options.retry.attempts:
            return RetryAction.RAISE
        renewable = self.token.auth is not None and state.renewals < RENEWALS
        return next_action(error, repeatable=state.method.repeatable, renewable=renewable, hosts=len(state.endpoints))

    def _wait(self, action: RetryAction, error: EtcdError, state: CallState, now: float) -> float | None:
        """Return the seconds before the next attempt, None if there is none."""
        if action is RetryAction.RAISE:
            return None
        if action is RetryAction.RENEW_TOKEN:
            state.renewals += 1
            self.token.drop(state.metadata)
            return 0.0
        state.failures += 1
        all_failed = state.endpoints.all_failed(now)
        if all_failed and isinstance(error, TLSError):  # it does not go away by itself
            return None
        wait = self.backoff(state.failures) if all_failed else 0.0
        reach = state.start + self.options.dial_timeout * len(state.endpoints)
        return None if action is RetryAction.RESEND and now + wait > reach else wait
