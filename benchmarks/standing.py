"""Streams of grpcio alone, as a careful user writes them: a watch, and renewals of leases."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import grpc
from typing_extensions import Self

from etcd_factory.model.ranges import prefix_end
from etcd_factory.wire import methods
from etcd_factory.wire.messages import LeaseKeepAliveRequest, WatchRequest

from .stubs import Awaited, Blocking, prepared


def watched(prefix: str, start: int) -> Any:
    """The request of a watch."""
    key = prefix.encode()
    span = {"key": key, "range_end": prefix_end(key), "start_revision": start}
    return WatchRequest(create_request={**span, "progress_notify": True})


class Seen:
    """What a user keeps of the events that were read: enough to go on behind them, and here their size."""

    def __init__(self) -> None:
        self.revision = self.size = 0

    def read(self, events: Any) -> int:
        """Look at each event; how many there were."""
        size, revision = 0, self.revision
        for event in events:
            size += len(event.kv.key) + len(event.kv.value) + event.type
            revision = event.kv.mod_revision
        self.size, self.revision = self.size + size, revision
        return len(events)


class Stream:
    """A blocking stream whose requests are put into its outbox."""

    def __init__(self, channel: Any, method: methods.Method) -> None:
        self.outbox: SimpleQueue[Any] = SimpleQueue()
        self.call = prepared(channel, method)(iter(self.outbox.get, None))

    def close(self) -> None:
        self.outbox.put(None)
        self.call.cancel()


class Watch(Stream):
    """A watch, blocking."""

    def __init__(self, channel: Any, prefix: str, start: int = 0) -> None:
        super().__init__(channel, methods.WATCH)
        self.outbox.put(watched(prefix, start))
        assert next(self.call).created

    def value(self) -> bytes:
        """The next event's value, where each comes alone."""
        value: bytes = next(self.call).events[0].kv.value
        return value

    def size(self, count: int) -> int:
        """The size of so many events."""
        seen = Seen()
        while count > 0:
            count -= seen.read(next(self.call).events)
        return seen.size


class AWatch:
    """A watch in asyncio."""

    call: Any

    @classmethod
    async def open(cls, channel: Any, prefix: str, start: int = 0) -> Self:
        made = cls()
        made.call = prepared(channel, methods.WATCH)()
        await made.call.write(watched(prefix, start))
        assert (await made.call.read()).created
        return made

    async def value(self) -> bytes:
        """The next event's value, where each comes alone."""
        value: bytes = (await self.call.read()).events[0].kv.value
        return value

    async def size(self, count: int) -> int:
        """The size of so many events."""
        seen = Seen()
        while count > 0:
            count -= seen.read((await self.call.read()).events)
        return seen.size

    def close(self) -> None:
        self.call.cancel()


class Keeping(Blocking):
    """A stub whose leases are renewed on a stream from their grant on, the answers read by a thread."""

    left = 0

    def __init__(self, channel: Any, timeout: float | None) -> None:
        super().__init__(channel, timeout)
        self._stream = Stream(channel, methods.LEASE_KEEP_ALIVE)
        self.close = self._stream.close
        threading.Thread(target=self._listen, daemon=True).start()

    def grant(self) -> Any:
        granted = super().grant()
        self._stream.outbox.put(LeaseKeepAliveRequest(ID=granted.ID))
        return granted

    def _listen(self) -> None:
        with suppress(grpc.RpcError):  # it was closed
            for answer in self._stream.call:
                self.left = answer.TTL


class AKeeping(Awaited):
    """The same in asyncio, the answers read by a task."""

    _call: Any
    _task: asyncio.Future[None]
    left = 0

    @classmethod
    async def open(cls, channel: Any, timeout: float | None) -> Self:
        made = cls(channel, timeout)
        made._call = prepared(channel, methods.LEASE_KEEP_ALIVE)()
        made._task = asyncio.ensure_future(made._listen())
        return made

    async def grant(self) -> Any:
        granted = await super().grant()
        await self._call.write(LeaseKeepAliveRequest(ID=granted.ID))
        return granted

    async def _listen(self) -> None:
        async for answer in self._call:
            self.left = answer.TTL

    async def close(self) -> None:
        self._task.cancel()
        self._call.cancel()
