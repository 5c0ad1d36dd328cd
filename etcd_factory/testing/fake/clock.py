"""The clock of a fake etcd, and what happens when its time comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf


class Clock:
    """A clock that is moved by hand, or one that runs too."""

    def __init__(self, *, runs: bool) -> None:
        self.runs, self._ahead = runs, 0.0

    def now(self) -> float:
        """Return the seconds of the clock."""
        return self._ahead + (time.monotonic() if self.runs else 0.0)

    def advance(self, seconds: float) -> None:
        """Move it."""
        if seconds < 0:
            raise ValueError(f"time does not go back: advance() takes seconds from 0 on, not {seconds}")
        self._ahead += seconds


class Alarm:
    """Calls ``act`` whenever the time has come that ``due`` returns, in a thread that ends when that is never."""

    def __init__(self, clock: Clock, due: Callable[[], float], act: Callable[[], None]) -> None:
        self._clock, self._due, self._act = clock, due, act
        self._changed = threading.Event()
        self._guard = threading.Lock()
        self._runs = False

    def set(self) -> None:
        """Look at ``due`` again: what it returns may have changed."""
        if not self._clock.runs:
            return
        self._changed.set()
        with self._guard:
            if self._runs or self._due() == inf:
                return
            self._runs = True
        threading.Thread(target=self._run, name="FakeEtcd clock", daemon=True).start()

    def forget(self) -> None:
        """Begin again in a forked child, which does not have the thread."""
        self._changed, self._guard, self._runs = threading.Event(), threading.Lock(), False

    def _run(self) -> None:
        while self._is_wanted():
            left = self._due() - self._clock.now()
            self._changed.clear()
            if left > 0:
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            else:
                self._act()

    def _is_wanted(self) -> bool:
        with self._guard:
            self._runs = self._due() < inf
            return self._runs
