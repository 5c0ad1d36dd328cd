"""Messages that have to come in time: a stream has no deadline of its own, and one without an end can't have one."""

from __future__ import annotations

from typing import Any

from etcd_factory.core.ports import IO, Stream
from etcd_factory.errors import DeadlineExceededError


class StallTimeout:
    """A stream that is ended when it lets itself be waited for longer than ``limit`` seconds."""

    def __init__(self, io: IO, stream: Stream, limit: float, endpoint: str) -> None:
        self.limit = limit
        self._io, self._stream, self._endpoint = io, stream, endpoint
        self._since: float | None = None
        self._late = False
        self._stop = io.signal()
        self._task = io.spawn(self._watch(), "etcd_factory pace")

    async def receive(self) -> Any:
        """The next message, None at the end; ``DeadlineExceededError`` if it does not come in time."""
        message, ended = None, None
        self._since = self._io.now()
        try:
            message = await self._stream.receive()
        except BaseException as error:  # each face has its own way to tell that it ended a stream, one even as its end
            if not self._late:
                raise
            ended = error
        finally:
            self._since = None
        if self._late and message is None:
            raise DeadlineExceededError(f"nothing came for {self.limit:g} s", endpoint=self._endpoint) from ended
        return message

    async def close(self) -> None:
        """End it."""
        self._stop.set()
        await self._stream.close()
        await self._task.join(self.limit)

    async def _watch(self) -> None:
        left = self.limit
        while not await self._stop.wait(left):
            now = self._io.now()
            since = self._since
            left = self.limit if since is None else since + self.limit - now
            if left <= 0:
                self._late = True
                await self._stream.close()
                break
