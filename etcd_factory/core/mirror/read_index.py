"""How far the store is, by the word of a majority: one question serves all who wait when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etcd_factory.core.call.view import View
from etcd_factory.core.concurrency.stm_journal import fetch, modified
from etcd_factory.core.kv.batch import LIMIT
from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError, EtcdError
from etcd_factory.wire import methods
from etcd_factory.wire.requests import BUILD

Answer = tuple[int | None, int]  # when the key was changed last (0: there is none; None: not asked), as of a revision
Answers = Mapping[bytes, Answer | EtcdError]


class ReadIndexRequest:
    """The keys of those who wait, and what they are told: the answers, or an error; None if nobody asked."""

    def __init__(self, signal: Any) -> None:
        self.keys: set[bytes] = set()
        self.signal = signal
        self.outcome: Answers | Exception | None = None


class ReadIndex:
    """Of those who come while a question is under way, the first asks the next one for all."""

    def __init__(self, view: View, reached: Callable[[int], bool]) -> None:
        self._view, self._io, self._reached = view, view.client.io, reached
        self._guard = view.client.guard()
        self._next: ReadIndexRequest | None = None
        self._asked: ReadIndexRequest | None = None

    async def ask(self, key: bytes, deadline: float) -> Answer:
        """The key's answer, asked no earlier than now."""
        while True:
            with self._guard:
                mine = self._next is None
                question = self._next = self._next or ReadIndexRequest(self._io.signal())
                question.keys.add(key)
            # one who waits needs no clock of his own: he who asks came first, and is done by an earlier deadline
            await (self._lead(question, deadline) if mine else question.signal.wait())
            outcome = question.outcome
            if isinstance(outcome, Exception):
                if isinstance(outcome, DeadlineExceededError) and self._io.now() < deadline:
                    continue  # the time of him who asked was over
                raise outcome
            if outcome is not None:
                return fair(outcome[key])

    async def _lead(self, question: ReadIndexRequest, deadline: float) -> None:
        """Ask for all, when the question before has its answer; one who is cancelled leaves it to the others."""
        try:
            if self._asked is not None:
                await self._asked.signal.wait(self._left(deadline))
            await self._io.sleep(0)  # all who are ready come along
            self._begin(question)
            question.outcome = await self._answers_or_errors([*question.keys], deadline)
        except Exception as error:
            question.outcome = error
        finally:
            self._begin(question)
            question.signal.set()

    def _begin(self, question: ReadIndexRequest) -> None:
        """From now on those who come are too late for it."""
        with self._guard:
            if self._next is question:
                self._next, self._asked = None, question

    async def _answers(self, keys: Sequence[bytes], deadline: float) -> Answers:
        """Of many keys only the first is asked for, where the revision that comes with it is reached already."""
        known = await self._part(keys[:1], deadline)
        revision = fair(known[keys[0]])[1]
        if self._reached(revision):
            return dict.fromkeys(keys, (None, revision))
        left = keys[1:]
        parts = [self._part(left[start : start + LIMIT], deadline) for start in range(0, len(left), LIMIT)]
        for found in await self._io.gather(parts) if parts else ():
            known.update(found)
        return known

    async def _answers_or_errors(self, keys: Sequence[bytes], deadline: float) -> Answers:
        """The same; where etcd refuses the question, each key is asked for by itself, and has its own answer."""
        try:
            return await self._answers(keys, deadline)
        except (ConnectionFailedError, DeadlineExceededError):
            raise
        except EtcdError as error:
            if len(keys) == 1:
                return {keys[0]: error}
            found = await self._io.gather([self._answers_or_errors([key], deadline) for key in keys])
            return {key: answer for one in found for key, answer in one.items()}

    async def _part(self, keys: Sequence[bytes], deadline: float) -> dict[bytes, Answer | EtcdError]:
        """The answers of as many keys as one transaction can read."""
        reads = {"compare": (), "success": [fetch(key, keys_only=True) for key in keys], "failure": ()}
        request = BUILD["txn"](reads, self._view.namespace)
        reply = await self._view.client.call(methods.READ, request, self._left(deadline))
        parts = zip(keys, reply.responses, strict=True)
        return {key: (modified(part.response_range), reply.header.revision) for key, part in parts}

    def _left(self, deadline: float) -> float:
        return max(0.001, deadline - self._io.now())


def fair(answer: Answer | EtcdError) -> Answer:
    """An answer; raises what was told instead."""
    if isinstance(answer, EtcdError):
        raise answer
    return answer
