"""A bound for frames that carry nothing for a call: a peer that sends only such ones would keep us busy for ever."""

from __future__ import annotations

from collections.abc import Callable

from .frames import ErrorCode, ProtocolError

FRAMES = 10_000  # in a row
TIME = 60.0  # seconds: slower ones are signs of life, e.g. the answers to our own PINGs on an idle watch


class Flood:
    """Counts such frames of one connection; whoever gets something useful sets ``count`` to 0."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.count, self._since = 0, clock()

    def add(self) -> None:
        """Count one. Raises ``ProtocolError`` for too many."""
        if not self.count:
            self._since = self._clock()
        self.count += 1
        if self.count > FRAMES:
            if self._clock() - self._since < TIME:
                raise ProtocolError("too many frames that carry nothing", ErrorCode.ENHANCE_YOUR_CALM)
            self.count = 0
