"""A running watch: how events reach the user, by iterating or by functions that are called."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from typing_extensions import Self

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Sync, finish, operation
from etcd_factory.core.handlers import call
from etcd_factory.errors import ClientClosedError, WatchOverflowError, suggestion
from etcd_factory.model import Event, KeyValue
from etcd_factory.wire import replies

from .subscription import Subscription, log

KINDS = ("connecting", "connected", "disconnected", "put", "delete", "data", "progress", "end", "error")

WANTED: dict[tuple[str, ...], tuple[str, ...]] = {  # by what etcd is told not to send
    (): ("put", "delete"),
    ("NODELETE",): ("put",),
    ("NOPUT",): ("delete",),
}

BUFFER = 100_000  # events that may wait to be read
GRACE = 0.01  # seconds: functions are given one after the other, create().on(...).on(...), and all are to be there
LAST = ("error", "end")  # what is told of a watch that is over

Handlers = dict[str, list[Callable[..., Any]]]


def kind_of(kind: str) -> str:
    """One of the kinds of events; ``ValueError`` lists them."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}{suggestion(kind, KINDS)}")
    return kind


class Watcher(Subscription[F]):
    """A running watch: iterate over it, or have functions called. Every event comes once and in order.

    It goes on for ever, on any host, behind the last revision that was seen. ``cancel()`` it, or use it as a context
    manager.
    """

    def __init__(
        self,
        view: View,
        fields: Mapping[str, Any],
        buffer: int = BUFFER,
        handlers: Handlers | None = None,
        *,
        progress: bool = False,
        resync: bool = False,
    ) -> None:
        super().__init__(view, fields, renewing=resync)
        self._wanted = WANTED[tuple(fields.get("filters", ()))]
        self._box = self._io.mailbox(buffer)
        self._ready: deque[Event] = deque()
        self._buffer, self._added, self._taken = buffer, 0, 0
        self._progress, self._handlers = progress, handlers or {}
        self._known: set[bytes] = set()
        self._task: Any = None

    # --- what is heard

    async def open(self, start: int) -> None:
        """Begin, and wait until the server has confirmed it."""
        if self._handlers:
            self._dispatching()
        if self._renewing:
            reply = await self.read(keys_only=True)
            self._known = set(replies.key_bytes(reply, self._skip))
            start = start or reply.header.revision + 1
        await super().open(start)

    def _stand(self, kind: str, error: Exception | None = None) -> None:
        self._box.put((kind, error), always=True)

    def _hear(self, events: tuple[Any, ...]) -> bool:
        return self._put([replies.event(found, self._skip) for found in events])

    def _mark(self, revision: int) -> None:
        if self._progress:
            self._box.put(("progress", Event("progress", KeyValue(b""), revision)), always=True)

    def _end(self, error: Exception | None) -> None:
        self._box.put(("error", error), always=True)
        self._box.close()

    def _renew(self, reply: Any) -> None:
        revision, found = reply.header.revision, replies.kvs(reply, self._skip)
        gone = self._known.difference([kv.key for kv in found])
        deletes = [KeyValue(key, mod_revision=revision) for key in sorted(gone)]
        self._put([Event("delete", kv, revision, resync=True) for kv in deletes], always=True)
        self._put([Event("put", kv, kv.mod_revision, resync=True) for kv in found], always=True)

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
        if self._renewing:  # so that after a compaction it can be told which keys went
            for event in events:
                (self._known.add if event.type == "put" else self._known.discard)(event.kv.key)

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
        await super().leave()
        self._box.close()

    def _dispatching(self) -> None:
        if self._task is None:
            self._task = self._io.spawn(self._dispatch(), "etcd_factory watcher")

    async def _dispatch(self) -> None:
        await self._io.sleep(GRACE)
        while (item := await self._box.get()) is not None:
            kind, value = item
            if kind == "error" and "error" not in self._handlers:
                unheard(value)
            for name, args in calls(kind, value):
                await self._call(name, *args)
            self._taken += len(value) if kind == "data" else 0
        await self._call("end")

    async def _call(self, kind: str, *args: Any) -> None:
        for handler in self._handlers.get(kind, ()):
            if self._over and kind not in LAST:
                return
            await call(self._io, log, f"{kind!r} of a watch", handler, *args)

    def stop(self) -> None:
        """Wake the one who waits for an event, who then ends it."""
        self._over = True
        self._box.close()

    async def take(self, timeout: float | None = None) -> Event | None:
        """The next event, None behind the last one or at the end of ``timeout``; raises what ended the watch."""
        if self._task is not None:
            raise TypeError("a watcher with functions to call is not iterated over")
        if self._era != self._io.era:
            raise ClientClosedError("a watch stays with the process that began it; in a forked child begin it anew")
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
        if self._ready and not self._over:  # the usual way, without a step more than it takes
            self._taken += 1
            return self._ready.popleft()
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


def unheard(error: Exception) -> None:
    """A watch ended by an error, and there is no function for that; that its client was closed is no news."""
    if not isinstance(error, ClientClosedError):
        log.warning("a watch ended, and no function was given for its 'error': %s", error)


def calls(kind: str, value: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The functions to be called for one thing that happened, and with what."""
    if kind != "data":
        yield kind, (() if value is None else (value,))
        return
    for event in value:
        yield event.type, (event,)
    yield kind, (value,)
