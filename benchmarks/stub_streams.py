"""Streams on grpcio alone, as a careful user writes them: a watch, and renewals of leases."""

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

from .stubs import Awaited, Blocking, start_of


def watch_request(prefix: str, start: int) -> Any:
    """Return the request that creates a watch."""
    key = prefix.encode()
    span = {"key": key, "range_end": prefix_end(key), "start_revision": start}
    return WatchRequest(create_request={**span, "progress_notify": True})


class Progress:
    """What a user keeps of the events: the revision to resume after, and here their size."""

    def __init__(self) -> None:
        self.revision = self.size = 0

    def read(self, events: Any) -> int:
        """Read each event, and return how many there are."""
        size, revision = 0, self.revision
        for event in events:
            size += len(event.kv.key) + len(event.kv.value) + event.type
            revision = event.kv.mod_revision
        self.size, self.revision = self.size + size, revision
        return len(events)


class Stream:
    """A blocking stream that sends what is put into its outbox."""

    def __init__(self, channel: Any, method: methods.Method[Any, Any]) -> None:
        self.outbox: SimpleQueue[Any] = SimpleQueue()
        self.call = start_of(channel, method)(iter(self.outbox.get, None))

    def close(self) -> None:
        self.outbox.put(None)
        self.call.cancel()


class Watch(Stream):
    """A blocking watch."""

    def __init__(self, channel: Any, prefix: str, start: int = 0) -> None:
        super().__init__(channel, methods.WATCH)
        self.outbox.put(watch_request(prefix, start))
        assert next(self.call).created

    def value(self) -> bytes:
        """Return the value of the next event, which comes in a response of its own."""
        value: bytes = next(self.call).events[0].kv.value
        return value

    def size(self, count: int) -> int:
        """Read so many events, and return their size."""
        progress = Progress()
        while count > 0:
            count -= progress.read(next(self.call).events)
        return progress.size


class AWatch:
    """A watch in asyncio."""

    call: Any

    @classmethod
    async def open(cls, channel: Any, prefix: str, start: int = 0) -> Self:
        watch = cls()
        watch.call = start_of(channel, methods.WATCH)()
        await watch.call.write(watch_request(prefix, start))
        assert (await watch.call.read()).created
        return watch

    async def value(self) -> bytes:
        """Return the value of the next event, which comes in a response of its own."""
        value: bytes = (await self.call.read()).events[0].kv.value
        return value

    async def size(self, count: int) -> int:
        """Read so many events, and return their size."""
        progress = Progress()
        while count > 0:
            count -= progress.read((await self.call.read()).events)
        return progress.size

    def close(self) -> None:
        self.call.cancel()


class KeepAliveStub(Blocking):
    """A stub that renews its leases on a stream from their grant on, and reads the responses in a thread."""

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
            for response in self._stream.call:
                self.left = response.TTL


class AKeepAliveStub(Awaited):
    """The same in asyncio; a task reads the responses."""

    _call: Any
    _task: asyncio.Future[None]
    left = 0

    @classmethod
    async def open(cls, channel: Any, timeout: float | None) -> Self:
        stub = cls(channel, timeout)
        stub._call = start_of(channel, methods.LEASE_KEEP_ALIVE)()
        stub._task = asyncio.ensure_future(stub._listen())
        return stub

    async def grant(self) -> Any:
        granted = await super().grant()
        await self._call.write(LeaseKeepAliveRequest(ID=granted.ID))
        return granted

    async def _listen(self) -> None:
        async for response in self._call:
            self.left = response.TTL

    async def close(self) -> None:
        self._task.cancel()
        self._call.cancel()
