"""One open stream between a client and a fake etcd."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from etcd_factory.errors import EtcdFactoryError

from .waiting import Waiter, waiter

if TYPE_CHECKING:
    from etcd_factory.core.face import Face

    from .etcd import FakeEtcd

Q = TypeVar("Q")
R = TypeVar("R")


class FakeStream(Generic[Q, R]):
    """The client's side of a stream; ``answer`` takes each message of the client, in the fake's lock.

    While the fake is paused nothing arrives in either direction.
    """

    def __init__(self, etcd: FakeEtcd, face: Face, ended: Callable[[FakeStream[Q, R]], object]) -> None:
        self._etcd, self._face, self._ended = etcd, face, ended
        self.answer: Callable[[Q], None] = ignore
        self.cleanup: Callable[[], object] = lambda: None
        self._sent, self._received = deque[Q](), deque[R]()
        self._waiter: Waiter | None = None
        self._error: EtcdFactoryError | None = None
        self._is_over = False

    def send(self, message: Q) -> None:
        """Send a message to the fake; never waits. On a stream that has ended it goes nowhere."""
        with self._etcd.lock:
            self._sent.append(message)
            self.deliver()

    def deliver(self) -> None:
        """Let the fake take what was sent, unless it is paused; the caller holds its lock."""
        while self._sent and not self._etcd.is_paused and not self._is_over:
            try:
                self.answer(self._sent.popleft())
            except EtcdFactoryError as error:
                self.end(error)
        self.wake()

    def push(self, message: R) -> None:
        """Send a message to the client; the caller holds the fake's lock."""
        self._received.append(message)
        self.wake()

    async def receive(self) -> R | None:
        """Return the next message; None at the end, or raises the error that broke the stream."""
        while True:
            self._waiter = one = waiter(self._face)  # before it looks, so that no wake-up is missed
            if self._received and not self._etcd.is_paused:
                return self._received.popleft()
            if self._is_over:
                break
            await one.wait()
        if self._error is not None:
            raise self._error
        return None

    async def close(self) -> None:
        """End the stream; ``receive`` then returns None."""
        self._received.clear()
        self.end(None)

    def end(self, error: EtcdFactoryError | None) -> None:
        """End the stream; ``receive`` then raises this error, or returns None."""
        with self._etcd.lock:
            self._error, self._is_over = self._error or error, True
            self._ended(self)
            self.cleanup()
        self.wake()

    def wake(self) -> None:
        """Let the receiver look again."""
        if self._waiter is not None:
            self._waiter.wake()


def ignore(_message: object) -> None:
    """Take what a client sends on a stream that the fake does not have."""
