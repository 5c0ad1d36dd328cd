"""Reading a stream in place of the thread that waits for it, so that a message wakes one thread and not two.

The thread of a stream leaves the connection to whoever sits in its place, and for ``ABSENCE`` after that one has risen:
who takes one message after another is soon back. A message that is not for whoever sits there stays where it is, and
wakes the thread of the stream.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable
from math import inf
from queue import SimpleQueue
from time import monotonic

from .exchange import TOGETHER
from .line import Line
from .thread_call import ThreadCall

ABSENCE = 0.05  # seconds without a reader after which the thread of a stream reads itself


class StreamCall(ThreadCall):
    """The call of a stream, and the thread that waits for its news unless another one sits in its place."""

    __slots__ = ("_guard", "_looks", "back", "is_awaited", "seat")

    def __init__(self, endpoint: str, owner: object, start: float) -> None:
        super().__init__(endpoint, owner, start, inf)
        self.refill = False
        self._guard = allocate_lock()
        self.is_awaited = False  # its thread waits for news
        self.seat: ThreadCall | None = None  # who sits in the place of its thread
        self.back = 0.0  # from when on its thread may read
        self._looks = inf  # when that looks again, unless it is woken

    @property
    def has_news(self) -> bool:
        """Whether there is something for its thread."""
        return self.seat is None and super().has_news

    @property
    def may_read(self) -> bool:
        """Whether its thread may read."""
        return self.back <= monotonic()

    def wake(self) -> None:
        """Wake who waits for its news."""
        seat = self.seat
        if seat is None:
            super().wake()
        else:
            seat.wake()

    def wait(self, timeout: float) -> None:
        """Wait until woken, or until its thread may read."""
        self._looks = inf  # first: who rises meanwhile either sees that, and wakes it, or has set ``back`` before
        back = self.back
        left = back - monotonic()
        if 0 < left < timeout:
            self._looks, timeout = back, left
        super().wait(timeout)

    def leave_news(self) -> bool:
        """Return whether the news are for its thread; False if another one has sat down meanwhile."""
        with self._guard:
            self.is_awaited = self.seat is not None
            return not self.is_awaited

    def sit(self, seat: ThreadCall) -> bool:
        """Take the place of its thread; False if that does not wait, or another one has it."""
        with self._guard:
            if not self.is_awaited or self.is_done or self.seat is not None:
                return False
            self.seat, self.back = seat, inf
            return True

    def rise(self, seat: ThreadCall, *, is_served: bool) -> None:
        """Leave the place to its thread, soon if there are news that were not for the seat; idempotent."""
        if self.seat is seat:
            self.back = monotonic() + ABSENCE
            self.seat = None
        if self._looks > self.back or (self.has_news and not is_served):
            super().wake()


class Seat(ThreadCall):
    """A thread that waits for a queue of its own, and reads a stream meanwhile; to be used once.

    ``is_filled`` once a message was kept, and those that came with it, up to ``TOGETHER``. An interrupt loses none: one
    that comes before a message is taken from the stream leaves it to the next who looks, who leaves out what was kept.
    """

    __slots__ = ("_call", "_keep_next", "_line", "_queue", "is_filled")

    def __init__(self, line: Line, call: StreamCall, keep_next: Callable[[], bool | None]) -> None:
        super().__init__(line.endpoint, None, 0.0, inf)
        self._line, self._call, self._keep_next = line, call, keep_next
        self._queue: SimpleQueue[None] = SimpleQueue()
        self.is_filled = False

    def put(self, item: None) -> None:
        """Wake it."""
        self._queue.put(item)
        self.wake()
        self._line.rouse(self)

    def get(self, timeout: float | None = None) -> None:
        """Wait until it is woken or filled. Raises ``queue.Empty`` after ``timeout`` seconds."""
        self.deadline = inf if timeout is None else monotonic() + timeout
        is_served = False
        try:
            try:
                is_served = self._sits(timeout) and self._read()
            finally:
                self._call.rise(self, is_served=is_served)
            if self._call.has_news:  # and its thread may have begun to read before it looked who sat here
                self._line.rouse(self._call)
        except BaseException:  # an interrupt, perhaps while it rose
            self._call.rise(self, is_served=False)
            raise
        if not self.is_filled:
            self._queue.get(timeout=None if timeout is None else max(0.0, self.deadline - monotonic()))

    @property
    def has_news(self) -> bool:
        """Whether there is something for its thread."""
        call = self._call
        return bool(call.messages) or call.is_done or not self._queue.empty() or monotonic() >= self.deadline

    def _sits(self, timeout: float | None) -> bool:
        """Take the place of the stream's thread; for a short time only if that does not read."""
        is_short = timeout is not None and timeout < ABSENCE
        if (is_short and self._line.reader is self._call) or not self._call.sit(self):
            return False
        if not self._call.messages:
            self._line.rouse(self._call)
            if is_short:
                self._line.look()
        return True

    def _read(self) -> bool:
        """Read until it is woken, there is something that is not for it, or a message was kept.

        Once it is woken nothing is kept: what the thread of the stream has delivered before comes first. Returns False
        if something is there for that thread.
        """
        messages = self._call.messages
        while not self.is_filled:
            if not messages:
                self._line.news(self)
            if not (messages and self._queue.empty() and self._keep()):
                return False
        return all(self._keep() for _ in range(min(len(messages), TOGETHER)))

    def _keep(self) -> bool:
        """Keep the next message if it is for the seat; returns whether it is."""
        news = self._keep_next()
        self.is_filled = self.is_filled or bool(news)
        return news is not None
