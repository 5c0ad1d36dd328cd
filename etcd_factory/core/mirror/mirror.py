"""A range kept in memory: loaded once, kept current by one watch without a gap, read without the network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from functools import partial
from itertools import count
from typing import Any, Literal, overload

from attrs import define, evolve
from typing_extensions import Self

from etcd_factory.core.call.retry import backoff
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, Bound, F, Sync, opener, operation
from etcd_factory.core.kv.values import ValueReader
from etcd_factory.core.notifier import ChangeNotifier
from etcd_factory.core.op import Op, Text, number, raw
from etcd_factory.core.watch.subscription import Subscription
from etcd_factory.errors import ClientClosedError, ConnectionFailedError, DeadlineExceededError, EtcdError, suggestion
from etcd_factory.model import KeyValue
from etcd_factory.model.ranges import prefixed

from .conditions import ConditionWaiters
from .fresh_read import FreshRead, reply_of
from .read_index import ReadIndex
from .store import Change, KeyValueStore

log = logging.getLogger("etcd_factory.mirror")


@define(eq=False)  # made for each read: frozen ones take longer
class Get(ValueReader[F]):
    """A read of one key from a mirror."""

    _run: Callable[[Op[Any]], Any]
    _fields: Mapping[str, Any]


class Mirror(Subscription[F], KeyValueStore):
    """A prefix in memory: a read-only mapping from keys to ``KeyValue``s, read without the network.

    It holds a state that the store has had, at ``revision``, and follows all that comes after it, whatever is
    restarted or compacted. Iterating, ``copy()`` and ``items()`` give the state of that moment, never a part of a
    transaction. ``close()`` it, or use it as a context manager.
    """

    def __init__(self, view: View, prefix: bytes) -> None:
        start, end = prefixed(prefix)
        super().__init__(view, {"key": start, "range_end": end}, renewing=True)
        KeyValueStore.__init__(self, view.client.guard(), self._skip)
        client, self._prefix = view.client, prefix
        self._changes, self._waiters, self._questions = (
            ChangeNotifier(client),
            ConditionWaiters(client),
            ReadIndex(view, self._reached),
        )
        self.connected = False

    # --- what is heard

    async def load(self) -> None:
        """Read the range, and follow it from there on."""
        reply = await self.read()
        self._renew(reply)
        await self.open(reply.header.revision + 1)

    def _renew(self, reply: Any) -> None:
        self._changed(self._fill(reply.kvs, reply.header.revision, told=self._told()))

    def _hear(self, events: tuple[Any, ...]) -> bool:
        self._changed(self._follow(events))
        return True

    def _told(self) -> bool:
        """Whether anyone is to be told what differs after the range was read afresh."""
        return self._changes.wanted

    def _changed(self, changes: list[Change]) -> None:
        self._changes.add([change for change in changes if change[0] != change[1]])
        self._waiters.wake()

    def _mark(self, revision: int) -> None:
        with self._guard:
            self.revision = max(self.revision, revision)
        self._waiters.wake()

    def _stand(self, kind: str, error: Exception | None = None) -> None:
        del error
        self.connected = kind == "connected"

    def _lasts(self, error: Exception | None) -> bool:
        if not self._confirmed:
            return super()._lasts(error)
        log.warning("the mirror of %r is read afresh: %s", self._prefix, error)
        return True

    def _end(self, error: Exception | None) -> None:
        self.connected = False
        self._changes.close()
        self._waiters.end(error or ClientClosedError("this mirror is closed; make a new one to go on"))

    # --- what the user does

    @overload  # type: ignore[override]  # a Mapping's get() gives a value or a default
    def get(self, key: Text, *, fresh: Literal[False] = False) -> Get[Sync]: ...
    @overload
    def get(self, key: Text, *, fresh: Literal[True]) -> Get[F]: ...
    def get(self, key: Text, *, fresh: bool = False) -> Get[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read one key as the service does: ``mirror.get("k").string()``; without the network, in asyncio too.

        With ``fresh=True`` it is a linearizable read, in asyncio awaited: it gives what stands there when it is asked
        for, or later. One request to etcd serves all who wait when it is sent.
        """
        run = self._answer_fresh if fresh else self._answer
        return Get(partial(run, raw(key)), {"key": raw(key)})

    def _answer(self, key: bytes, op: Op[Any]) -> Any:
        return op.read(reply_of(self._read(key)), 0)

    def _answer_fresh(self, key: bytes, op: Op[Any]) -> Any:
        return self._run.finish(self._await(key, op))

    async def _await(self, key: bytes, op: Op[Any]) -> Any:
        """The answer, once the mirror is as far as the store is now."""
        if not key.startswith(self._prefix):
            return self._answer(key, op)
        io, timeout, sight = self._io, self._run.timeout, FreshRead(self, key)
        deadline = io.now() + timeout
        try:
            sight.answer = await self._questions.ask(key, deadline)
            if not sight.met() and not await self._waiters.until(sight.met, deadline - io.now()):
                raise self._late(sight.answer[1], timeout)
        except EtcdError as error:  # of all who asked together, each is told of his own key
            own = copy(error)
            own.operation = f"{op.label} of a mirror"
            raise own from error
        return op.read(sight.reply(), 0)

    def _reached(self, revision: int) -> bool:
        return self.revision >= revision

    def _late(self, revision: int, timeout: float) -> DeadlineExceededError:
        here = f"the mirror of {self._prefix!r} is at revision {self.revision}"
        return DeadlineExceededError(f"{here}, and did not reach {revision} within {timeout} s")

    @operation
    async def wait(self, revision: int, timeout: float | None = None) -> None:
        """Wait until all changes up to this revision of the store are seen, be they of this prefix or not.

        ``DeadlineExceededError`` after ``timeout`` seconds, by default the service's.
        """
        wanted, client, io = number(revision, "a revision"), self._run.client, self._io
        bound = self._run.timeout if timeout is None else timeout
        deadline = io.now() + bound
        for turn in count(1):  # a change in the range tells in no time; only for those elsewhere there is need to ask
            step = min(deadline - io.now(), backoff(client.options.retry, turn, client.chance()))
            if await self._waiters.until(lambda: self.revision >= wanted, step):
                return
            if io.now() >= deadline:
                raise self._late(wanted, bound)
            with suppress(ConnectionFailedError, DeadlineExceededError):  # etcd may be back in time
                await self._catch_up(deadline - io.now())

    async def _catch_up(self, timeout: float) -> None:
        """Ask whether the range is as it is known here; if so, all up to the answer's revision is seen.

        A mark of the watch's progress would tell the same, but before etcd 3.5.8 it may overtake events
        (etcd-io/etcd#15220). Without a later change, and with as many keys, the range is the same.
        """
        with self._guard:
            seen, size = self.revision, len(self._found)
        fields = {**self._range(), "keys_only": True, "limit": 1, "min_mod_revision": seen + 1}
        reply = await evolve(self._run, timeout=timeout).execute(Op("get", fields, lambda reply, _: reply))
        with self._guard:
            if self.revision == seen and not reply.kvs and reply.count == size:
                self.revision = max(seen, reply.header.revision)
        self._waiters.wake()

    def on(self, event: str, handler: Callable[[KeyValue | None, KeyValue | None], Any]) -> Self:
        """Call ``handler(old, new)`` for each ``change`` from now on, one call after another; gives the mirror.

        ``old`` is None for a new key, ``new`` for one that went. Where more changes wait for a slow function than
        memory should hold, those of one key become one. What it raises is logged; in asyncio it may be ``async``.
        """
        if event != "change":
            raise ValueError(f"a mirror has no event {event!r}{suggestion(str(event), ['change'])}; it has: change")
        self._changes.on(handler)
        return self

    @operation
    async def close(self) -> None:
        """Follow no more; what it holds can still be read. Twice is fine."""
        await self.leave()

    async def leave(self) -> None:
        """End it."""
        await super().leave()
        self._end(None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._prefix!r}: {len(self)} keys at revision {self.revision}>"

    def __enter__(self: Mirror[Sync]) -> Mirror[Sync]:
        return self

    def __exit__(self: Mirror[Sync], *error: object) -> None:
        self.close()

    async def __aenter__(self: Mirror[Async]) -> Mirror[Async]:
        return self

    async def __aexit__(self: Mirror[Async], *error: object) -> None:
        await self.close()


class Mirrors(Bound[F]):
    """The part of a service that keeps ranges in memory."""

    __slots__ = ()

    _run: View

    @opener
    async def mirror(self, prefix: Text = "") -> Mirror[F]:
        """A prefix kept in memory, loaded and followed; by default the whole namespace."""
        mirror: Mirror[F] = Mirror(self._run, raw(prefix, "a prefix"))
        await mirror.load()
        return mirror
