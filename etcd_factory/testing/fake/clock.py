"""The clock of a fake etcd, and what happens when its time comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from math import inf


class Clock:
    """A clock that is moved by hand, or one that runs too."""

    def __init__(self, *, runs: bool) -> None:
        self.runs, self._ahead = runs, 0.0

    def now(self) -> float:
        """Return the seconds of the clock."""
        return self._ahead + (time.monotonic() if self.runs else 0.0)

    def after(self, seconds: float) -> float:
        """Return what it shows in so many seconds. Raises ``ValueError`` for less than 0."""
        if seconds < 0:
            raise ValueError(f"time does not go back: advance() takes seconds from 0 on, not {seconds}")
        return self.now() + seconds

    def reach(self, moment: float) -> None:
        """Move it to a moment, unless that is over."""
        self._ahead += max(0.0, moment - self.now())


class Alarm:
    """Calls ``act`` when the time has come that ``due`` returns, in a thread that ends when that is never.

    Both are called with the fake's lock held, which ``lock`` returns.
    """

    def __init__(
        self,
        clock: Clock,
        lock: Callable[[], AbstractContextManager[object]],
        due: Callable[[], float],
        act: Callable[[], None],
    ) -> None:
        self._clock, self._lock, self._due, self._act = clock, lock, due, act
        self._changed, self._runs = threading.Event(), False

    def set(self) -> None:
        """Look at ``due`` again: what it returns may have changed."""
        if not self._clock.runs:
            return
        self._changed.set()
        with self._lock():
            if self._runs or self._due() == inf:
                return
            self._runs = True
            threading.Thread(target=self._run, name="FakeEtcd clock", daemon=True).start()

    def forget(self) -> None:
        """Begin again in a forked child, which does not have the thread."""
        self._changed, self._runs = threading.Event(), False

    def _run(self) -> None:
        while (left := self._step()) < inf:
            self._changed.wait(min(max(0.0, left), threading.TIMEOUT_MAX))

    def _step(self) -> float:
        """Do what is due; returns the seconds until something is, infinity if nothing will be."""
        self._changed.clear()  # first: what changes from here on is seen here, or ends the wait
        with self._lock():
            left = self._due() - self._clock.now()
            if left <= 0:
                self._act()
            self._runs = left < inf
            return left
