"""Changing a key by what it is: read, change, compare, and again if somebody else was faster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

from attrs import define

from etcd_factory.core.arguments import Text, Value, integer, to_bytes, to_value
from etcd_factory.core.bound import Bound, operation, untyped
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync
from etcd_factory.core.handlers import called, checked
from etcd_factory.core.op import Op
from etcd_factory.errors import DeadlineExceededError, EtcdError
from etcd_factory.model import CasResponse, KeyValue
from etcd_factory.model.values import as_integer
from etcd_factory.wire import replies

from .values import KV
from .writes import conditional

T = TypeVar("T")

Change = Callable[[KeyValue | None], Awaitable[Value]]


@define(eq=False)
class Update:
    """One change of one key. At etcd and in pauses it takes no longer than the service's timeout."""

    view: View
    key: bytes
    label: str
    left: float
    attempts: int = 0

    async def run(self, change: Change) -> KeyValue:
        """Return the key as it was written."""
        current = await self._execute(Op("get", {"key": self.key}, KV))
        while True:
            value = to_value(await change(current))
            done = await self._execute(self._write(value, current))
            self.attempts += 1
            if done.succeeded:
                return written(self.key, value, current, done.revision)
            current = await self._conflict(done)

    def _write(self, value: bytes, current: KeyValue | None) -> Op[CasResponse]:
        """Return the write; a key that has a lease keeps it, as whoever gave it that expects."""
        fields: dict[str, object] = {"key": self.key, "value": value}
        if current is None:
            return conditional(Op("put", fields, replies.put_response), 0)
        fields["ignore_lease"] = True
        return conditional(Op("put", fields, replies.put_response), current.mod_revision)

    async def _conflict(self, done: CasResponse) -> KeyValue | None:
        """Return what to change next: after the first conflict what was found, then what is there after a pause."""
        if self.attempts == 1:
            return done.current
        client, begun = self.view.client, self.view.client.runtime.now()
        pause = client.backoff(self.attempts - 1)
        if pause >= self.left:
            raise self._late()
        await client.runtime.sleep(pause)
        self.left -= client.runtime.now() - begun
        return await self._execute(Op("get", {"key": self.key}, KV))

    async def _execute(self, op: Op[T]) -> T:
        if self.left <= 0:
            raise self._late()
        now = self.view.client.runtime.now
        begun = now()
        try:
            return await self.view.within(self.left).execute(op)
        except EtcdError as error:
            if self.attempts and isinstance(error, DeadlineExceededError):
                raise self._late(error.maybe_applied) from error  # its share of the time says nothing
            error.operation = self.label
            raise
        finally:
            self.left -= now() - begun

    def _late(self, maybe_applied: bool = False) -> DeadlineExceededError:
        text = f"others keep changing {self.key!r}; {self.attempts} attempts in {self.view.timeout:g} s met conflicts"
        error = DeadlineExceededError(text, endpoint=self.view.client.endpoint)
        error.operation, error.attempts, error.maybe_applied = self.label, self.attempts, maybe_applied
        return error


def written(key: bytes, value: bytes, before: KeyValue | None, revision: int) -> KeyValue:
    """Return a key after a write at ``revision``, before which it certainly was as ``before``."""
    if before is None:
        return KeyValue(key, value, revision, revision, 1)
    return KeyValue(key, value, before.create_revision, revision, before.version + 1, before.lease)


class Updates(Bound[F]):
    """The part of a service that changes keys by what they are."""

    __slots__ = ()

    _run: View

    @operation
    async def increment(self, key: Text, by: int = 1) -> int:
        """Add ``by``, which may be negative, to a key's decimal number, and return the new one.

        A missing key counts as 0. Raises ``ValueError`` if the value is no integer. For conflicts, leases and errors
        see ``update``.
        """
        step = integer(by, "an increment")

        async def add(current: KeyValue | None) -> int:
            return step if current is None else step + as_integer(current.value, f"the value of {current.key!r}")

        return int((await self._update("increment", key, add)).value)

    @overload
    def update(self: Updates[Sync], key: Text, fn: Callable[[KeyValue | None], Value]) -> KeyValue: ...
    @overload
    def update(
        self: Updates[Async], key: Text, fn: Callable[[KeyValue | None], Awaitable[Value] | Value]
    ) -> Coroutine[Any, Any, KeyValue]: ...
    @untyped
    @operation
    async def update(self, key: Text, fn: Callable[[Any], Any]) -> KeyValue:
        """Write what ``fn`` returns for the present ``KeyValue``, None if there is no such key; return the new one.

        It is written only if nobody has changed the key since it was read. Else ``fn`` runs again on what is there now,
        the first time at once, then after growing pauses; so it must be safe to repeat. In asyncio it may be ``async``.
        What it raises passes through, and nothing is written. A key that has a lease keeps it.

        Raises ``DeadlineExceededError`` if others were faster for the service's ``timeout``, which does not count what
        ``fn`` takes. A write whose response was lost is not repeated: its error has ``maybe_applied``.
        """
        face = self._run.face
        function = checked(fn, face, "what updates a key")
        return await self._update("update", key, lambda current: called(function, face, current))

    async def _update(self, what: str, key: Text, change: Change) -> KeyValue:
        name = to_bytes(key)
        return await Update(self._run, name, f"{what} {name!r}", self._run.timeout).run(change)
