"""Taking messages of a stream as they arrive, for a task that waits for them: no other task is woken first."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from .exchange import TOGETHER
from .protocol import AsyncioCall, H2Protocol


class StreamCall(AsyncioCall):
    """The call of a stream, and the task that waits for its news unless another one sits in its place."""

    __slots__ = ("seat",)

    def __init__(self, endpoint: str, owner: object, start: float) -> None:
        super().__init__(endpoint, owner, start, inf)
        self.refill = False
        self.seat: Callable[[], bool] | None = None  # keeps the next message; False if it is for the stream's task

    @property
    def is_awaited(self) -> bool:
        """Whether its task waits for news, and was not woken."""
        return self.waiter is not None and not self.waiter.done()

    def wake(self) -> None:
        """Let who sits take the news, or wake the task of the stream."""
        if self.seat is None or self.is_done or not (self.messages and self.is_awaited and self.seat()):
            super().wake()

    def wake_unserved(self) -> None:
        """Wake the task of the stream if there are news that nobody sits for."""
        if self.seat is None and (self.messages or self.is_done):
            super().wake()


class Seat:
    """Keeps messages for a task that waits for a mailbox; to be used once."""

    def __init__(self, protocol: H2Protocol, call: StreamCall, keep_next: Callable[[], bool | None]) -> None:
        self._protocol, self._call, self._keep_next = protocol, call, keep_next
        self._wake: Callable[[], object] = bool
        self._sits = self.is_filled = False
        self._left = TOGETHER

    def sit(self, wake: Callable[[], object]) -> None:
        """Take messages from now on, unless another one does: at once what is there, else ``wake`` is called."""
        call, self._wake = self._call, wake
        if call.seat is None and call.is_awaited:
            self._sits, call.seat = True, self._keep
            if call.messages:
                call.wake()

    def rise(self) -> None:
        """Take no more. What has come meanwhile waits a turn of the loop: the next who sits may take it."""
        if self._sits:
            self._leave()
            if self._call.messages:
                self._protocol.soon(self._call.wake_unserved)

    def _leave(self) -> None:
        self._sits, self._call.seat = False, None

    def _keep(self) -> bool:
        """Keep what has come, while there is no news for its task, and then as much as is kept together.

        Returns False, and takes no more, if one is for the task of the stream: what that delivers comes first.
        """
        while self._call.messages and (self._left or not self.is_filled):
            news = self._keep_next()
            if news is None:
                self._leave()
                return False
            if news:
                self._left, self.is_filled = self._left - 1, True
                self._wake()
        return True
