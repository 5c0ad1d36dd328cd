"""Merges the concurrent calls of a client: those that come while one is on its way leave as one transaction.

The caller of such a call sends it at once, waits for its outcome, or sends what has been gathered for all in it. In
asyncio a task does the latter, so that each caller can be cancelled alone; the blocking face needs no helper thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from attrs import frozen

from etcd_factory.core.face import Async
from etcd_factory.core.ports import Gate, Q, R, Runtime
from etcd_factory.errors import (
    AuthenticationFailedError,
    Code,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    EtcdFactoryError,
    InvalidAuthTokenError,
    NoLeaderError,
    NoSpaceError,
    TooManyRequestsError,
    copied,
)
from etcd_factory.wire.methods import Method

from .lanes import ALONE, CARRY, DONE, WAIT, Flight, Lanes, Limits, Waiter
from .merged import PUTS, kind_of, merged, split

if TYPE_CHECKING:
    from .client import Client

SOON = 0.001  # seconds; a call without any time left would never be sent
# What is wrong with the connection, the client or the server, not with one of the operations.
COMMON = (
    *(ConnectionFailedError, DeadlineExceededError, NoLeaderError, TooManyRequestsError),
    *(AuthenticationFailedError, InvalidAuthTokenError),
)
INTERRUPTED = "the caller that sent the transaction of this call was interrupted"


@frozen
class Outcome:
    """How a flight ended: ``replies`` to its calls in order, or an error; neither if its sender was interrupted."""

    replies: Sequence[Any] = ()
    error: Exception | None = None


class Batching:
    """The calls of one client that wait for others or are on their way, in each event loop for itself."""

    def __init__(self, runtime: Runtime, *, merges_writes: bool) -> None:
        self._runtime, self._merges_writes = runtime, merges_writes
        self._limits = Limits()
        self._lock = runtime.lock()
        self._scopes: WeakKeyDictionary[object, Lanes] = WeakKeyDictionary()
        self._last: tuple[ref[object], Lanes] | None = None

    def merging(self, client: Client) -> Merging:
        """Return what makes the calls of the client."""
        return Merging(client, self)

    def forget(self) -> object:
        """Start without calls in a forked child, where nobody is left to send them."""
        left = self._lock, self._scopes, self._last
        self._lock, self._scopes, self._last = self._runtime.lock(), WeakKeyDictionary(), None
        return left

    def _here(self) -> Lanes:
        """Return the lanes of the running scope, remembered for the next call."""
        scope, last = self._runtime.scope(), self._last
        if last is not None and last[0]() is scope:
            return last[1]
        with self._lock:
            lanes = self._scopes.get(scope)
            if lanes is None:
                lanes = self._scopes[scope] = Lanes(self._limits, ordered=self._merges_writes)
            self._last = ref(scope), lanes
        return lanes

    async def call(self, client: Client, method: Method[Q, R], request: Q, timeout: float) -> R:
        """Return the response to a request, which may leave together with others; like ``Client.call``."""
        kind = kind_of(method, request, merges_writes=self._merges_writes)
        if kind is None:
            return await client.call(method, request, timeout)
        lanes = self._here()
        one = Waiter(lanes.lane(kind), method, request, self._runtime.now() + timeout)
        try:
            gate = self._enter(client, lanes, one)
            if gate is not None and not await gate.wait(timeout):
                self._give_up(client, lanes, one)
            if one.role is CARRY:
                await self._carry(client, lanes, flown(one))
            if one.role is ALONE:
                one.reply = await client.call(method, request, self._left(one.deadline))
            elif one.error is not None:
                raise one.error
        except NoSpaceError:
            self._limits.no_space = True
            raise
        finally:
            if not one.gone:
                self._leave(client, lanes, one)
        if kind is PUTS:
            self._limits.no_space = False
        reply: R = one.reply
        return reply

    def _left(self, deadline: float) -> float:
        return max(SOON, deadline - self._runtime.now())

    def _enter(self, client: Client, lanes: Lanes, one: Waiter) -> Gate | None:
        """Add a call; returns what opens once there is something to do for it, None if there is already."""
        with self._lock:
            if flights := lanes.enter(one):
                self._launch(client, lanes, flights)
            if one.role is WAIT:
                one.gate = self._runtime.gate()
            return one.gate

    def _give_up(self, client: Client, lanes: Lanes, one: Waiter) -> None:
        """Raise the error of a call whose time is over, unless its outcome has come meanwhile."""
        with self._lock:
            if one.role is DONE:
                return
            error = late(client.endpoint, sent=one.sent, writes=one.lane.kind.writes)
            self._launch(client, lanes, lanes.leave(one))
        raise error

    def _leave(self, client: Client, lanes: Lanes, one: Waiter) -> None:
        """End a call without an outcome, and let those leave that waited for it."""
        with self._lock:
            self._launch(client, lanes, lanes.leave(one))

    def _launch(self, client: Client, lanes: Lanes, flights: Iterable[Flight]) -> None:
        """Have flights sent: in asyncio by a task, so that no caller's cancellation ends it, else by one in it."""
        for flight in flights:
            if len(flight.waiters) > 1 and self._runtime.face is Async:
                self._runtime.spawn(self._carry(client, lanes, flight), "etcd_factory batch")
            else:
                flight.assign().wake()

    async def _carry(self, client: Client, lanes: Lanes, flight: Flight) -> None:
        """Send the transaction of a flight, and hand out its outcome."""
        outcome = Outcome()
        try:
            with self._lock:
                waiters = flight.begin()
            if waiters:
                outcome = Outcome(await self._send(client, flight))
        except Exception as error:  # each caller raises its own
            outcome = Outcome(error=error)
        finally:
            self._settle(client, lanes, flight, outcome)

    async def _send(self, client: Client, flight: Flight) -> list[Any]:
        kind, count = flight.lane.kind, len(flight.waiters)
        request = merged(kind, [one.request for one in flight.waiters])
        reply = await client.call(kind.method, request, self._left(flight.deadline))
        return split(kind, reply, count)

    def _settle(self, client: Client, lanes: Lanes, flight: Flight, outcome: Outcome) -> None:
        with self._lock:
            waiters = [*flight.waiters]
            self._hand_out(flight, outcome)
            self._launch(client, lanes, lanes.settle(flight))
        for one in waiters:
            one.wake()

    def _hand_out(self, flight: Flight, outcome: Outcome) -> None:
        """Give each call its part of the outcome, or let its caller send it alone."""
        if outcome.replies:
            for one, reply in zip(flight.waiters, outcome.replies, strict=True):
                one.role, one.reply, one.gone, one.flight = DONE, reply, True, None  # no cycle: its memory is free
            return
        error = outcome.error
        if isinstance(error, EtcdError):
            self._limits.learn(error, flight)
        alone = is_refusal(error) if error is not None else not (flight.begun and flight.lane.kind.writes)
        for one in flight.waiters:
            one.role = ALONE if alone else DONE
            one.error = None if alone else own(error or interrupted())


