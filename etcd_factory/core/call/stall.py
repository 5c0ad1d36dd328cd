"""A deadline for each message of a stream: a stream has none of its own, and one without an end cannot have one."""

from __future__ import annotations

from typing import Any, Generic

from etcd_factory.core.ports import Metadata, Q, R, Runtime, Stream, Transport
from etcd_factory.errors import DeadlineExceededError
from etcd_factory.wire.methods import Method


class StallTimeout(Generic[R]):
    """A stream that is closed when a message takes longer than ``limit`` seconds."""

    def __init__(self, runtime: Runtime, stream: Stream[Any, R], limit: float, endpoint: str) -> None:
        self.limit = limit
        self._runtime, self._stream, self._endpoint = runtime, stream, endpoint
        self._since: float | None = None
        self._stalled = False
        self._stop = runtime.signal()
        self._task = runtime.spawn(self._watch(), "etcd_factory stall timeout")

    async def receive(self) -> R | None:
        """Return the next message, None at the end; ``DeadlineExceededError`` if it does not come in time."""
        message, ended = None, None
        self._since = self._runtime.now()
        try:
            message = await self._stream.receive()
        except BaseException as error:  # each transport ends a closed stream in its own way, one even as its end
            if not self._stalled:
                raise
            ended = error
        finally:
            self._since = None
        if self._stalled and message is None:
            raise DeadlineExceededError(f"no message for {self.limit:g} s", endpoint=self._endpoint) from ended
        return message

    async def close(self) -> None:
        """End the stream."""
        self._stop.set()
        await self._stream.close()
        await self._task.join(self.limit)

    async def _watch(self) -> None:
        left = self.limit
        while not await self._stop.wait(left):
            now = self._runtime.now()
            since = self._since
            left = self.limit if since is None else since + self.limit - now
            if left <= 0:
                self._stalled = True
                await self._stream.close()
                break


async def begin(
    transport: Transport,
    runtime: Runtime,
    host: str,
    method: Method[Q, R],
    request: Q,
    timeout: float,
    metadata: Metadata,
) -> tuple[StallTimeout[R], R | None]:
    """Return a stream of responses to one request, and its first message: until that the call may be retried."""
    messages = await transport.stream(host, method, metadata, request)
    stream = StallTimeout(runtime, messages, timeout, host.partition("://")[2])
    try:
        return stream, await stream.receive()
    except BaseException:
        await stream.close()
        raise
