"""When a connection is asked for a sign of life, and when it counts as lost."""

from __future__ import annotations

from math import inf

from etcd_factory.options import Keepalive

PATIENCE = 1.0  # seconds that the answer to a PING may take before a connection that was silent is given up
SPACING = 5.0  # seconds between PINGs: etcd disconnects clients that ask more often, unless it answers calls meanwhile


class Liveness:
    """What was heard on one connection, and when; times are of ``time.monotonic``.

    etcd disconnects clients that ping more often than every 5 s, or without a call under way.
    """

    __slots__ = ("_asked", "_options", "_pinged", "heard", "trusted")

    def __init__(self, options: Keepalive, now: float) -> None:
        self._options = options
        self._pinged: float | None = None
        self._asked = -inf  # when the last PING was sent, or answered
        self.heard, self.trusted = now, now + options.time  # until then it may be used without a test

    def hear(self, now: float) -> None:
        """Something has arrived."""
        if self.trusted == -inf:
            self._asked = now
        self.heard, self.trusted = now, now + self._options.time
        self._pinged = None

    def suspect(self, since: float) -> None:
        """A call that began at ``since`` heard nothing until its deadline: test the connection before its next use.

        Not one that has passed a test just before: it works, and only the call took too long.
        """
        if self.heard <= since and since >= self._asked + SPACING:
            self.trusted = -inf

    def distrust(self) -> None:
        """Use it for new calls no more."""
        self.trusted = -inf

    def due(self, *, busy: bool) -> float:
        """Return when to look again."""
        if self._pinged is not None:
            return self._pinged + self._options.timeout
        return self.heard + self._options.time if busy else inf

    def check(self, now: float, *, busy: bool) -> bool:
        """Return whether to send a PING now. Raises ``TimeoutError`` if the last one was not answered in time."""
        if now < self.due(busy=busy):
            return False
        if self._pinged is not None:
            raise TimeoutError(f"the server did not answer a PING within {self._options.timeout:g} s")
        self._pinged = self._asked = now
        return True
