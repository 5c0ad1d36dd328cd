"""Who waits for what the kernel reports."""

from __future__ import annotations

import select
import threading

import pytest

BOUND = 10  # seconds that nothing here takes


class Polls:
    """In place of ``select.poll``: it counts those who begin to wait, or raises ``error`` in them."""

    def __init__(self, poll):
        self._poll, self._begun, self.error = poll, threading.Semaphore(0), None

    def __call__(self):
        if self.error:
            raise self.error
        self._begun.release()
        return self._poll()

    def begun(self, count):
        """Wait until so many have begun."""
        for _ in range(count):
            assert self._begun.acquire(timeout=BOUND)


@pytest.fixture
def polls(monkeypatch):
    made = Polls(select.poll)
    monkeypatch.setattr(select, "poll", made)
    return made
