"""A running watch: how events reach the user, by iterating or by functions that are called."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from typing_extensions import Self

from etcd_factory.errors import (
    ClientClosedError,
    CompactedError,
    DeadlineExceededError,
    WatchOverflowError,
    suggestion,
)
from etcd_factory.model import Event, KeyValue
from etcd_factory.policy.retry import pause
from etcd_factory.policy.watch import Out
from etcd_factory.wire import replies
from etcd_factory.wire.ranges import within

from .face import Async, Bound, F, Sync, finish, operation
from .hub import Hub
from .op import Op
from .ports import value_of
from .view import View

log = logging.getLogger("etcd_factory.watch")

KINDS = ("connecting", "connected", "disconnected", "put", "delete", "data", "progress", "end", "error")

WANTED: dict[tuple[str, ...], tuple[str, ...]] = {  # by what etcd is told not to send
    (): ("put", "delete"),
    ("NODELETE",): ("put",),
    ("NOPUT",): ("delete",),
}

GRACE = 0.01  # seconds: functions are given one after the other, create().on(...).on(...), and all are to be there
LAST = ("error", "end")  # what is told of a watch that is over

Handlers = dict[str, list[Callable[..., Any]]]


def kind_of(kind: str) -> str:
    """One of the kinds of events; ``ValueError`` lists them."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}{suggestion(kind, KINDS)}")
    return kind


