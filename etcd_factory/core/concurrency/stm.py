"""Software transactional memory: a function that reads and writes is rerun until its commit meets no conflict.

The isolation levels are those of Go's client (client/v3/concurrency/stm.go).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable, iscoroutine
from typing import Any, Literal, TypeVar, overload

from attrs import frozen

from etcd_factory.core.bound import Bound, operation, untyped
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Face, Sync
from etcd_factory.errors import STMConflictError

from .stm_journal import Conflict, Level, STMJournal
from .stm_tx import Tx

T = TypeVar("T")

Isolation = Literal["serializable_snapshot", "serializable", "repeatable_reads", "read_committed"]

LEVELS: dict[str, Level] = {
    "serializable_snapshot": Level(snapshot=True, reads=True, writes=True),
    "serializable": Level(snapshot=True, reads=True, writes=False),
    "repeatable_reads": Level(snapshot=False, reads=True, writes=False),
    "read_committed": Level(snapshot=False, reads=False, writes=False),
}


@frozen(eq=False, repr=False)
class STM(Bound[F]):
    """Runs functions as transactions; it may be reused, also concurrently."""

    _run: View
    _level: Level
    _retries: int

    def __repr__(self) -> str:
        return f"<STM of {self._run}>"

    @overload
    def transact(self: STM[Sync], fn: Callable[[Tx[Sync]], T]) -> T: ...
    @overload
    def transact(self: STM[Async], fn: Callable[[Tx[Async]], Awaitable[T]]) -> Coroutine[Any, Any, T]: ...
    @untyped
    @operation
    async def transact(self, fn: Callable[[Any], Any]) -> Any:
        """Return what ``fn(tx)`` returned in the run whose writes were committed; in asyncio ``fn`` is ``async``.

        After a conflict ``fn`` runs again, the first time at once on what the refused commit found, then after growing
        pauses; so it must be safe to repeat. What it raises passes through, and nothing is written. Raises
        ``STMConflictError`` after too many conflicts. A commit whose response was lost is not retried: its error says
        ``maybe_applied``.
        """
        last = Conflict()
        for failures in range(self._retries + 1):
            if failures > 1:
                await self._run.client.runtime.sleep(self._run.client.backoff(failures - 1))
                last = Conflict()  # what the last commit found would be stale by now
            journal = STMJournal(self._run, self._level, last)
            result = await call(fn, Tx[Any](journal), journal.face)
            refused = await journal.commit()
            if refused is None:
                return result
            last = refused
        raise self._failed(last)

    def _failed(self, last: Conflict) -> STMConflictError:
        attempts = self._retries + 1
        keys = ", ".join(repr(key.decode(errors="backslashreplace")) for key in last.changed)
        message = f"gave up after {attempts} attempts; others keep changing {keys}"
        error = STMConflictError(message, endpoint=self._run.client.endpoint)
        error.operation, error.attempts = "stm", attempts
        return error


async def call(fn: Callable[[Any], Any], tx: Tx[Any], face: Face) -> Any:
    """Return what a run returned; ``TypeError`` if the function belongs to the other face."""
    given = fn(tx)
    if face is Async:
        if not isawaitable(given):
            raise TypeError(f"{fn!r} is not async; for AsyncETCDService write 'async def'")
        return await given
    if iscoroutine(given):
        given.close()
        raise TypeError(f"{fn!r} is async; for the blocking ETCDService write 'def'")
    return given
