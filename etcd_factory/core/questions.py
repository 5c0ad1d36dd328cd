"""When keys were changed last, by the word of a majority: one request answers all who wait when it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from etcd_factory.errors import DeadlineExceededError
from etcd_factory.wire import methods
from etcd_factory.wire.requests import BUILD

from .batch import LIMIT
from .journal import fetch, modified
from .view import View

Answer = tuple[int, int]  # when the key was changed last, 0 if there is none; and the revision that says so


class Question:
    """The keys of those who wait, and what they will be told: whether it was answered, the answers, the error."""

    def __init__(self, promise: Any) -> None:
        self.keys: set[bytes] = set()
        self.promise = promise


class Questions:
    """Of those who ask while a question is under way, the first asks the next one for all."""

    def __init__(self, view: View) -> None:
        self._view, self._io = view, view.client.io
        self._guard = view.client.guard()
        self._next: Question | None = None
        self._asked: Question | None = None

    async def ask(self, key: bytes, deadline: float) -> Answer:
        """The key's answer, asked no earlier than now."""
        while True:
            with self._guard:
                mine = self._next is None
                question = self._next = self._next or Question(self._io.promise())
                question.keys.add(key)
            if mine:
                await self._lead(question, deadline)
            done, answers, error = await question.promise.wait(self._left(deadline))
            if error is not None:
                raise error
            if done:
                return answers[key]  # type: ignore[no-any-return]

    async def _lead(self, question: Question, deadline: float) -> None:
        """Ask for all; one who is cancelled leaves it to the others."""
        outcome: tuple[bool, Any, Exception | None] = (False, None, None)
        try:
            await self._turn(deadline)
            self._begin(question)
            outcome = (True, await self._answers(question.keys, deadline), None)
        except Exception as error:
            outcome = (True, None, error)
        finally:
            self._begin(question)
            question.promise.set(outcome)

    async def _turn(self, deadline: float) -> None:
        """Wait until the question before has its answer."""
        if self._asked is not None:
            with suppress(DeadlineExceededError):
                await self._asked.promise.wait(self._left(deadline))

    def _begin(self, question: Question) -> None:
        """From now on those who come are too late for it."""
        with self._guard:
            if self._next is question:
                self._next, self._asked = None, question

    async def _answers(self, keys: Iterable[bytes], deadline: float) -> Mapping[bytes, Answer]:
        left = iter(keys)
        parts = [self._part(part, deadline) for part in iter(lambda: list(islice(left, LIMIT)), [])]
        found = [await parts[0]] if len(parts) == 1 else await self._io.gather(parts)
        return {key: answer for part in found for key, answer in part.items()}

    async def _part(self, keys: list[bytes], deadline: float) -> Mapping[bytes, Answer]:
        """The answers of as many keys as one transaction can read."""
        reads = {"compare": (), "success": [fetch(key, keys_only=True) for key in keys], "failure": ()}
        request = BUILD["txn"](reads, self._view.namespace)
        reply = await self._view.client.call(methods.READ, request, self._left(deadline))
        parts = zip(keys, reply.responses, strict=True)
        return {key: (modified(part.response_range), reply.header.revision) for key, part in parts}

    def _left(self, deadline: float) -> float:
        return max(0.001, deadline - self._io.now())
