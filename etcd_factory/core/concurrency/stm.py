"""Transactions in software: a function that reads and writes is run until nobody disturbed it.

The levels are those of Go's client (client/v3/concurrency/stm.go).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable, iscoroutine
from typing import Any, Literal, TypeVar, overload

from attrs import frozen

from etcd_factory.core.call.retry import backoff
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, Bound, F, Sync
from etcd_factory.core.op import number
from etcd_factory.errors import Code, STMConflictError, suggestion

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
RETRIES = 20  # of a conflict; with the default pauses about ten seconds


def level(isolation: str) -> Level:
    """A level by its name; ``ValueError`` lists them."""
    if isolation not in LEVELS:
        near = suggestion(str(isolation), LEVELS)
        raise ValueError(f"the isolation {isolation!r} is none of {' '.join(LEVELS)}{near}")
    return LEVELS[isolation]


@frozen(eq=False)
class STM(Bound[F]):
    """Runs functions as transactions; it may be used again, and by several at once."""

    _run: View
    _level: Level
    _retries: int

    @overload
    def transact(self: STM[Sync], fn: Callable[[Tx[Sync]], T]) -> T: ...
    @overload
    def transact(self: STM[Async], fn: Callable[[Tx[Async]], Awaitable[T]]) -> Coroutine[Any, Any, T]: ...
    def transact(self, fn: Callable[[Any], Any]) -> Any:
        """What ``fn(tx)`` returned in the run whose writes were committed; in asyncio ``fn`` is ``async``.

        After a conflict ``fn`` is run again, at first at once on what the refused commit found, then after growing
        pauses; whatever else it does, it must stand being done again. What it raises passes through, and nothing is
        written. ``STMConflictError`` after too many conflicts. A commit whose answer was lost is not repeated, but
        its error raised: it may have been applied.
        """
        return self._run.finish(self._transact(fn))

    async def _transact(self, fn: Callable[[Any], Any]) -> Any:
        last = Conflict()
        for failures in range(self._retries + 1):
            if failures > 1:
                await self._pause(failures - 1)
                last = Conflict()  # what the last commit found would be old by now
            journal = STMJournal(self._run, self._level, last)
            result = await called(fn, Tx[Any](journal), self._run.client.io.face)
            refused = await journal.commit()
            if refused is None:
                return result
            last = refused
        raise self._failed(last)

    async def _pause(self, failures: int) -> None:
        client = self._run.client
        await client.io.sleep(backoff(client.options.retry, failures, client.chance()))

    def _failed(self, last: Conflict) -> STMConflictError:
        attempts = self._retries + 1
        keys = ", ".join(repr(key.decode(errors="backslashreplace")) for key in last.changed)
        message = f"attempt {attempts} of {attempts} failed, since others changed {keys}"
        error = STMConflictError(message, code=Code.ABORTED, endpoint=self._run.client.endpoint)
        error.operation, error.attempts = "stm", attempts
        return error


async def called(fn: Callable[[Any], Any], tx: Tx[Any], face: type[Sync | Async]) -> Any:
    """What a run returned; ``TypeError`` if the function belongs to the other face."""
    given = fn(tx)
    if face is Async:
        if not isawaitable(given):
            raise TypeError(f"{fn!r} gave nothing to await; for AsyncETCDService write 'async def'")
        return await given
    if iscoroutine(given):
        given.close()
        raise TypeError(f"{fn!r} is async; for the blocking ETCDService write 'def'")
    return given


class STMs(Bound[F]):
    """The part of a service that runs transactions in software."""

    __slots__ = ()

    _run: View

    def stm(self, isolation: Isolation = "serializable_snapshot", retries: int = RETRIES) -> STM[F]:
        """Transactions in software: ``etcd.stm().transact(fn)`` runs ``fn(tx)`` until it was not disturbed.

        - ``serializable_snapshot``: all reads are of one revision, and since then nobody has changed a key that was
          read or is written;
        - ``serializable``: the same, but a key that is only written may have been changed by others meanwhile;
        - ``repeatable_reads``: a key that is read again is as before, and unchanged at the commit, but two keys may
          be of two revisions;
        - ``read_committed``: nothing is checked; what others wrote since it was read is overwritten.

        At most ``retries`` runs follow the first one. ``timeout`` holds for each call to etcd, not for all of them.
        """
        return STM(self._run, level(isolation), number(retries, "retries"))
