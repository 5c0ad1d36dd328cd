"""A call that a thread waits for."""

from __future__ import annotations

import threading
from _thread import allocate_lock

from .calls import Call


class ThreadCall(Call):
    """A call, and the thread that waits for news of it."""

    __slots__ = ("_lock", "deadline", "owner", "start")

    seat: ThreadCall | None = None  # whose thread reads in its place

    def __init__(self, endpoint: str, owner: object, start: float, deadline: float) -> None:
        super().__init__(endpoint)
        self.owner, self.start, self.deadline = owner, start, deadline
        self._lock = allocate_lock()
        self._lock.acquire()

    def wake(self) -> None:
        """Wake the thread; once is enough."""
        try:  # noqa: SIM105 - each answer comes here, and suppress() costs more
            self._lock.release()
        except RuntimeError:  # it is awake
            pass

    @property
    def is_asleep(self) -> bool:
        """Whether nobody has woken its thread."""
        return self._lock.locked()

    def wait(self, timeout: float) -> None:
        """Wait until woken."""
        self._lock.acquire(timeout=min(max(0.0, timeout), threading.TIMEOUT_MAX))

    @property
    def may_read(self) -> bool:
        """Whether its thread may read."""
        return True

    @property
    def has_news(self) -> bool:
        """Whether there is something for its thread."""
        return self.is_done or bool(self.messages and not self.refill)