@frozen(eq=False)
class Merging:
    """A client whose calls are merged."""

    _client: Client
    _batching: Batching

    def call(self, method: Method[Q, R], request: Q, timeout: float) -> Awaitable[R]:
        """Return the response to a request, which may leave together with others."""
        return self._batching.call(self._client, method, request, timeout)


def flown(one: Waiter) -> Flight:
    """Return the flight of a call that has one."""
    assert one.flight is not None
    return one.flight


def is_refusal(error: Exception) -> bool:
    """Whether a transaction was not applied because of one of its operations: each is then to be sent alone."""
    if not isinstance(error, EtcdError):
        return False
    return error.sent and not error.maybe_applied and not isinstance(error, COMMON)


def own(error: Exception) -> Exception:
    """Return an error for one more caller to raise, and to set its own operation in."""
    return copied(error) if isinstance(error, EtcdFactoryError) else error  # others may not be made to be copied


def late(endpoint: str, *, sent: bool, writes: bool) -> EtcdError:
    """Return the error of a call whose time is over while others send it, or before that."""
    problem = "no response in time" if sent else "not sent in time: the calls before it took that long"
    error = DeadlineExceededError(problem, endpoint=endpoint)
    error.sent, error.maybe_applied = sent, sent and writes
    return error


def interrupted() -> EtcdError:
    """Return the error of a write whose response nobody waits for any more."""
    error = EtcdError(INTERRUPTED, code=Code.CANCELLED)
    error.maybe_applied = True
    return error
