"""Coalesces linearizable reads: one request for the store's revision serves every caller waiting when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from etcd_factory.core.call.view import View
from etcd_factory.core.kv.batch import LIMIT
from etcd_factory.core.kv.txn import mod_revision, read_message
from etcd_factory.core.ports import Gate
from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError, EtcdError
from etcd_factory.wire import methods
from etcd_factory.wire.requests import get, txn


class Answer(NamedTuple):
    """A ``revision`` of the store, and when the key was changed last by then (0: no such key; None: not asked)."""

    revision: int
    mod_revision: int | None = None


Answers = dict[bytes, Answer | EtcdError]


class ReadIndexRequest:
    """The keys of those who wait, and the outcome: an answer for all, one for each, an error; None if nobody asked."""

    __slots__ = ("answered", "keys", "outcome")

    def __init__(self, answered: Gate) -> None:
        self.keys: set[bytes] = set()
        self.answered = answered
        self.outcome: Answer | Answers | Exception | None = None


class ReadIndex:
    """While a request is under way, the first of those who come meanwhile sends the next one for all of them."""

    def __init__(self, view: View, reached: Callable[[int], bool]) -> None:
        self._view, self._runtime, self._reached = view, view.client.runtime, reached
        self._lock = self._runtime.lock()
        self._next: ReadIndexRequest | None = None
        self._sent: ReadIndexRequest | None = None

    def forget(self) -> None:
        """Start without requests in a forked child."""
        self._lock, self._next, self._sent = self._runtime.lock(), None, None

    async def ask(self, key: bytes, deadline: float) -> Answer:
        """Return the key's answer, asked no earlier than now."""
        while True:
            request, leads = self._next, False
            if request is not None:
                request.keys.add(key)
            if request is None or request is not self._next:  # it may have left without this key
                request, leads = self._join(key)
            # A follower needs no timeout of its own: the leader came first, and its deadline is earlier.
            await (self._lead(request, deadline) if leads else request.answered.wait())
            outcome = request.outcome
            if isinstance(outcome, Answer):
                return outcome
            if isinstance(outcome, dict):
                return raised(outcome[key])
            if isinstance(outcome, DeadlineExceededError) and self._runtime.now() < deadline:
                continue  # it was the leader's deadline
            if outcome is not None:
                raise outcome

    def _join(self, key: bytes) -> tuple[ReadIndexRequest, bool]:
        """Return the next request, with this key, and whether the caller has to send it."""
        with self._lock:
            request, leads = self._next, self._next is None
            if request is None:
                request = self._next = ReadIndexRequest(self._runtime.gate())
            request.keys.add(key)
            return request, leads

    async def _lead(self, request: ReadIndexRequest, deadline: float) -> None:
        """Ask for all, once the request before is answered; a leader that is cancelled leaves it to the others."""
        try:
            if self._sent is not None:
                await self._sent.answered.wait(self._left(deadline))
            await self._runtime.sleep(0)  # all who are ready join
            self._begin(request)
            request.outcome = await self._answers_or_errors([*request.keys.copy()], deadline)
        except Exception as error:
            request.outcome = error
        finally:
            self._begin(request)
            request.answered.open()

    def _begin(self, request: ReadIndexRequest) -> None:
        """Refuse further keys for this request."""
        with self._lock:
            if self._next is request:
                self._next, self._sent = None, request

    async def _answers(self, keys: Sequence[bytes], deadline: float) -> Answer | Answers:
        """Ask for the first key only, if the revision that comes with its answer is reached already; else for all."""
        known = await self._part(keys[:1], deadline)
        revision = raised(known[keys[0]]).revision
        if self._reached(revision):
            return Answer(revision)
        left = keys[1:]
        parts = [self._part(left[start : start + LIMIT], deadline) for start in range(0, len(left), LIMIT)]
        for found in await self._runtime.gather(parts) if parts else ():
            known.update(found)
        return known

    async def _answers_or_errors(self, keys: Sequence[bytes], deadline: float) -> Answer | Answers:
        """The same; if etcd refuses the request, each key is asked for alone and has its own answer or error."""
        try:
            return await self._answers(keys, deadline)
        except (ConnectionFailedError, DeadlineExceededError):
            raise
        except EtcdError as error:
            if len(keys) == 1:
                return {keys[0]: error}
            alone = await self._runtime.gather([self._alone(key, deadline) for key in keys])
            return dict(zip(keys, alone, strict=True))

    async def _alone(self, key: bytes, deadline: float) -> Answer | EtcdError:
        try:
            return await self._single(key, deadline)
        except (ConnectionFailedError, DeadlineExceededError):
            raise
        except EtcdError as error:
            return error

    async def _part(self, keys: Sequence[bytes], deadline: float) -> dict[bytes, Answer | EtcdError]:
        """Return the answers of as many keys as one transaction can read."""
        if len(keys) == 1:
            return {keys[0]: await self._single(keys[0], deadline)}
        reads = {"compare": (), "success": [read_message(key, keys_only=True) for key in keys], "failure": ()}
        request = txn(reads, self._view.namespace)
        reply = await self._view.client.call(methods.READ_TXN, request, self._left(deadline))
        parts = zip(keys, reply.responses, strict=True)
        return {key: Answer(reply.header.revision, mod_revision(part.response_range)) for key, part in parts}

    async def _single(self, key: bytes, deadline: float) -> Answer:
        """Return the answer of one key, without a transaction: etcd 3.5.1 panics if a read-only one is cancelled."""
        request = get({"key": key, "keys_only": True}, self._view.namespace)
        reply = await self._view.client.call(methods.RANGE, request, self._left(deadline))
        return Answer(reply.header.revision, mod_revision(reply))

    def _left(self, deadline: float) -> float:
        return max(0.001, deadline - self._runtime.now())


def raised(answer: Answer | EtcdError) -> Answer:
    """Return an answer; raises it if it is an error."""
    if isinstance(answer, EtcdError):
        raise answer
    return answer