class Watcher(Bound[F]):
    """A running watch: iterate over it, or have functions called. Every event comes once and in order.

    It goes on for ever, on any host, behind the last revision that was seen. ``cancel()`` it, or use it as a context
    manager.
    """

    known: set[bytes] | None

    def __init__(
        self, view: View, hub: Hub, fields: Mapping[str, Any], buffer: int, progress: bool, handlers: Handlers
    ) -> None:
        self._run, self._hub, self._fields, self._progress = view, hub, fields, progress
        self._io, self._skip = view.client.io, len(view.namespace)
        self._wanted = WANTED[tuple(fields.get("filters", ()))]
        self._created = self._io.promise()
        self._box = self._io.mailbox(buffer)
        self._ready: deque[Event] = deque()
        self._buffer, self._added, self._taken = buffer, 0, 0
        self._handlers = handlers
        self._task: Any = None
        self._confirmed = self._over = False
        self._error: Exception | None = None
        self.known = None
        self.id = 0
        self.revision = 0

    # --- beginning

    async def open(self, start: int) -> None:
        """Begin, and wait until the server has confirmed it."""
        if self._handlers:
            self._dispatching()
        try:
            await self._begin(start)
            refused = await self._created.wait(self._run.timeout)
            if refused is not None:
                raise refused
        except DeadlineExceededError as error:
            await self.leave()
            raise self._error or error from self._error
        except BaseException:
            await self.leave()
            raise

    async def _begin(self, start: int) -> None:
        key, end = within(self._run.namespace, self._fields["key"], self._fields["range_end"])
        fields = {**self._fields, "key": key, "range_end": end, "progress_notify": True}
        if self.known is not None:  # which keys went can only be told by one who has seen both kinds
            fields["filters"] = []
        self.id = await self._hub.add(self, fields, start)

    async def learn(self) -> None:
        """Remember the keys that are there, so that after a compaction it can be told which went."""
        fields = {**self._range(), "keys_only": True}
        self.known = set(await self._run.execute(Op("get", fields, replies.key_bytes, paged=True)))

    # --- what the hub tells; nothing here waits

    def tell(self, out: Out) -> bool:
        """Something for this watch; false ends it."""
        self.revision = max(self.revision, out.revision)
        return bool(getattr(self, f"_tell_{out.kind}")(out))

    def state(self, kind: str, error: Exception | None = None) -> None:
        """The stream is ``connecting``, or ``disconnected`` by an error."""
        self._error = error or self._error
        self._box.put((kind, error), always=True)

    def _tell_created(self, out: Out) -> bool:
        del out
        if not self._confirmed:
            self._confirmed = True
            self._created.set(None)
        self._box.put(("connected", None), always=True)
        return True

    def _tell_events(self, out: Out) -> bool:
        return self._put([replies.event(found, self._skip) for found in out.events])

    def _tell_progress(self, out: Out) -> bool:
        if self._progress:
            self._box.put(("progress", Event("progress", KeyValue(b""), out.revision)), always=True)
        return True

    def _tell_error(self, out: Out) -> bool:
        if self.known is not None and isinstance(out.error, CompactedError):
            self._io.spawn(self._refresh(), "etcd_factory resync")
        else:
            self._fail(out.error)
        return True

    def _tell_closed(self, out: Out) -> bool:
        del out
        self._fail(ClientClosedError())
        return True

    def _put(self, events: list[Event], *, always: bool = False) -> bool:
        if self._added - self._taken + len(events) > self._buffer and not always:
            self._fail(WatchOverflowError(f"more than {self._buffer} events wait to be read"))
            return False
        self._note(events)
        events = [event for event in events if event.type in self._wanted]
        if not events:
            return True
        self._added += len(events)
        return self._box.put(("data", events), always=True)

    def _note(self, events: list[Event]) -> None:
        if self.known is not None:
            for event in events:
                (self.known.add if event.type == "put" else self.known.discard)(event.kv.key)

    def _fail(self, error: Exception | None) -> None:
        if not self._confirmed:
            self._confirmed = True
            self._created.set(error)
        self._box.put(("error", error), always=True)
        self._box.close()

    # --- after a compaction

    async def _refresh(self) -> None:
        """Read the range afresh, and go on behind it."""
        client, failures = self._run.client, 0
        while not self._over:
            try:
                revision, found = await self._run.execute(Op("get", self._range(), fresh, paged=True))
            except ClientClosedError as error:
                return self._fail(error)
            except Exception as error:
                failures += 1
                log.info("reading a range afresh failed and is tried again: %s", error)
                await self._io.sleep(pause(client.options.retry, failures, client.chance()))
            else:
                return await self._retell(revision, found)
        return None

    async def _retell(self, revision: int, found: list[KeyValue]) -> None:
        if self._over:
            return
        here = {kv.key for kv in found}
        gone = [KeyValue(key, mod_revision=revision) for key in sorted((self.known or set()) - here)]
        self._put([Event("delete", kv, revision, resync=True) for kv in gone], always=True)
        self._put([Event("put", kv, kv.mod_revision, resync=True) for kv in found], always=True)
        try:
            await self._begin(revision + 1)
        except ClientClosedError as error:
            self._fail(error)

    def _range(self) -> Mapping[str, Any]:
        return {"key": self._fields["key"], "range_end": self._fields["range_end"]}

    # --- what the user does

    def on(self, kind: str, handler: Callable[..., Any]) -> Self:
        """Call ``handler`` for what happens, one call after another, apart from other watches; gives the watcher.

        ``put`` and ``delete`` get the event, ``data`` a list of those that came together, ``progress`` the mark,
        ``disconnected`` and ``error`` the error, ``connecting``, ``connected`` and ``end`` nothing. A handler may use
        the client; what it raises is logged. In asyncio it may be ``async``. A watcher with handlers is not iterated
        over. What must not miss even the first event is given to the builder, ``watch().on(...).create()``.
        """
        self._handlers.setdefault(kind_of(kind), []).append(handler)
        self._dispatching()
        return self

    @operation
    async def cancel(self) -> None:
        """End it: iterating stops, functions are called no more but for ``end``. Twice is fine."""
        await self.leave()

    async def leave(self) -> None:
        """End it."""
        self._over = True
        await self._hub.remove(self.id)
        self._box.close()

    def _dispatching(self) -> None:
        if self._task is None:
            self._task = self._io.spawn(self._dispatch(), "etcd_factory watcher")

    async def _dispatch(self) -> None:
        await self._io.sleep(GRACE)
        while (item := await self._box.get()) is not None:
            kind, value = item
            for name, args in calls(kind, value):
                await self._call(name, *args)
            self._taken += len(value) if kind == "data" else 0
        await self._call("end")

    async def _call(self, kind: str, *args: Any) -> None:
        for handler in self._handlers.get(kind, ()):
            if self._over and kind not in LAST:
                return
            try:
                await value_of(handler(*args)) if self._io.face is Async else handler(*args)
            except Exception:
                log.exception("a function called for %r of a watch failed", kind)

    def stop(self) -> None:
        """Wake the one who waits for an event, who then ends it."""
        self._over = True
        self._box.close()

    async def take(self, timeout: float | None = None) -> Event | None:
        """The next event, None behind the last one or at the end of ``timeout``; raises what ended the watch."""
        if self._task is not None:
            raise TypeError("a watcher with functions to call is not iterated over")
        while not self._ready and not self._over:
            item = await self._box.get(timeout)
            if item is None:
                self._over = timeout is None
                return None
            if item[0] == "error":
                raise item[1]
            if item[0] == "data":
                self._ready.extend(item[1])
            elif item[0] == "progress":
                return item[1]  # type: ignore[no-any-return]
        if self._over:
            return None
        self._taken += 1
        return self._ready.popleft()

    def __iter__(self: Watcher[Sync]) -> Watcher[Sync]:
        return self

    def __next__(self: Watcher[Sync]) -> Event:
        event = finish(self.take())
        if event is None:
            raise StopIteration
        return event

    def __aiter__(self: Watcher[Async]) -> Watcher[Async]:
        return self

    async def __anext__(self: Watcher[Async]) -> Event:
        event = await self.take()
        if event is None:
            raise StopAsyncIteration
        return event

    def __enter__(self: Watcher[Sync]) -> Watcher[Sync]:
        return self

    def __exit__(self: Watcher[Sync], *error: object) -> None:
        self.cancel()

    async def __aenter__(self: Watcher[Async]) -> Watcher[Async]:
        return self

    async def __aexit__(self: Watcher[Async], *error: object) -> None:
        await self.cancel()


def fresh(reply: Any, skip: int) -> tuple[int, list[KeyValue]]:
    """A whole range, and the revision that it was read at."""
    return reply.header.revision, replies.kvs(reply, skip)


def calls(kind: str, value: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The functions to be called for one thing that happened, and with what."""
    if kind != "data":
        yield kind, (() if value is None else (value,))
        return
    for event in value:
        yield event.type, (event,)
    yield kind, (value,)
