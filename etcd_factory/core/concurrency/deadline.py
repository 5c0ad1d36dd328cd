"""Until when a contender tries to get its turn, and how long its calls may take until then."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from attrs import frozen

LEAST = 0.001  # seconds before the end that are too few for a call
PATIENCE = 0.25  # seconds that a last look, or leaving, may hold up who has reached the end


@frozen
class Deadline:
    """One end for all calls of a contender; ``usual`` is what a call may take without one. Times are the clock's."""

    usual: float
    now: Callable[[], float]
    end: float = inf
    last: float = PATIENCE

    @classmethod
    def after(cls, timeout: float, usual: float, now: Callable[[], float]) -> Deadline:
        """Return the end in ``timeout`` seconds; with 0 one attempt takes the usual time."""
        return cls(usual, now, now() + timeout, PATIENCE if timeout else usual)

    @property
    def left(self) -> float:
        """The seconds until it is reached."""
        return self.end - self.now()

    @property
    def reached(self) -> bool:
        """Whether it is time for the last look."""
        return self.left <= 0

    @property
    def over(self) -> bool:
        """Whether no call is to be repeated any more."""
        return self.reached and self.last <= PATIENCE

    @property
    def limits(self) -> bool:
        """Whether a call has less time than usual, so that it may give up before the end."""
        return self.left < self.usual

    @property
    def call_timeout(self) -> float:
        """The seconds that a call may take."""
        return min(self.left if self.left > LEAST else self.last, self.usual)

    @property
    def wait_timeout(self) -> float | None:
        """The seconds to wait for something that happens at another time, None for ever."""
        return None if self.end == inf else max(0.0, self.left)


NEVER = Deadline(inf, lambda: 0.0)  # calls take as long as they usually may
